import { width as whole } from '../../look.js'

const mostRows = 6

/** A text beside the line of its adjustment. */
export interface Label {
  x: number
  text: string
  /** 0: the one over the plot. */
  row: number
  /** Aligned left, at the right of its line. */
  left: boolean
}

/**
 * Rows from the plot upwards: a label goes into the lowest row where it meets no other, no line of a higher label runs
 * through it, and its own through none below. Written to the right of their lines where that leaves a text without a
 * place, to the left; what has none then either stands where a line runs through it.
 */
export function inRows(
  adjustments: readonly { at: number; text: string }[],
  end: number,
  width = whole,
): Label[] {
  const marks = adjustments.map(({ at, text }) => {
    const line = (at / end) * width
    const length = text.length * 6 + 10
    return { at, text, line, length }
  })
  const toRight = arranged(marks, ({ line, length }) => line + length <= width || line < width / 2)
  if (toRight.crossed === 0) return toRight.labels
  const toLeft = arranged(marks, ({ line, length }) => line < length)
  return (toLeft.crossed < toRight.crossed ? toLeft : toRight).labels
}

interface Mark {
  at: number
  text: string
  /** Where its line comes down to the plot, through all rows below: in pixels, as the length. */
  line: number
  length: number
}

type Span = { from: number; to: number; line: number }

/** @param isRight whether a text begins at its line; else it ends there. */
function arranged(
  marks: readonly Mark[],
  isRight: (mark: Mark) => boolean,
): { labels: Label[]; crossed: number } {
  const rows: Span[][] = Array.from({ length: mostRows }, () => [])
  const isApart = (one: Span, other: Span) => one.to <= other.from || other.to <= one.from
  const isUncrossed = (upper: Span, lower: Span) => upper.line <= lower.from || upper.line >= lower.to
  const isFree = (span: Span, row: number) =>
    rows.every((others, other) =>
      others.every((one) =>
        other === row ? isApart(one, span) : other > row ? isUncrossed(one, span) : isUncrossed(span, one),
      ),
    )
  const labels: Label[] = []
  let crossed = 0
  // A line meets what is written over it from the other side: of two texts to the right the later is the lower one.
  const inOrder = [
    ...marks.filter(isRight).toSorted((a, b) => b.at - a.at),
    ...marks.filter((mark) => !isRight(mark)).toSorted((a, b) => a.at - b.at),
  ]
  for (const mark of inOrder) {
    const { at, text, line, length } = mark
    const left = isRight(mark)
    const span = left ? { from: line, to: line + length, line } : { from: line - length, to: line, line }
    let row = rows.findIndex((_, i) => isFree(span, i))
    if (row < 0) {
      crossed++
      row = rows.findIndex((others) => others.every((one) => isApart(one, span)))
    }
    if (row < 0) continue
    rows[row]!.push(span)
    labels.push({ x: at, text, row, left })
  }
  return { labels, crossed }
}
