import { applyEdits, findLineStarts, lineOf, shiftOffsets, type Edit } from '../cell/index.js'
import type { Position } from './service.js'

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
  /(?<=(?:\bfrom|\bimport|\brequire\s*\(|\bimport\s*\()\s*(['"]))(?:\.{1,2}(?:\/[^'"\n]*)?|file:[^'"\n]+)(?=\1)/g

/** Makes relative imports, and addresses of files, absolute paths: the module does not lie where the cell does. Works on unfinished text too. */
export function absoluteImports(text: string, resolve: (specifier: string) => string): Edit[] {
  return [...text.matchAll(relative)].map(({ 0: specifier, index }) => ({
    start: index,
    end: index + specifier.length,
    text: resolve(specifier).replaceAll('\\', '/'),
  }))
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
