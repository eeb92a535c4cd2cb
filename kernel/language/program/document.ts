import { sep } from 'node:path'
import { applyEdits, findLineStarts, lineOf, shiftOffsets, type Edit } from '../../cell/index.js'
import type { Position } from '../typescript/service.js'

/** A cell's text as it stands in a module: after a prelude of our own, with its imports of files made absolute. */
export interface Document {
  path: string
  text: string
  /** Where the cell's text starts. */
  start: number
  /** What was replaced in it, in offsets of the cell. */
  edits: readonly Edit[]
}

const relative =
  /(?<=(?:\bfrom|\bimport|\brequire\s*\(|\bimport\s*\()\s*(['"]))(?:\.{1,2}(?:\/(?:[^'"\\\n]|\\.)*)?|file:[^'"\n]+|#(?:[^'"\\\n]|\\.)+)(?=\1)/g

/** A path that was written in place of an import. */
interface PathEdit extends Edit {
  /** How TypeScript calls it in its messages. */
  path: string
}

/** What a literal of the text says. */
function unquote(written: string): string {
  return written.replaceAll(/\\(?:u\{([\da-f]+)\}|u([\da-f]{4})|x([\da-f]{2})|(.))/gi, (_, a, b, c, d) => {
    const code = a ?? b ?? c
    return code === undefined
      ? ({ n: '\n', t: '\t' }[d as string] ?? d)
      : String.fromCodePoint(parseInt(code, 16))
  })
}

/**
 * Makes relative imports, addresses of files and names of `imports` absolute paths: the module does not lie where the cell does.
 * Works on unfinished text too.
 */
export function absoluteImports(text: string, resolve: (specifier: string) => string): PathEdit[] {
  return [...text.matchAll(relative)].map(({ 0: specifier, 1: quote, index }) => {
    const resolved = resolve(unquote(specifier))
    const path = sep === '\\' ? resolved.replaceAll('\\', '/') : resolved
    // Folders are called `Anna's notebooks`.
    const literal = JSON.stringify(path).slice(1, -1)
    const written = quote === "'" ? literal.replaceAll('\\"', '"').replaceAll("'", "\\'") : literal
    return { start: index, end: index + specifier.length, text: written, path }
  })
}

export function createDocument(
  path: string,
  prelude: string,
  cell: { text: string; offset: number },
  edits: readonly Edit[],
  end: string,
): Document {
  return {
    path,
    text: `${prelude}${applyEdits(cell.text, edits)}${end}`,
    start: prelude.length + cell.offset,
    edits,
  }
}

/** The position in a document of an offset in its cell. */
export function toPosition({ text, start, edits }: Document, offset: number): Position {
  const at = start + shiftOffsets([offset], edits)[0]!
  const lines = findLineStarts(text)
  const line = lineOf(lines, at)
  return { line, character: at - lines[line]! }
}

/** The offset in a cell of a position in its document; negative before it. */
export function toOffset(
  { text, start, edits }: Document,
  { line, character }: Position,
  lines = findLineStarts(text),
): number {
  const at = (lines[line] ?? text.length) + character - start
  let shift = 0
  for (const edit of edits) {
    if (at < edit.start + shift) break
    if (at < edit.start + shift + edit.text.length) return edit.start
    shift += edit.text.length - (edit.end - edit.start)
  }
  return at - shift
}
