import * as tf from '@tensorflow/tfjs'
import type { Answered, Examples, Parted } from '../../data/dataset.js'
import { anything, count, dictionary, list, maybe, number, object, text, tuple } from '../../store/shape.js'
import type { Field } from './field.js'

/** What stands in the place of an example: the answers that were corrected in it, and the values of its fields. */
export interface Correction {
  readonly answers: readonly Answered[]
  readonly values: { readonly [field: string]: ArrayLike<number> }
}

/** Training examples that were corrected, by position. */
export const corrections: Field<ReadonlyMap<number, Correction>> = {
  first: () => new Map(),
  shape: maybe(
    list(
      tuple(
        count,
        object({ answers: list(object({ id: anything, answer: text })), values: dictionary(list(number)) }),
      ),
    ),
  ),
  encode: (corrected) =>
    [...corrected].map(([position, { answers, values }]) => [
      position,
      {
        answers,
        values: Object.fromEntries(Object.entries(values).map(([name, some]) => [name, Array.from(some)])),
      },
    ]),
  decode: (json) => new Map(json ?? []),
  misfit(corrected, { data }) {
    const specs: { readonly [field: string]: { shape: readonly number[] } | undefined } = {
      x: data.x,
      y: data.y,
      ...data.fields,
    }
    for (const [position, { values }] of corrected) {
      if (position >= data.length) return `.corrections of the example at ${position}, of ${data.length}`
      for (const [name, { length }] of Object.entries(values)) {
        const size = specs[name]?.shape.reduce((a, b) => a * b, 1)
        if (length !== size) return `.corrections with ${length} values of ${name}, for ${size ?? 'none'}`
      }
    }
    return undefined
  },
}

/** A batch in which corrected examples have their new values; tensors that are replaced are disposed of. */
export function withCorrections<Batch extends Examples<never, Parted, Parted>>(
  examples: Batch,
  positions: ArrayLike<number>,
  corrected: ReadonlyMap<number, Correction>,
): Batch {
  if (corrected.size === 0) return examples
  const rows = Array.from(positions, (position, row) => ({ row, values: corrected.get(position)?.values }))
  const changed = rows.filter(({ values }) => values !== undefined)
  const fields = new Set(changed.flatMap(({ values }) => Object.keys(values!)))
  const batch: { [field: string]: unknown } = { ...examples }
  for (const name of fields) {
    const before = batch[name] as tf.Tensor
    const all = before.dataSync().slice()
    const size = all.length / positions.length
    for (const { row, values } of changed) all.set(Array.from(values![name]!), row * size)
    batch[name] = tf.tensor(all, before.shape, before.dtype)
    before.dispose()
  }
  return batch as unknown as Batch
}
