import { asProgram, parseCell, readSource } from '../../cell/index.js'

/** Whether a console may run the text, or waits for another line, which starts with `indent`. */
export function isComplete(text: string): {
  status: 'complete' | 'incomplete' | 'invalid'
  indent: string
} {
  const program = asProgram(readSource(text))
  const { errors } = parseCell(program.text)
  if (errors.length === 0) return { status: 'complete', indent: '' }
  const { depth, levels, open } = scanBrackets(text)
  // A string ends on its line or not at all.
  if (!open && errors.some(({ message }) => message === 'Unterminated string'))
    return { status: 'invalid', indent: '' }
  // What is missing lies at the end: something is open, or the last error is where the text ends.
  const end = program.text.trimEnd().length
  const atEnd = errors.some(({ labels }) => labels.length === 0 || labels.some((label) => label.end >= end))
  if (open || (depth > 0 && atEnd) || (atEnd && depth >= 0))
    return { status: 'incomplete', indent: open === '`' ? '' : unitOf(text).repeat(levels) }
  return { status: 'invalid', indent: '' }
}

/** What the text is indented by: its own first indentation, or two spaces. */
function unitOf(text: string): string {
  const [, first] = /^(\t|[ ]{2,8}(?! ))[ \t]*\S/m.exec(text) ?? []
  return first ?? '  '
}

interface Open {
  /** How many brackets are open at the end of a text; negative where more are closed than were opened. */
  depth: number
  /** On how many lines they were opened: `f({` is one step inwards. */
  levels: number
  /** What the text ends in. */
  open?: '`' | '/*'
}

function scanBrackets(text: string): Open {
  let depth = 0
  /** Where the lines of the open brackets begin. */
  const lines: number[] = []
  const templates: number[] = []
  const lineAt = (at: number): number => text.lastIndexOf('\n', at)
  const ended = (open?: Open['open']): Open => ({ depth, levels: new Set(lines).size, ...(open && { open }) })
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!
    const inTemplate = templates.at(-1) === -1
    if (inTemplate) {
      if (char === '\\') at++
      else if (char === '`') templates.pop()
      else if (char === '$' && text[at + 1] === '{') {
        templates.push(depth++)
        lines.push(lineAt(at))
        at++
      }
    } else if (char === '`') templates.push(-1)
    else if (char === '"' || char === "'") {
      for (at++; at < text.length && text[at] !== char && text[at] !== '\n'; at++) if (text[at] === '\\') at++
    } else if (text.startsWith('//', at)) {
      const end = text.indexOf('\n', at)
      at = end === -1 ? text.length : end
    } else if (text.startsWith('/*', at)) {
      const end = text.indexOf('*/', at + 2)
      if (end === -1) return ended('/*')
      at = end + 1
    } else if ('([{'.includes(char)) {
      depth++
      lines.push(lineAt(at))
    } else if (')]}'.includes(char)) {
      depth--
      lines.pop()
      if (char === '}' && templates.at(-1) === depth) templates.pop()
    }
  }
  return ended(templates.at(-1) === -1 ? '`' : undefined)
}
