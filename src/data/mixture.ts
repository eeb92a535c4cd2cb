import * as tf from '@tensorflow/tfjs'
import { describe, InputError } from '../errors.js'
import { named } from '../suggest.js'
import type { AnyDataset, Dataset, Examples, ExampleValues, FieldSpec, Parted, SplitName } from './dataset.js'
import { mapParts, tensorsIn } from './table/parts.js'
import { Digest } from './table/digest.js'

const where = 'mixture(sources, options)'

/**
 * Several datasets as one: the same shape of example from several sources, each by its name. Alone it draws from all examples
 * alike; how often each source comes is a subset, `bySource({ books: 0.7, letters: 0.3 })`, which a run changes as any other:
 * recorded, taken back by `undo`, replayed.
 *
 * Ids are those of the sources, told apart; give the sources of all splits in the same order.
 *
 * @throws InputError for sources of other shapes, or other splits, than the first.
 * @example
 * const mixed = mixture({ irises: (await iris()).train, others: (await iris({ seed: 2 })).train })
 * const run = train(makeModel(), { data: mixed, loss: 'sparseCategoricalCrossentropy', optimizer: adam({ learningRate: 1e-3 }) })
 * await run.focus(bySource({ irises: 3, others: 1 }), { why: 'the others are noisy' })
 */
export function mixture(
  sources: { readonly [source: string]: AnyDataset },
  options: { name?: string } = {},
): Mixture {
  const { name = 'mixture' } = named(options, ['name'], where, {
    weights: 'Weights are a subset: await run.focus(bySource({ … })).',
  })
  const parts = Object.entries(sources ?? {}) as [string, Dataset][]
  if (parts.length === 0 || parts.some(([, data]) => typeof data?.at !== 'function'))
    throw new InputError({
      where,
      received: describe(sources),
      expected: 'datasets by name, e.g. { books: books.train, letters: letters.train }',
    })
  const [[firstName, first]] = parts as [[string, Dataset]]
  for (const [source, data] of parts) {
    const differs = differenceOf(first, data)
    if (differs)
      throw new InputError({
        where: `${where}: ${source}`,
        received: differs,
        expected: `the same as in ${firstName}`,
      })
  }
  return new Mixture(name, parts)
}

function differenceOf(first: Dataset, other: Dataset): string | undefined {
  if (other.split !== first.split) return `the split ${other.split}`
  const fields = (data: Dataset): [string, FieldSpec][] => [
    ['x', data.x],
    ['y', data.y],
    ...Object.entries<FieldSpec>(data.fields ?? {}),
  ]
  const [ours, theirs] = [new Map(fields(first)), new Map(fields(other))]
  for (const name of new Set([...ours.keys(), ...theirs.keys()])) {
    const [one, two] = [ours.get(name), theirs.get(name)]
    if (JSON.stringify(one) !== JSON.stringify(two))
      return two ? `${name} of ${two.dtype} [${two.shape.join(', ')}]` : `no ${name}`
  }
  if (String(first.classes) !== String(other.classes)) return 'other classes'
  return undefined
}

/** Where a source lies in a mixture. */
interface Part {
  source: string
  data: Dataset
  /** Its first position. */
  from: number
}

/** A dataset of several sources. Nothing is copied. */
export class Mixture implements Dataset {
  readonly name: string
  readonly split: SplitName
  readonly length: number
  readonly x: FieldSpec
  readonly y: FieldSpec
  readonly fields?: Dataset['fields']
  readonly picture?: readonly [number, number, number]
  readonly classes?: readonly string[]
  readonly ids: ArrayLike<number>
  /** The names of its sources, with how many examples each has. */
  readonly sources: readonly { readonly source: string; readonly count: number }[]
  readonly textAt?: (position: number) => { x: string; y: string }
  readonly tokenText?: (value: number) => string
  readonly #parts: readonly Part[]
  #digest: string | undefined

  constructor(name: string, sources: readonly [source: string, data: Dataset][]) {
    let from = 0
    this.#parts = sources.map(([source, data]) => {
      const part = { source, data, from }
      from += data.length
      return part
    })
    const first = sources[0]![1]
    this.name = name
    this.split = first.split
    this.length = from
    this.x = first.x
    this.y = first.y
    if (first.fields) this.fields = first.fields
    if (first.picture) this.picture = first.picture
    if (first.classes) this.classes = first.classes
    if (sources.every(([, data]) => data.textAt))
      this.textAt = (position) => this.#within(position, (data, at) => data.textAt!(at))
    if (first.tokenText) this.tokenText = (value) => first.tokenText!(value)
    this.sources = this.#parts.map(({ source, data }) => ({ source, count: data.length }))
    this.ids = this.#idsOf()
  }

  /** The source of an example, by its id: `run.slices({ by: ({ id }) => mixed.sourceOf(id)!, of: 'train' })`. */
  readonly sourceOf = (id: number): string | undefined =>
    this.splitOf(id) === undefined ? undefined : this.#parts[id % this.#parts.length]!.source

  /** The source at a position. */
  readonly sourceAt = (position: number): string => this.#parts[this.#indexOf(position)]!.source

  // An id of a source, times how many sources there are, plus which it is: unique over all splits, as the sources' are.
  #idsOf(): ArrayLike<number> {
    const count = this.#parts.length
    const idOf = (position: number) => {
      const index = this.#indexOf(position)
      const { data, from } = this.#parts[index]!
      return data.ids[position - from]! * count + index
    }
    return Float64Array.from({ length: this.length }, (_, position) => idOf(position))
  }

  readonly positionOf = (id: number): number | undefined => {
    const found = this.#partOf(id)
    const position = found?.data.positionOf(found.id)
    return position === undefined ? undefined : found!.from + position
  }

  readonly splitOf = (id: number): SplitName | undefined => {
    const found = this.#partOf(id)
    return found?.data.splitOf(found.id)
  }

  #partOf(id: number): (Part & { id: number }) | undefined {
    if (!Number.isInteger(id) || id < 0) return undefined
    const count = this.#parts.length
    const index = id % count
    return { ...this.#parts[index]!, id: (id - index) / count }
  }

  readonly at = (positions: ArrayLike<number>): Examples => {
    const rows = Array.from(positions, (position) => ({ position, index: this.#indexOf(position) }))
    const order: number[] = []
    const found: Examples[] = []
    for (const [index, { data, from }] of this.#parts.entries()) {
      const own = rows.flatMap((row, place) => (row.index === index ? [place] : []))
      if (own.length === 0) continue
      order.push(...own)
      found.push(data.at(own.map((place) => rows[place]!.position - from)))
    }
    const ids = rows.map(({ position }) => this.ids[position]!)
    if (found.length === 1) return { ...found[0]!, ids }
    // Where each row of the batch lies among those that the sources gave, one source after the other.
    const place = new Int32Array(order.length)
    for (const [at, row] of order.entries()) place[row] = at
    const fields = Object.keys(found[0]!).filter((field) => field !== 'ids')
    const tensors = fields.map((field) => {
      const given = found.map((examples) => (examples as unknown as { [name: string]: Parted })[field]!)
      const joined = mapParts(given[0]!, (_, part) => {
        const all = given.map((one) => tensorsIn(one).find(([name]) => name === part)![1])
        const one = tf.tidy(() => tf.gather(tf.concat(all, 0), tf.tensor1d(place, 'int32')))
        tf.dispose(all)
        return one
      })
      return [field, joined] as const
    })
    return { ...Object.fromEntries(tensors), ids } as Examples
  }

  readonly prefetch = (positions: ArrayLike<number>): void => {
    for (const [index, { data, from }] of this.#parts.entries())
      data.prefetch?.(
        Array.from(positions)
          .filter((position) => this.#indexOf(position) === index)
          .map((position) => position - from),
      )
  }

  readonly valuesAt = (position: number): ExampleValues =>
    this.#within(position, (data, at) => data.valuesAt(at))

  readonly digest = (): string => {
    if (this.#digest === undefined) {
      const digest = new Digest()
      for (const { source, data } of this.#parts) digest.text(`${source} ${data.digest()}`)
      this.#digest = digest.end()
    }
    return this.#digest
  }

  /** How it reads in a cell and in the console. */
  toString(): string {
    const of = this.sources.map(({ source, count }) => `${count} of ${source}`)
    return `Dataset ${this.name} (${this.split}): ${this.length} examples, ${of.join(', ')}`
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }

  #within<T>(position: number, look: (data: Dataset, at: number) => T): T {
    const { data, from } = this.#parts[this.#indexOf(position)]!
    return look(data, position - from)
  }

  #indexOf(position: number): number {
    if (!Number.isInteger(position) || position < 0 || position >= this.length)
      throw new InputError({
        where: `${this.name} (${this.split})`,
        received: `the position ${describe(position)}`,
        expected: `a whole number from 0 to ${this.length - 1}`,
      })
    return this.#parts.findLastIndex(({ from, data }) => position >= from && data.length > 0)
  }
}
