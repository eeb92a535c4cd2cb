import type { Dataset } from '../../data/dataset.js'
import type { Loss } from './losses.js'

/**
 * What outputs are an answer to, which says what is right and what is wrong: which one of several classes, yes or no by each
 * output for itself, or a number.
 */
export type Task = 'multiclass' | 'binary' | 'regression'

/** Examples that are looked at to see what y is. */
const lookedAt = 1000

/**
 * The task of a tf.LayersModel where its loss says it; undefined where only the data does.
 *
 * @param ends the activation of the last layer.
 */
export function taskOfLoss(
  row: Loss | undefined,
  ends: string | undefined,
  outputs: readonly (number | null)[],
): Task | undefined {
  if (row?.activation) return row.activation === 'softmax' ? 'multiclass' : 'binary'
  if (ends === 'softmax') return 'multiclass'
  const isSigmoid = ends === 'sigmoid' || ends === 'hardSigmoid'
  // A number is an answer of yes or no only as a probability, and whether a linear output is a logit nothing says.
  if (row || outputs.at(-1) === 1 || outputs.length === 0) return isSigmoid ? undefined : 'regression'
  return undefined
}

const tasks = new WeakMap<Dataset, Map<string, Task>>()

/** The task that y says: class indices or rows with one class are one of several, zeros and ones yes or no, all else numbers. */
export function taskOfData(data: Dataset, outputs: readonly (number | null)[]): Task {
  const key = outputs.join()
  let known = tasks.get(data)
  if (!known) tasks.set(data, (known = new Map()))
  let task = known.get(key)
  if (task === undefined) known.set(key, (task = lookAt(data, outputs)))
  return task
}

function lookAt(data: Dataset, outputs: readonly (number | null)[]): Task {
  const width = outputs.at(-1) ?? 1
  const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)
  const predicted = size(outputs.map((one, axis) => one ?? data.y.shape[axis] ?? 1))
  const places = size(data.y.shape)
  const isIndex = width > 1 && places * width === predicted
  if (!isIndex && places !== predicted) return 'regression'
  let areClasses = true
  let areBinary = true
  for (let position = 0; position < Math.min(lookedAt, data.length); position++) {
    const values = data.valuesAt(position).y as ArrayLike<number>
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!
      areBinary &&= value === 0 || value === 1
      areClasses &&= isIndex ? Number.isInteger(value) && value >= 0 && value < width : value >= 0
    }
    if (!isIndex && areClasses) areClasses = isDistribution(values, width)
  }
  if (areClasses && width > 1) return 'multiclass'
  return areBinary && !isIndex ? 'binary' : 'regression'
}

/** Whether each row of `width` values sums to one: a class, or shares of several. */
export function isDistribution(values: ArrayLike<number>, width: number): boolean {
  for (let from = 0; from < values.length; from += width) if (!sumsToOne(values, from, width)) return false
  return true
}

/** As float32 and rounded to three places by whoever wrote them, as in a file of shares. */
export function sumsToOne(values: ArrayLike<number>, from: number, width: number): boolean {
  let sum = 0
  for (let i = from; i < from + width; i++) sum += values[i]!
  return Math.abs(sum - 1) <= 2e-3
}
