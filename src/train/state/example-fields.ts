/** What a run holds of single training examples, by their position. */
import { count, list, maybe, number, object, text, truth, tuple, type Shape } from '../../store/shape.js'
import { isStateful } from '../model/recurrent.js'
import {
  Books,
  booksFromExamples,
  booksFromVectors,
  bytesOfBooks,
  manyExamples,
  vectorsOf,
  writtenExamples,
  type BooksState,
} from '../order/books.js'
import { Excluded } from '../order/excluded.js'
import { Order, type OrderState } from '../order/order.js'
import { measured, type Field, type Found } from './field.js'

/** Where the order of the data stands. */
export interface KeptOrder {
  order: OrderState
  excluded: Excluded
}

/** Which examples come next. */
export const order: Field<Order, KeptOrder> = {
  first: ({ data, settings, trainee }) => new Order(data.length, settings.seed, isStateful(trainee)),
  keep: (live) => live.state(),
  restore: (live, kept) => live.restore(kept),
  shape: object({
    seed: number,
    epoch: count,
    offset: count,
    subsets: count,
    subset: maybe(object({ name: text, number: count, epoch: count, offset: count })),
    keyed: maybe(truth),
  }),
  encode({ order: cursor, excluded }, draft) {
    if (excluded.length <= manyExamples) draft.vector('data:excluded', excluded.flags())
    else if (excluded.count > 0) draft.vector('data:excludedPositions', excluded.positions())
    const { subset } = cursor
    if (subset) {
      draft.vector('subset:positions', subset.positions)
      if (subset.chances) draft.vector('subset:chances', subset.chances)
    }
    return { ...cursor, subset: subset && { ...subset, positions: undefined, chances: undefined } }
  },
  decode(json, found) {
    const hasSubset = json.subset !== null && json.subset !== undefined
    if ((found.tensors['subset:positions'] !== undefined) !== hasSubset)
      throw found.misfit('.order.subset without its positions, or they without it')
    const chances = found.maybeValues('subset:chances', Float32Array)
    const subset = json.subset && {
      ...json.subset,
      positions: found.values('subset:positions', Int32Array),
      ...(chances && { chances }),
    }
    return { order: { ...json, subset }, excluded: excludedFrom(found) }
  },
  misfit: ({ order: { subset }, excluded }) => (subset ? subsetMisfit(subset, excluded) : undefined),
  bytes: ({ excluded }, before) => (excluded === before?.excluded ? 0 : excluded.byteLength),
}

/** Of many examples what is left out is named; runs of a time when it was flagged have a flag for each. */
function excludedFrom(found: Found): Excluded {
  const { examples } = found
  if (examples === undefined || found.tensors['data:excluded']) {
    const flags = found.values('data:excluded', Uint8Array)
    if (flags.some((out) => out > 1)) throw found.misfit('data:excluded with other values than 0 and 1')
    return Excluded.fromFlags(flags)
  }
  const positions = found.maybeValues('data:excludedPositions', Int32Array)
  const wrong = positions?.find((position, i) => position <= (positions[i - 1] ?? -1) || position >= examples)
  if (wrong !== undefined) throw found.misfit(`data:excludedPositions with ${wrong}, of ${examples} examples`)
  return positions ? Excluded.fromPositions(examples, positions) : Excluded.none(examples)
}

function subsetMisfit(
  { positions, chances }: NonNullable<OrderState['subset']>,
  excluded: Excluded,
): string | undefined {
  if (positions.some((position) => position < 0 || position >= excluded.length))
    return `subset:positions outside of ${excluded.length} examples`
  if (positions.length === 0) return 'a subset without examples'
  if (!chances) return undefined
  if (chances.length !== positions.length) return `${chances.length} chances for ${positions.length} examples`
  if (chances.some((chance) => !(chance >= 0 && chance < Infinity))) return 'subset:chances that are none'
  const isDrawn = (position: number, i: number) => !excluded.has(position) && chances[i]! > 0
  return positions.some(isDrawn) || positions.every((position) => excluded.has(position))
    ? undefined
    : 'subset:chances of 0'
}

const absent: Shape = () => undefined

/** Weight of each example's loss; undefined: all 1. */
export const weights: Field<Float32Array | undefined> = {
  first: () => undefined,
  shape: absent,
  encode: (values, draft) => void (values && draft.vector('data:weights', values)),
  decode: (_, found) => found.maybeValues('data:weights', Float32Array),
  misfit: (values, { data }) =>
    values && values.length !== data.length
      ? `data:weights of ${values.length} examples, for ${data.length}`
      : undefined,
  bytes: (values, before) => (values && values !== before ? values.byteLength : 0),
}

/** Labels that were corrected: the values of y. */
export const labels: Field<ReadonlyMap<number, ArrayLike<number>>> = {
  first: () => new Map(),
  shape: list(tuple(count, list(measured))),
  encode: (corrected) => [...corrected].map(([position, label]) => [position, Array.from(label)]),
  decode: (json: [number, (number | null)[]][]) =>
    new Map(json.map(([position, label]) => [position, label.map((value) => value ?? NaN)])),
  misfit(corrected, { data }) {
    const size = data.y.shape.reduce((a, b) => a * b, 1)
    for (const [position, label] of corrected) {
      if (position >= data.length) return `.labels of the example at ${position}, of ${data.length}`
      if (label.length !== size) return `.labels with ${label.length} values, for ${size}`
    }
    return undefined
  },
}

/** What is written down of each example when it is drawn. */
export const books: Field<Books, BooksState> = {
  first: ({ data }) => new Books(data.length),
  keep: (live) => live.state(),
  restore: (live, kept) => live.restore(kept),
  name: 'examples',
  shape: maybe(count),
  encode(kept, draft, live) {
    const pages = live.pagesOf(kept)
    if (kept.length <= manyExamples) {
      const { sums, counts, drawn } = vectorsOf(kept.length, pages)
      draft.vector('data:lossSums', sums)
      draft.vector('data:lossCounts', counts)
      draft.vector('data:drawn', drawn)
      return undefined
    }
    const { positions, values } = writtenExamples(pages)
    draft.vector('data:positions', positions)
    draft.vector('data:books', values)
    return kept.length
  },
  decode: (_, found) =>
    found.examples === undefined ? fromVectors(found) : fromExamples(found, found.examples),
  misfit: ({ length }, { data }) =>
    length === data.length ? undefined : `data:lossSums of ${length} examples, for ${data.length}`,
  bytes: bytesOfBooks,
}

function fromVectors(found: Found): BooksState {
  const sums = found.values('data:lossSums', Float32Array)
  const counts = found.values('data:lossCounts', Uint32Array)
  const drawn = found.values('data:drawn', Uint32Array)
  for (const [name, { length }] of Object.entries({ lossCounts: counts, drawn }))
    if (length !== sums.length) throw found.misfit(`data:${name} of ${length} examples, for ${sums.length}`)
  return booksFromVectors(sums, counts, drawn)
}

function fromExamples(found: Found, length: number): BooksState {
  const positions = found.values('data:positions', Int32Array)
  const values = found.values('data:books', Uint32Array)
  const made = booksFromExamples(length, { positions, values })
  if (made) return made
  throw found.misfit('data:positions and data:books that do not fit each other')
}
