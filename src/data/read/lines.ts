import { named } from '../../suggest.js'
import { textOf, type TextOptions } from './decode.js'

/** The lines of a text file without their ends, at flat memory; packed by gzip or not. */
export async function* linesOf(path: string, options: TextOptions = {}): AsyncGenerator<string> {
  for await (const line of wholeLinesOf(path, options)) yield withoutEnd(line)
}

/** The lines with their ends (LF, CR LF, or CR alone as old Macintosh files have it): a line break within quotes is kept as it stands. */
export async function* wholeLinesOf(path: string, options: TextOptions = {}): AsyncGenerator<string> {
  let rest = ''
  for await (const piece of textOf(path, options)) {
    const text = rest + piece
    // Of a CR at the end nobody knows yet whether an LF follows.
    const whole = text.endsWith('\r') ? text.slice(0, -1) : text
    let from = 0
    for (const end of endsOf(whole)) {
      yield text.slice(from, end)
      from = end
    }
    rest = text.slice(from)
  }
  if (rest) yield rest
}

/** Where lines end in a text, behind their ends. */
function* endsOf(text: string): Generator<number> {
  if (/\r(?!\n)/.test(text))
    for (const { index, 0: end } of text.matchAll(/\r?\n|\r/g)) yield index + end.length
  else for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) yield end + 1
}

export function withoutEnd(line: string): string {
  const end = line.charCodeAt(line.length - 1) === 10 ? line.length - 1 : line.length
  return line.slice(0, line.charCodeAt(end - 1) === 13 ? end - 1 : end)
}

/**
 * The lines of a text file as records `{ text }`, empty ones left out.
 *
 * @example for await (const { text } of readText('poems.txt')) console.log(text)
 */
export async function* readText(path: string, options: TextOptions = {}): AsyncGenerator<{ text: string }> {
  named(options, ['encoding'], 'readText(path, options)')
  for await (const line of linesOf(path, options)) if (line.trim()) yield { text: line }
}
