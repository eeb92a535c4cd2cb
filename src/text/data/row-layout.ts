import type { TokenStream } from './token-store.js'

/** How tokens lie in rows, the examples of a dataset of tokens. */
export interface RowLayout {
  /** How many rows there are. */
  readonly length: number
  /**
   * Writes a row: its tokens, the token behind each (-1 where there is none to learn), and the place in the row at which the document
   * of each begins, where that is asked.
   *
   * @param position from 0 to `length` - 1; the arrays are as long as a row.
   */
  read(position: number, x: Int32Array, y: Int32Array, begins?: Int32Array): void
}

/** How many windows a sequence of tokens has. */
const windowsIn = (tokens: number, context: number, step: number): number =>
  Math.max(0, Math.floor((tokens - 1 - context) / step) + 1)

/** Windows of tokens in a row, `step` from one to the next; nothing is learned over a border that is asked for. */
export function windowRows(tokens: TokenStream, context: number, step: number): RowLayout {
  return {
    length: windowsIn(tokens.length, context, step),
    read(position, x, y, begins) {
      const row = new Int32Array(context + 1)
      const starts = begins && new Int32Array(context + 1)
      tokens.read(position * step, row, starts)
      x.set(row.subarray(0, context))
      y.set(row.subarray(1))
      if (!begins || !starts) return
      begins.set(starts.subarray(0, context))
      for (let at = 1; at <= context; at++) if (starts[at] === at) y[at - 1] = -1
    },
  }
}
