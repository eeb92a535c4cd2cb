import type * as tf from '@tensorflow/tfjs'
import { describe, InputError } from '../../errors.js'
import type { Dataset, FieldSpec } from '../../data/dataset.js'
import type { Loss } from './losses.js'
import { sumsToOne } from './task.js'

/** What y has to be for a loss by name: its shape, and its values. */

const text = (shape: readonly (number | null)[]) => `[${shape.map((size) => size ?? '?').join(', ')}]`

export function fits(given: readonly number[], wanted: readonly (number | null)[]): boolean {
  return given.length === wanted.length && wanted.every((size, i) => size === null || size === given[i])
}

/** The shapes of one y that fit these outputs, the usual one first. */
function targetShapes(output: readonly (number | null)[], row: Loss): (number | null)[][] {
  if (row.target === 'index') return [output.slice(0, -1), [...output.slice(0, -1), 1]]
  if (output.at(-1) === 1) return [[...output], output.slice(0, -1)]
  return [[...output]]
}

/** Refuses targets whose shape does not fit outputs of this shape, both of one example. */
export function checkTargetShape(
  row: Loss,
  output: readonly (number | null)[],
  data: { name: string; y: FieldSpec },
  where: string,
): void {
  const wanted = targetShapes(output, row)
  if (wanted.some((shape) => fits(data.y.shape, shape))) return
  if (data.y.shape.length === 1 && data.y.shape[0] === 0)
    throw new InputError({
      where,
      received: `no targets in ${data.name}: y is left out`,
      expected: `y of shape ${text(wanted[0]!)} for the loss ${row.name}`,
    })
  const oneHot = row.target === 'index' && fits(data.y.shape, output)
  const places = output.length > 1 && data.y.shape.length < wanted[0]!.length
  const index = row.target === 'distribution' && fits(data.y.shape, output.slice(0, -1))
  const twin =
    row.name === 'sparseCategoricalCrossentropy' ? 'categoricalCrossentropy' : 'sparseCategoricalCrossentropy'
  throw new InputError({
    where,
    received: `y of shape ${text(data.y.shape)} in ${data.name}`,
    expected: `${text(wanted[0]!)} for the loss ${row.name}, since the model's outputs are ${text(output)}`,
    fix:
      oneHot || index
        ? `These are ${oneHot ? 'one-hot rows' : 'class indices'}: use loss: '${twin}'.`
        : places
          ? `For one answer an example put tf.layers.flatten() or a global pooling before the last layer.`
          : `Change the units of the last layer, or the loss.`,
  })
}

/** How many examples are looked at before anything is trained: enough to see a wrong data set, quick for a large one. */
const lookedAt = 10_000

/** Looks at the first targets of a data set; the others are looked at as they are drawn. */
export function checkFirstTargets(row: Loss, width: number, data: Dataset, where: string): void {
  for (let position = 0; position < Math.min(lookedAt, data.length); position++) {
    const { y } = data.valuesAt(position)
    checkValues(row, width, y, [data.ids[position]!], data.name, where)
  }
}

/** Looks at the targets of a batch. */
export function checkBatchTargets(
  row: Loss,
  width: number,
  y: tf.Tensor,
  ids: readonly number[],
  name: string,
  where: string,
): void {
  checkValues(row, width, y.dataSync(), ids, name, where)
}

type Values = ArrayLike<number> | readonly string[]

/**
 * An index outside the classes would have a loss of 0 and teach nothing, a row of shares that are not whole ones another
 * loss than it says, a value beyond what the loss is made for one without a least value; all without a word.
 */
function checkValues(
  row: Loss,
  width: number,
  values: Values,
  ids: readonly number[],
  name: string,
  where: string,
): void {
  const at = firstWrong(row, width, values)
  if (at < 0) return
  const id = ids[Math.floor((at * ids.length) / values.length)]!
  // What is drawn in training can be dealt with there.
  const act = where.startsWith('run ')
    ? ` Or leave it out, run.exclude([${id}]), or correct it, run.relabel(${id}, label).`
    : ''
  throw wrongTarget(row, width, values, at, { of: `example ${id} of ${name}`, where, act })
}

/** The place of the first value that is none of the loss's, or of the first row that is none; -1 where all are. */
function firstWrong({ target, range }: Loss, width: number, values: Values): number {
  if (target === 'index') {
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number
      if (!(value >= 0 && value < width && Math.floor(value) === value)) return i
    }
    return -1
  }
  if (!range) return -1
  const [least, largest] = range
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    if (!(value >= least && value <= largest)) return i
  }
  if (target === 'distribution')
    for (let from = 0; from < values.length; from += width)
      if (!sumsToOne(values as ArrayLike<number>, from, width)) return from
  return -1
}

function wrongTarget(
  { name, target, activation, range }: Loss,
  width: number,
  values: Values,
  at: number,
  { of, where, act }: { of: string; where: string; act: string },
): InputError {
  const value = Number(values[at])
  if (target === 'index')
    return new InputError({
      where,
      received: `the label ${describe(values[at])} (${of})`,
      expected: `class indices from 0 to ${width - 1}, since the model ends in ${width} units`,
      fix: `${Number.isInteger(value) ? 'Give the last layer more units, or count the classes from 0.' : 'A class is a whole number.'}${act}`,
    })
  const [least, largest] = range!
  if (!(value >= least && value <= largest))
    return new InputError({
      where,
      received: `${describe(values[at])} in y (${of})`,
      expected: `values ${largest === Infinity ? `of ${least} or more` : `from ${least} to ${largest}`} for the loss ${name}`,
      fix:
        activation === 'sigmoid' && Number.isInteger(value)
          ? "For more than two classes let the model end in a unit for each, with softmax, and use loss: 'sparseCategoricalCrossentropy'."
          : act.trimStart() || undefined,
    })
  const row = Array.from(values as ArrayLike<number>).slice(at, at + width)
  const sum = row.reduce((a, b) => a + b, 0)
  return new InputError({
    where,
    received: `a row of y that sums to ${Number(sum.toPrecision(4))} (${of})`,
    expected: `rows that sum to 1 for the loss ${name}: one-hot, or the share of each class`,
    fix: row.every((one) => one === 0 || one === 1)
      ? `For several classes an example let the model end in sigmoid, and use loss: 'binaryCrossentropy'.${act}`
      : `Divide each row by its sum.${act}`,
  })
}
