import * as tf from '@tensorflow/tfjs'
import type { Dataset, Examples } from '../../data/dataset.js'
import type { Generated } from '../../data/generate.js'
import { checkField, type DataRecord, type OtherFields, type RecordTable } from '../../data/from.js'
import { TableDataset } from '../../data/table/table.js'
import { describe, InputError } from '../../errors.js'

/**
 * The examples of one iteration: x, y (first axis = the examples of the batch), and the fields that the data has beside them, by
 * name. Whoever got it from `nextBatch` disposes of its tensors (`tf.dispose(batch)`).
 */
// A type, not an interface, so that tf.dispose takes it.
export type Batch<Field extends string = never> = Examples<Field> & {
  /** The iteration it is drawn for, counting from 1. */
  iteration: number
  /** Whether it is trained on (dropout on) or only looked at. Set where a loss of one's own is called. */
  training?: boolean
}

/** The batches of what is passed to `train` as data, for the type checker. */
export type BatchOf<Data> = Batch<FieldOf<Data>>

type FieldOf<Data> = unknown extends Data
  ? never
  : Data extends Dataset<infer Field> | Generated<infer Field>
    ? Field
    : Data extends readonly DataRecord[] | RecordTable
      ? never
      : OtherFields<Data>

/** The tensors of a batch by name: x, y, and what there is beside them. */
export type Tensors = { x: tf.Tensor; y: tf.Tensor; [field: string]: tf.Tensor }

export function tensorsOf(batch: Batch): Tensors {
  return Object.fromEntries(
    Object.entries(batch).filter(([, value]: [string, unknown]) => value instanceof tf.Tensor),
  ) as Tensors
}

/** The examples at these positions. What a dataset of the user's own gives is looked at: it may be anything. */
export function examplesAt(dataset: Dataset, positions: ArrayLike<number>): Examples {
  const examples = dataset.at(positions)
  if (dataset instanceof TableDataset) return examples
  const count = positions.length
  const wrong = (received: string, expected: string) =>
    new InputError({ where: `${dataset.name}.at(positions)`, received, expected })
  if (typeof examples !== 'object' || examples === null)
    throw wrong(describe(examples), '{ x, y, ids } for these positions')
  const given: { [field: string]: unknown } = { ...examples }
  for (const field of new Set(['x', 'y', ...Object.keys(given)])) {
    if (field === 'ids') continue
    if (field !== 'x' && field !== 'y') checkField(field, `${dataset.name}.at(positions)`)
    const value = given[field]
    if (!(value instanceof tf.Tensor))
      throw wrong(`${describe(value)} as ${field}`, 'a tensor whose first axis counts the examples')
    const rows = value.shape[0]
    if (rows !== count)
      throw wrong(
        `${rows === undefined ? 'a scalar' : `${rows} rows`} in ${field} for ${count} positions`,
        'a row for each position, in their order',
      )
  }
  if (examples.ids?.length !== count)
    throw wrong(`${describe(examples.ids)} as ids for ${count} positions`, 'the id of each of them')
  return examples
}
