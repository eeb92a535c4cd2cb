import { named } from '../../suggest.js'
import { textOf, type TextOptions } from './decode.js'

/** The lines of a text file without their ends, at flat memory; packed by gzip or not. */
export async function* linesOf(path: string, options: TextOptions = {}): AsyncGenerator<string> {
  for await (const line of wholeLinesOf(path, options)) yield withoutEnd(line)
}

/** The lines with their ends: a line break within quotes is kept as it stands. */
export async function* wholeLinesOf(path: string, options: TextOptions = {}): AsyncGenerator<string> {
  let rest = ''
  for await (const piece of textOf(path, options)) {
    const text = rest + piece
    let from = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      yield text.slice(from, end + 1)
      from = end + 1
    }
    rest = text.slice(from)
  }
  if (rest) yield rest
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
