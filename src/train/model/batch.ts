import * as tf from '@tensorflow/tfjs'
import type { AnyDataset, Dataset, Examples, NamedTensors, Parted } from '../../data/dataset.js'
import type { Generated } from '../../data/generate.js'
import {
  checkField,
  type DataRecord,
  type OtherFields,
  type PartsOf,
  type RecordTable,
} from '../../data/from.js'
import { byPlace, fromPlaces } from '../../data/table/parts.js'
import { TableDataset } from '../../data/table/table.js'
import { describe, InputError } from '../../errors.js'

/**
 * The examples of one iteration: x, y (first axis = the examples of the batch), each one tensor or several by name, and the fields
 * that the data has beside them. Whoever got it from `nextBatch` disposes of its tensors (`tf.dispose(batch)`).
 */
// A type, not an interface, so that tf.dispose takes it.
export type Batch<
  Field extends string = never,
  X extends Parted = tf.Tensor,
  Y extends Parted = tf.Tensor,
> = Examples<Field, X, Y> & {
  /** The iteration it is drawn for, counting from 1. */
  iteration: number
  /** Whether it is trained on (dropout on) or only looked at. Set where a loss of one's own is called. */
  training?: boolean
}

/** The batches of what is passed to `train` as data, for the type checker. */
export type BatchOf<Data> = Batch<FieldOf<Data>, PartedIn<Data, 'x'>, PartedIn<Data, 'y'>>

/** A batch, whatever its x and y are. */
export type AnyBatch = Batch<never, Parted, Parted>

/** What x or y of this data is. */
type PartedIn<Data, Side extends 'x' | 'y'> = unknown extends Data
  ? tf.Tensor
  : Data extends Generated<infer _, infer X, infer Y>
    ? Side extends 'x'
      ? X
      : Y
    : Data extends { at(positions: ArrayLike<number>): infer Given }
      ? Given extends { [side in Side]: infer Tensors extends Parted }
        ? Tensors
        : tf.Tensor
      : Data extends RecordTable
        ? tf.Tensor
        : Data extends readonly (infer One)[]
          ? One extends { [side in Side]: infer Given }
            ? PartsOf<readonly Given[]>
            : tf.Tensor
          : Data extends { [side in Side]?: infer Given }
            ? PartsOf<Given>
            : tf.Tensor

type FieldOf<Data> = unknown extends Data
  ? never
  : Data extends Dataset<infer Field, infer _, infer _> | Generated<infer Field, infer _, infer _>
    ? Field
    : Data extends readonly DataRecord[] | RecordTable
      ? never
      : OtherFields<Data>

/** The tensors of a batch by their place: x, y, or `x.image` where it has parts, and what there is beside them. */
export type Tensors = { [place: string]: tf.Tensor }

export function tensorsOf(batch: AnyBatch): Tensors {
  const tensors: Tensors = {}
  for (const [field, value] of Object.entries(batch) as [string, unknown][])
    if (value instanceof tf.Tensor) tensors[field] = value
    else if (field === 'x' || field === 'y')
      Object.assign(tensors, Object.fromEntries(byPlace(field, value as NamedTensors)))
  return tensors
}

/** What `tensorsOf` took apart. */
export const batchFrom = (tensors: Tensors): Pick<AnyBatch, 'x' | 'y'> =>
  fromPlaces(tensors) as Pick<AnyBatch, 'x' | 'y'>

/** The examples at these positions. What a dataset of the user's own gives is looked at: it may be anything. */
export function examplesAt(
  dataset: AnyDataset,
  positions: ArrayLike<number>,
): Examples<never, Parted, Parted> {
  const examples = dataset.at(positions)
  if ((dataset as unknown) instanceof TableDataset) return examples
  const count = positions.length
  const wrong = (received: string, expected: string) =>
    new InputError({ where: `${dataset.name}.at(positions)`, received, expected })
  if (typeof examples !== 'object' || examples === null)
    throw wrong(describe(examples), '{ x, y, ids } for these positions')
  const given: { [field: string]: unknown } = { ...examples }
  for (const field of new Set(['x', 'y', ...Object.keys(given)])) {
    if (field === 'ids') continue
    const isSide = field === 'x' || field === 'y'
    if (!isSide) checkField(field, `${dataset.name}.at(positions)`)
    const parts = isSide ? Object.keys(dataset[field]?.parts ?? {}) : []
    const named = parts.length > 0 ? partsIn(given[field], parts) : undefined
    if (parts.length > 0 && !named)
      throw wrong(
        `${describe(given[field])} as ${field}`,
        `{ ${parts.join(', ')} }, as ${dataset.name}.${field}.parts says`,
      )
    for (const [place, value] of named ?? [[field, given[field]] as const]) {
      if (!(value instanceof tf.Tensor))
        throw wrong(
          `${describe(value)} as ${place}`,
          isSide && typeof value === 'object' && value !== null && parts.length === 0
            ? `a tensor whose first axis counts the examples; where ${field} has parts, ${dataset.name}.${field}.parts says what each is`
            : 'a tensor whose first axis counts the examples',
        )
      const rows = value.shape[0]
      if (rows !== count)
        throw wrong(
          `${rows === undefined ? 'a scalar' : `${rows} rows`} in ${place} for ${count} positions`,
          'a row for each position, in their order',
        )
    }
  }
  if (examples.ids?.length !== count)
    throw wrong(`${describe(examples.ids)} as ids for ${count} positions`, 'the id of each of them')
  return examples
}

/** The parts that are given, where they are these. */
function partsIn(
  given: unknown,
  parts: readonly string[],
): (readonly [place: string, value: unknown])[] | undefined {
  if (typeof given !== 'object' || given === null || given instanceof tf.Tensor) return undefined
  const own = Object.keys(given)
  if (own.length !== parts.length || !parts.every((part) => own.includes(part))) return undefined
  return Object.entries(given)
}
