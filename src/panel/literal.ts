/** Values and names as they are written in a cell. */

/** 'it\'s flat' */
export const quoted = (text: string): string =>
  `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`

const isName = (text: string): boolean => /^[A-Za-z_$][\w$]*$/.test(text)

/** What JSON can say, as one would type it: { learningRate: 0.001 }. */
export function literal(value: unknown): string {
  if (typeof value === 'string') return quoted(value)
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  if (fields.length === 0) return '{}'
  return `{ ${fields.map(([name, field]) => `${isName(name) ? name : quoted(name)}: ${literal(field)}`).join(', ')} }`
}

/** Words that no variable can be called. */
const reserved =
  /^(?:arguments|await|break|case|catch|class|const|continue|debugger|default|delete|do|else|enum|eval|export|extends|false|finally|for|function|if|implements|import|in|instanceof|interface|let|new|null|package|private|protected|public|return|static|super|switch|this|throw|true|try|typeof|undefined|var|void|while|with|yield)$/

/** A name for a variable, from a text: 'digits-2' is digits2. None that is `taken`. */
export function variableName(text: string, taken: ReadonlySet<string>): string {
  const [first = '', ...rest] = text.split(/[^A-Za-z0-9_$]+/).filter((part) => part !== '')
  const joined = first + rest.map((part) => part[0]!.toUpperCase() + part.slice(1)).join('')
  const name =
    !isName(joined) || reserved.test(joined)
      ? `run${joined[0]?.toUpperCase() ?? ''}${joined.slice(1)}`
      : joined
  for (let i = 1; ; i++) {
    const numbered = i === 1 ? name : `${name}_${i}`
    if (!taken.has(numbered) && !(numbered in globalThis)) return numbered
  }
}
