/** Edits of a text, and where they put its places. Ours since `magic-string` makes a trivial cell a quarter slower: see dev/LOG.md. */

/** Replaces the text from `start` to `end` (an insertion where both are equal). */
export interface Edit {
  start: number
  end: number
  text: string
}

/** Edits in the order of their places; insertions at the same place keep the order in which they were made. */
export function sortEdits(edits: readonly Edit[]): Edit[] {
  return edits
    .map((edit, order) => ({ edit, order }))
    .sort((a, b) => a.edit.start - b.edit.start || a.edit.end - b.edit.end || a.order - b.order)
    .map(({ edit }) => edit)
}

/** The text after all `edits`, which are sorted and do not overlap. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  let result = ''
  let at = 0
  for (const { start, end, text: inserted } of edits) {
    result += text.slice(at, start) + inserted
    at = end
  }
  return result + text.slice(at)
}

/** Where each of the ascending `offsets` of the text lies after the edits; what was replaced lies where its replacement starts. */
export function shiftOffsets(offsets: readonly number[], edits: readonly Edit[]): number[] {
  let next = 0
  let shift = 0
  return offsets.map((offset) => {
    for (; next < edits.length && edits[next]!.end <= offset; next++)
      shift += edits[next]!.text.length - (edits[next]!.end - edits[next]!.start)
    const edit = edits[next]
    return edit && edit.start < offset ? edit.start + shift : offset + shift
  })
}
