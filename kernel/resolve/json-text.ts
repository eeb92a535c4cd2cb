/** JSON that people write: read, and where it is broken said where. */

/** A text that is no JSON. */
export class JsonError extends SyntaxError {
  override name = 'JsonError'
  /** Where, in UTF-16 units. */
  readonly offset: number
  constructor(message: string, offset: number) {
    super(message)
    this.offset = offset
  }
}

/** As a configuration is written: with comments, trailing commas, and the mark that some editors put at the start. Offsets stay. */
export function parseLoosely(text: string): unknown {
  const blank = (part: string) => part.replaceAll(/[^\n]/g, ' ')
  const bare = text
    .replace(/^\uFEFF/, ' ')
    .replaceAll(/("(?:[^"\\\n]|\\.)*")|\/\/[^\n]*|\/\*[^]*?\*\//g, (part, string) => string ?? blank(part))
  return parseJson(bare.replaceAll(/("(?:[^"\\\n]|\\.)*")|,(?=\s*[}\]])/g, (_, string) => string ?? ' '))
}

/** As `JSON.parse`, with a `JsonError` that says where the text is broken, which V8 does not always. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ' '))
  } catch (error) {
    throw findError(text) ?? error
  }
}

/** How the text at a place reads in a message. */
function found(text: string, at: number): string {
  if (at >= text.length) return 'the end'
  const word = /^(?:[\w$.+-]+|"[^"\n]{0,20}"?|[^])/.exec(text.slice(at))![0]
  return word.startsWith('"') ? word : `'${word.slice(0, 20)}'`
}

const literal = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w$.])/y
// oxlint-disable-next-line no-control-regex
const string = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y

/** The first place at which a text is not what JSON has there. */
function findError(text: string): JsonError | undefined {
  let at = 0
  const fail = (expected: string): never => {
    throw new JsonError(`expected ${expected}, received ${found(text, at)}`, Math.min(at, text.length))
  }
  const skip = (): void => {
    while (/[\s\uFEFF]/.test(text[at] ?? '')) at++
  }
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at
    if (!pattern.test(text)) return false
    at = pattern.lastIndex
    return true
  }
  const readString = (expected: string): void => {
    if (take(string)) return
    if (text[at] !== '"') fail(expected)
    throw new JsonError('this string is not closed on its line, or has an escape that JSON does not know', at)
  }
  const separated = (close: string, expected: string, item: () => void): void => {
    at++
    skip()
    if (text[at] === close) return void at++
    for (;;) {
      item()
      skip()
      const next = text[at]
      if (next !== ',' && next !== close) fail(`',' or '${close}'`)
      at++
      if (next === close) return
      skip()
      if (text[at] === close) fail(expected)
    }
  }
  const value = (): void => {
    skip()
    if (text[at] === '{')
      separated('}', 'a name in double quotes', () => {
        readString('a name in double quotes')
        skip()
        if (text[at] !== ':') fail("':'")
        at++
        value()
      })
    else if (text[at] === '[') separated(']', 'a value', value)
    else if (text[at] === '"') readString('a value')
    else if (!take(literal)) fail('a value')
  }
  try {
    value()
    skip()
    if (at < text.length) fail('the end')
    return undefined
  } catch (error) {
    // A text that is nested too deeply to look at (RangeError) is left to what JSON.parse said of it.
    return error instanceof JsonError ? error : undefined
  }
}
