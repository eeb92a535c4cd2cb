import { InputError } from '../errors.js'
import type { ConfusionView } from '../views.js'
import type { EvaluationDetail } from './detail.js'
import { expectedClass } from './rows.js'

/** A confusion matrix that knows the examples behind each of its cells. */
export interface Confusion extends ConfusionView {
  /** ids[expected][predicted] */
  ids: readonly (readonly (readonly number[])[])[]
  /** One row a class: of those predicted, the share that is right; of those expected, the share that was found. */
  classes: readonly ClassRow[]
}

export interface ClassRow {
  label: string
  precision: number
  recall: number
  f1: number
  /** Examples of the class. */
  count: number
}

/** How often each class was taken for each. */
export function confusionOf(
  detail: EvaluationDetail,
  labels: ReadonlyMap<number, ArrayLike<number>> = new Map(),
): Confusion {
  const { dataset, predicted, right } = detail
  if (!predicted || !right)
    throw new InputError({
      where: 'run.confusion()',
      received: 'a model that does not predict classes',
      expected: 'a model trained with a cross-entropy loss, one class an example',
      fix: "Look at run.mistakes({ by: 'loss' }) instead.",
    })
  let count = dataset.classes?.length ?? 2
  const expected = Int32Array.from(predicted, (_, position) =>
    expectedClass(dataset, position, labels.get(position)),
  )
  for (const one of [...expected, ...predicted]) count = Math.max(count, one + 1)
  const ids: number[][][] = Array.from({ length: count }, () => Array.from({ length: count }, () => []))
  for (const [position, one] of expected.entries())
    ids[one]![predicted[position]!]!.push(dataset.ids[position]!)
  const counts = ids.map((row) => row.map((cell) => cell.length))
  const names = counts.map((_, i) => dataset.classes?.[i] ?? String(i))
  return {
    kind: 'confusion',
    iteration: detail.iteration,
    split: dataset.split,
    labels: names,
    counts,
    ids,
    classes: names.map((label, i) => classRow(label, i, counts)),
  }
}

function classRow(label: string, i: number, counts: readonly (readonly number[])[]): ClassRow {
  const found = counts[i]![i]!
  const count = counts[i]!.reduce((a, b) => a + b, 0)
  const taken = counts.reduce((sum, row) => sum + row[i]!, 0)
  const share = (of: number) => (of === 0 ? 0 : found / of)
  return {
    label,
    precision: share(taken),
    recall: share(count),
    f1: (2 * found) / Math.max(1, taken + count),
    count,
  }
}
