import { InputError } from '../errors.js'
import type { SplitName } from '../data/dataset.js'
import type { EvaluationDetail } from './detail.js'

/** What a prediction of a number is off by. */
export interface ResidualRow {
  id: number
  split: SplitName
  expected: number
  predicted: number
  /** predicted - expected */
  residual: number
}

/** One row an example, the farthest off first. */
export function residualsOf(
  { dataset, predicted, right }: EvaluationDetail,
  labels: ReadonlyMap<number, ArrayLike<number>> = new Map(),
): ResidualRow[] {
  if (!predicted || right)
    throw new InputError({
      where: 'run.residuals()',
      received: right
        ? 'a model that predicts classes'
        : 'a model that does not predict one number an example',
      expected: 'one number an example',
      fix: right ? 'Look at run.confusion() instead.' : "Look at run.mistakes({ by: 'loss' }) instead.",
    })
  return Array.from(predicted, (value, position): ResidualRow => {
    const expected = Number((labels.get(position) ?? dataset.valuesAt(position).y)[0])
    return {
      id: dataset.ids[position]!,
      split: dataset.split,
      expected,
      predicted: value,
      residual: value - expected,
    }
  }).toSorted((a, b) => Math.abs(b.residual) - Math.abs(a.residual) || a.id - b.id)
}
