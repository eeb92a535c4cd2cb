import { describe, InputError } from '../errors.js'
import type { Mistake } from '../views.js'
import type { EvaluationDetail } from './detail.js'
import { mistakeAt } from './rows.js'

/** How one part of the data does. */
export interface SliceRow {
  slice: string
  count: number
  /** Of its examples: `run.focus(slice)`, `run.exclude(slice)`, `run.reweight(slice, 2)`. */
  ids: readonly number[]
  /** Mean, with the interval that holds the true mean 19 times in 20. */
  loss: number
  lossFrom: number
  lossTo: number
  /** Share that is right, with its interval; where right and wrong are known. */
  accuracy?: number
  accuracyFrom?: number
  accuracyTo?: number
}

/** 97.5 % of a normal distribution lie below. */
const z = 1.959964

/**
 * The share `found / count` and the interval that holds the true one 19 times in 20 (Wilson 1927): right for small
 * counts and for shares near 0 and 1, where the textbook's interval is not.
 */
export function shareInterval(found: number, count: number): [share: number, from: number, to: number] {
  if (count === 0) return [NaN, 0, 1]
  const share = found / count
  const middle = (share + (z * z) / (2 * count)) / (1 + (z * z) / count)
  const half =
    (z / (1 + (z * z) / count)) * Math.sqrt((share * (1 - share)) / count + (z * z) / (4 * count * count))
  return [share, Math.max(0, middle - half), Math.min(1, middle + half)]
}

/** One row for each value of `by`, the highest loss first. */
export function slicesOf(
  detail: EvaluationDetail,
  by: (row: Mistake) => string | number | boolean,
  labels: ReadonlyMap<number, ArrayLike<number>> = new Map(),
): SliceRow[] {
  if (typeof by !== 'function')
    throw new InputError({
      where: 'run.slices({ by })',
      received: describe(by),
      expected: 'a function of the example, e.g. (row) => row.expected',
    })
  const groups = new Map<string, number[]>()
  for (let position = 0; position < detail.losses.length; position++) {
    const key = String(by(mistakeAt(detail, position, labels.get(position))))
    const group = groups.get(key)
    if (group) group.push(position)
    else groups.set(key, [position])
  }
  return [...groups]
    .map(([slice, positions]) => sliceRow(detail, slice, positions))
    .toSorted((a, b) => b.loss - a.loss)
}

function sliceRow(
  { dataset, losses, right }: EvaluationDetail,
  slice: string,
  positions: number[],
): SliceRow {
  const count = positions.length
  const loss = positions.reduce((sum, position) => sum + losses[position]!, 0) / count
  const squares = positions.reduce((sum, position) => sum + (losses[position]! - loss) ** 2, 0)
  const half = count > 1 ? z * Math.sqrt(squares / (count - 1) / count) : Infinity
  const row = { slice, count, loss, lossFrom: loss - half, lossTo: loss + half } as SliceRow
  // Not a column of the table that the rows are shown as.
  const ids = positions.map((position) => dataset.ids[position]!)
  Object.defineProperty(row, 'ids', { value: ids, enumerable: false })
  if (!right) return row
  const found = positions.reduce((sum, position) => sum + right[position]!, 0)
  const [accuracy, accuracyFrom, accuracyTo] = shareInterval(found, count)
  return Object.assign(row, { accuracy, accuracyFrom, accuracyTo })
}
