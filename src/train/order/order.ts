import { createRandom, permutation } from '../../data/random.js'
import { InputError } from '../../errors.js'
import { manyExamples } from './books.js'
import { Excluded } from './excluded.js'
import { during } from '../../settle.js'
import { keyOf } from './key.js'
import { keyedOrder } from './keyed-order.js'

/** The part of the data that iterations draw from now. */
export interface SubsetState {
  /** How it is called in records. */
  name: string
  /** How many subsets were chosen before it: part of its seed, so two rounds differ. */
  number: number
  /** Positions it is made of. */
  positions: Int32Array
  /** Chances by position of `positions`, drawn with replacement; without them each comes once an epoch. */
  chances?: Float32Array
}

/** Where the order stands: everything needed to go on with the same examples. */
export interface OrderState {
  seed: number
  epoch: number
  offset: number
  subsets: number
  subset: (SubsetState & { epoch: number; offset: number }) | null
  /** Whether the order of an epoch is computed place by place. Runs of a time when it never was go on with theirs. */
  keyed?: boolean
}

/** The order of one epoch. */
interface EpochOrder {
  readonly length: number
  at(place: number): number
}

/**
 * The order in which examples are drawn: a permutation for each epoch, keyed by (seed, epoch), so that a cursor of two
 * numbers resumes it; of more than a million examples one that is computed as it is drawn. An epoch's last batch is as long as what is left. Excluded positions are passed over where they
 * come, so an exclusion does not reorder the rest.
 */
export class Order {
  readonly length: number
  readonly #isSequence: boolean
  #state: OrderState
  #excluded: Excluded
  #activeInSubset: number | undefined
  #permutation: { key: string; order: EpochOrder } | undefined
  #cumulative: { chances: Float32Array; sums: Float64Array } | undefined
  #left: { chances: Float32Array; excluded: Excluded; sums: Float64Array } | undefined

  /** @param isSequence each epoch has the examples as they lie there: what comes next follows from what came before. */
  constructor(length: number, seed: number, isSequence = false) {
    this.length = length
    this.#isSequence = isSequence
    this.#state = { seed, epoch: 0, offset: 0, subsets: 0, subset: null }
    if (length > manyExamples) this.#state.keyed = true
    this.#excluded = Excluded.none(length)
  }

  /** How many examples an epoch has: of the subset, where there is one, without the excluded. */
  get active(): number {
    const { subset } = this.#state
    if (!subset) return this.included
    this.#activeInSubset ??= subset.positions.reduce(
      (count, position) => count + (this.#excluded.has(position) ? 0 : 1),
      0,
    )
    return this.#activeInSubset
  }

  /** How many examples are not excluded, in whatever subset. */
  get included(): number {
    return this.length - this.#excluded.count
  }

  isExcluded(position: number): boolean {
    return this.#excluded.has(position)
  }

  exclude(positions: Iterable<number>, excluded = true): void {
    this.#setExcluded(this.#excluded.with(positions, excluded))
  }

  #setExcluded(next: Excluded): void {
    this.#excluded = next
    this.#activeInSubset = undefined
  }

  /** Draws from these positions from now on; null: from everything, where that order was left. */
  focus(subset: Omit<SubsetState, 'number'> | null): void {
    this.#activeInSubset = undefined
    if (!subset) {
      this.#state.subset = null
      return
    }
    checkSubsetState(subset, this.length)
    const number = this.#state.subsets++
    this.#state.subset = { ...subset, number, epoch: 0, offset: 0 }
    if (this.active === 0) {
      this.#state.subset = null
      throw new InputError({
        where: `subset ${subset.name}`,
        received: 'a subset without examples',
        expected: 'at least one example to train on',
      })
    }
  }

  get subset(): SubsetState | null {
    return this.#state.subset
  }

  /** The positions of the next batch; fewer than `size` where the epoch ends, unless it is filled up from the next one. */
  next(size: number, fill = false): Int32Array {
    if (this.active === 0)
      throw new InputError({
        where: 'the training data',
        received: `${this.length} examples, all of them excluded`,
        expected: 'at least one example to train on',
        fix: 'Take some back: run.include(ids), or run.undo().',
      })
    const { subset } = this.#state
    if (subset?.chances) return this.#draw(subset, size)
    const cursor = subset ?? this.#state
    const batch: number[] = []
    const most = fill ? Math.min(size, this.active) : size
    const least = fill ? most : 1
    while (batch.length < least) {
      const order = this.#orderOf()
      while (batch.length < most && cursor.offset < order.length) {
        const place = order.at(cursor.offset++)
        const position = subset ? subset.positions[place]! : place
        if (!this.#excluded.has(position)) batch.push(position)
      }
      if (this.#isDone(order, cursor.offset)) {
        cursor.epoch++
        cursor.offset = 0
      }
    }
    return Int32Array.from(batch)
  }

  /** How many batches of exactly this size come next, where that can be told without drawing them; else 0. */
  wholeBatches(size: number): number {
    const { subset, offset } = this.#state
    if (subset?.chances) return Infinity
    if (subset || this.#excluded.count > 0) return 0
    if (this.length % size === 0 && offset % size === 0) return Infinity
    return Math.floor((this.length - offset) / size)
  }

  /** The positions that `next` gives if nothing changes before. */
  peek(size: number, fill = false): Int32Array {
    const state = this.#state
    return during(
      () => void (this.#state = state),
      () => {
        this.#state = { ...state, subset: state.subset && { ...state.subset } }
        return this.next(size, fill)
      },
    )
  }

  /** Whether nothing but excluded examples is left of the epoch. */
  #isDone(order: EpochOrder, offset: number): boolean {
    const { subset } = this.#state
    for (let i = offset; i < order.length; i++)
      if (!this.#excluded.has(subset ? subset.positions[order.at(i)]! : order.at(i))) return false
    return true
  }

  #orderOf(): EpochOrder {
    const { seed, epoch, subset, keyed } = this.#state
    const key = subset ? `subset ${subset.number} ${subset.epoch}` : `epoch ${epoch}`
    if (this.#permutation?.key !== key) {
      const from = subset ? keyOf(seed, 'subset', subset.number, subset.epoch) : keyOf(seed, 'epoch', epoch)
      const length = subset ? subset.positions.length : this.length
      const order = this.#isSequence
        ? { length, at: (place: number) => place }
        : orderFrom(length, from, keyed === true)
      this.#permutation = { key, order }
    }
    return this.#permutation.order
  }

  #draw(subset: SubsetState & { offset: number }, size: number): Int32Array {
    const sums = this.#sumsOf(subset)
    const random = createRandom(keyOf(this.#state.seed, 'draw', subset.number, subset.offset++))
    const batch = new Int32Array(Math.min(size, subset.positions.length))
    let tries = 0
    for (let i = 0; i < batch.length;) {
      // Excluded ones are passed over, so that what is drawn beside them stays; where they are nearly all, they are left out.
      const among = tries < mostTries ? sums : this.#sumsLeft(subset)
      const highest = among.at(-1)!
      if (highest === 0) throw nothingLeft(subset)
      const position = subset.positions[firstAbove(among, random.next() * highest)]!
      const isOut = this.#excluded.has(position)
      if (!isOut) batch[i++] = position
      tries = isOut ? tries + 1 : 0
    }
    return batch
  }

  #sumsOf({ chances }: SubsetState): Float64Array {
    if (this.#cumulative?.chances !== chances)
      this.#cumulative = { chances: chances!, sums: sumsOf(chances!, () => true) }
    return this.#cumulative!.sums
  }

  /** The same without the chances of what is excluded. */
  #sumsLeft({ chances, positions }: SubsetState): Float64Array {
    const excluded = this.#excluded
    if (this.#left?.chances !== chances || this.#left?.excluded !== excluded)
      this.#left = {
        chances: chances!,
        excluded,
        sums: sumsOf(chances!, (i) => !excluded.has(positions[i]!)),
      }
    return this.#left!.sums
  }

  /** The cursor, as data. What is in it is never changed, so it need not be copied deeply. */
  state(): { order: OrderState; excluded: Excluded } {
    const { subset } = this.#state
    return {
      order: { ...this.#state, subset: subset && { ...subset } },
      excluded: this.#excluded,
    }
  }

  restore({ order, excluded }: { order: OrderState; excluded: Excluded }): void {
    this.#state = { ...order, subset: order.subset && { ...order.subset } }
    this.#permutation = undefined
    this.#setExcluded(excluded)
  }
}

/** Draws in a row that may fall on excluded examples. */
const mostTries = 64

function sumsOf(chances: Float32Array, counts: (i: number) => boolean): Float64Array {
  const sums = new Float64Array(chances.length)
  let sum = 0
  for (let i = 0; i < sums.length; i++) sums[i] = sum += counts(i) ? chances[i]! : 0
  return sums
}

function nothingLeft({ name }: SubsetState): InputError {
  return new InputError({
    where: `subset ${name}`,
    received: 'no example with a chance above 0 that is not excluded',
    expected: 'at least one to train on',
    fix: 'Take some back, run.include(ids), or draw from all: await run.focus(null).',
  })
}

/** A subset may be chosen by code of the user's own. */
function checkSubsetState({ name, positions, chances }: Omit<SubsetState, 'number'>, length: number): void {
  const bad = (received: string, expected: string) =>
    new InputError({ where: `subset ${name}`, received, expected })
  const outside = positions.find((one) => !(Number.isInteger(one) && one >= 0 && one < length))
  if (outside !== undefined)
    throw bad(`the position ${outside}`, `positions of training examples, from 0 to ${length - 1}`)
  if (!chances) return
  if (chances.length !== positions.length)
    throw bad(`${chances.length} chances for ${positions.length} examples`, 'a chance for each')
  const wrong = chances.findIndex((chance) => !(chance >= 0 && chance < Infinity))
  if (wrong >= 0)
    throw bad(
      `the chance ${chances[wrong]} (of the example at position ${positions[wrong]})`,
      'finite chances, 0 or more',
    )
  if (chances.every((chance) => chance === 0))
    throw bad('chances that are all 0', 'at least one example with a chance above 0')
}

function orderFrom(length: number, key: number, keyed: boolean): EpochOrder {
  if (keyed && length > manyExamples) return { length, at: keyedOrder(length, key) }
  const places = permutation(length, createRandom(key))
  return { length, at: (place) => places[place]! }
}

/** The first index whose sum is above `value`. */
function firstAbove(sums: Float64Array, value: number): number {
  let low = 0
  let high = sums.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (sums[middle]! > value) high = middle
    else low = middle + 1
  }
  return low
}
