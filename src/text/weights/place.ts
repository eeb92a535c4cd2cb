import * as tf from '@tensorflow/tfjs'
import { copyValues } from '../../backend/tfjs/copy.js'
import { InputError } from '../../errors.js'
import type { GptConfig } from '../parts/config.js'
import { Gpt, type GptParameters } from '../models/gpt.js'
import { checkEnough } from './held.js'
import type { Entry, Layout } from './layouts.js'

/** What a file has under a name; `undefined` where it has nothing. Values are read when they are asked for, as float32. */
export type TensorSource = (
  name: string,
) => { shape: readonly number[]; values: () => Float32Array } | undefined

/** The shape of an entry as it lies in a file. */
export function shapeInFile({ variable, columns, transposed }: Entry): number[] {
  const shape = [...variable.shape]
  if (columns) shape[shape.length - 1] = columns[1] - columns[0]
  return transposed ? shape.toReversed() : shape
}

/**
 * A model of this form with the values of a file. Nothing is taken memory for that the file does not have.
 *
 * @param most how many numbers `file` can hold.
 */
export function modelFrom(
  config: GptConfig,
  layout: Layout,
  source: TensorSource,
  { file, most }: { file: string; most: number },
  where: string,
): Gpt<GptParameters> {
  checkEnough(config, { file, most }, where)
  const model = Gpt.blank(config)
  try {
    placeTensors(layout.entries(config, model.weights), source, where)
    return model
  } catch (error) {
    model.dispose()
    throw error
  }
}

/** Gives each variable the values that the file has for its parts. All are checked before the first is changed. */
function placeTensors(entries: readonly Entry[], source: TensorSource, where: string): void {
  for (const entry of entries) {
    const found = source(entry.name)
    const expected = shapeInFile(entry)
    if (!found || found.shape.join() !== expected.join())
      throw new InputError({
        where,
        received: found ? `${entry.name} of shape [${found.shape.join(', ')}]` : `no tensor ${entry.name}`,
        expected: `${entry.name} of shape [${expected.join(', ')}], as the configuration says`,
      })
  }
  const whole = new Map<tf.Variable, Float32Array>()
  for (const entry of entries) {
    const { variable, columns } = entry
    const values = whole.get(variable) ?? new Float32Array(variable.size)
    whole.set(variable, values)
    writePart(values, variable.shape, entry, source(entry.name)!.values())
    const isDone = !columns || columns[1] === variable.shape.at(-1)
    if (isDone) {
      tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)))
      whole.delete(variable)
    }
  }
}

/** The values of an entry as they lie in a file. */
export function valuesInFile({ variable, columns, transposed }: Entry): Float32Array {
  const values = copyValues(variable) as Float32Array
  if (!columns && !transposed) return values
  const width = variable.shape.at(-1)!
  const rows = values.length / width
  const [from, to] = columns ?? [0, width]
  const taken = new Float32Array(rows * (to - from))
  for (let row = 0; row < rows; row++)
    for (let column = from; column < to; column++)
      taken[transposed ? (column - from) * rows + row : row * (to - from) + column - from] =
        values[row * width + column]!
  return taken
}

function writePart(
  into: Float32Array,
  shape: readonly number[],
  { columns, transposed }: Entry,
  values: Float32Array,
): void {
  if (!columns && !transposed) return into.set(values)
  const width = shape.at(-1)!
  const rows = into.length / width
  const [from, to] = columns ?? [0, width]
  for (let row = 0; row < rows; row++)
    for (let column = from; column < to; column++)
      into[row * width + column] =
        values[transposed ? (column - from) * rows + row : row * (to - from) + column - from]!
}
