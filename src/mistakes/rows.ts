import type { Dataset } from '../data/dataset.js'
import { exampleRow, nameTarget } from '../data/examples.js'
import { describe, InputError } from '../errors.js'
import type { Mistake, MistakesView } from '../views.js'
import type { EvaluationDetail } from './detail.js'
import { ofOutputs } from './outputs.js'

/**
 * In which order mistakes come. 'loss': the highest first. 'confidence': wrong, the surest first. 'new': wrong now and
 * right at the evaluation before. 'forgotten': wrong now and right at any evaluation before.
 */
export type MistakesBy = 'loss' | 'confidence' | 'new' | 'forgotten'

interface Way {
  /** Whether it needs to know right from wrong. */
  classes: boolean
  /** Positions to show, in order. `before`: evaluations of the same data that came earlier, oldest first. */
  find(detail: EvaluationDetail, before: readonly EvaluationDetail[]): number[]
}

const ways: { readonly [by in MistakesBy]: Way } = {
  loss: { classes: false, find: (detail) => byLoss(detail, positions(detail)) },
  confidence: {
    classes: true,
    find: ({ right, probability }) =>
      [...right!.keys()]
        .filter((position) => !right![position])
        .toSorted((a, b) => probability![b]! - probability![a]! || a - b),
  },
  new: { classes: true, find: (detail, before) => lostSince(detail, before.slice(-1)) },
  forgotten: { classes: true, find: (detail, before) => lostSince(detail, before, true) },
}

function positions({ losses, onlyMean }: EvaluationDetail): number[] {
  return onlyMean ? [] : [...losses.keys()]
}

/** The highest first. A loss that is NaN is worse than any. */
function byLoss({ losses }: EvaluationDetail, some: number[]): number[] {
  const rank = (position: number) => (Number.isNaN(losses[position]) ? Infinity : losses[position]!)
  return some.toSorted((a, b) => {
    const [one, other] = [rank(a), rank(b)]
    return one === other ? a - b : other - one
  })
}

function lostSince(detail: EvaluationDetail, before: readonly EvaluationDetail[], ever = false): number[] {
  const was =
    (position: number) =>
    ({ right, everRight }: EvaluationDetail) =>
      right?.[position] === 1 || (ever && everRight?.[position] === 1)
  const lost = [...detail.right!.keys()].filter(
    (position) => !detail.right![position] && before.some(was(position)),
  )
  return byLoss(detail, lost)
}

/** One example with what was expected, what was predicted, and its loss. */
export function mistakeAt(detail: EvaluationDetail, position: number, label?: ArrayLike<number>): Mistake {
  const { dataset, losses, said, predicted, probability } = detail
  const row = exampleRow(dataset, position)
  return {
    ...Object.fromEntries(Object.entries(said ?? {}).map(([name, values]) => [name, values[position]])),
    ...row,
    ...(label && { expected: nameTarget(dataset, label) }),
    loss: losses[position]!,
    predicted: predicted ? nameTarget(dataset, [predicted[position]!]) : '',
    ...(probability && { probability: probability[position]! }),
    ...(detail.outputs && ofOutputs(detail, position, label)),
  }
}

/** The examples that go wrong, as plain data. */
export function mistakesOf(at: {
  detail: EvaluationDetail
  before?: readonly EvaluationDetail[]
  of: 'train' | 'evaluation'
  by?: MistakesBy
  k?: number
  labels?: ReadonlyMap<number, ArrayLike<number>>
  /** Orders by this instead, the highest first. */
  score?: Float64Array
  /** Positions to leave out. */
  without?(position: number): boolean
}): MistakesView {
  const { detail, before = [], of, by = 'loss', k = 16, labels, score, without = () => false } = at
  const way = ways[by]
  if (!way)
    throw new InputError({
      where: 'run.mistakes({ by })',
      received: describe(by),
      expected: `one of '${Object.keys(ways).join("', '")}'`,
    })
  if (!Number.isInteger(k) || k < 1)
    throw new InputError({
      where: 'run.mistakes({ k })',
      received: describe(k),
      expected: 'a whole number, at least 1',
    })
  if (positions(detail).length === 0)
    throw new InputError({
      where: 'run.mistakes()',
      received: 'a loss that gives only the mean of a batch',
      expected: 'the loss of each example',
      fix: 'Return { loss, perExample } from the loss, perExample of shape [batch].',
    })
  if (way.classes && !detail.right)
    throw new InputError({
      where: `run.mistakes({ by: '${by}' })`,
      received: 'a model that does not predict classes',
      expected: 'one where right and wrong are known',
      fix: "Use by: 'loss'.",
    })
  const ranked = score && positions(detail).toSorted((a, b) => score[b]! - score[a]! || a - b)
  const found = (ranked ?? way.find(detail, before)).filter((position) => !without(position))
  const examined = detail.losses.length
  const wrong = detail.right && examined - detail.right.reduce((sum, one) => sum + one, 0)
  return {
    kind: 'mistakes',
    of,
    by: score ? 'doubt' : by,
    iteration: detail.iteration,
    examined,
    ...(wrong !== undefined && { wrong }),
    rows: found.slice(0, k).map((position) => mistakeAt(detail, position, labels?.get(position))),
  }
}

/** The class index that is expected of an example: of an index, or of the largest of a row. */
export function expectedClass(dataset: Dataset, position: number, label?: ArrayLike<number>): number {
  const values = label ?? (dataset.valuesAt(position).y as ArrayLike<number>)
  if (values.length === 1) return values[0]!
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}
