import { describe, InputError } from '../errors.js'
import type { Mistake } from '../views.js'
import type { EvaluationDetail } from './detail.js'
import { meanInterval, shareInterval } from './interval.js'
import { mistakeAt } from './rows.js'

/** How one part of the data does. */
export interface SliceRow {
  slice: string
  count: number
  /** Of its examples: `run.focus(slice)`, `run.exclude(slice)`, `run.reweight(slice, 2)`. */
  ids: readonly number[]
  /**
   * Mean, with the interval that holds the true mean 19 times in 20 (Student's t) where losses are about normal; of few and
   * skewed ones less often.
   */
  loss: number
  lossFrom: number
  lossTo: number
  /** Share that is right, with its interval (Wilson's), of any count; where right and wrong are known. */
  accuracy?: number
  accuracyFrom?: number
  accuracyTo?: number
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
  const { mean, from, to } = meanInterval(positions.map((position) => losses[position]!))
  const row = { slice, count, loss: mean, lossFrom: from, lossTo: to } as SliceRow
  // Not a column of the table that the rows are shown as.
  const ids = positions.map((position) => dataset.ids[position]!)
  Object.defineProperty(row, 'ids', { value: ids, enumerable: false })
  if (!right) return row
  const found = positions.reduce((sum, position) => sum + right[position]!, 0)
  const [accuracy, accuracyFrom, accuracyTo] = shareInterval(found, count)
  return Object.assign(row, { accuracy, accuracyFrom, accuracyTo })
}
