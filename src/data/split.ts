import { describe, InputError } from '../errors.js'
import { named } from '../suggest.js'
import type { AnyDataset, Dataset, Parted, SplitName } from './dataset.js'
import type * as tf from '@tensorflow/tfjs'
import type { Splits } from './digits.js'
import { dealGroups } from './deal-groups.js'
import { splitTable, TableDataset } from './table/table.js'
import { checkSeed, createRandom, permutation } from './random.js'

export interface SplitOptions {
  /** Which examples go where is drawn with it. Default: 0. `seed: 1` */
  seed?: number
  /**
   * Keeps the shares of the classes (of y, where it is an index) equal in every split; with `groups` as nearly as whole groups
   * allow. Default: false. `stratify: true`
   */
  stratify?: boolean
  /** Examples of one group stay in one split: a name for each example, by its position. Default: none. `groups: (i) => people[i]` */
  groups?: (position: number) => string | number
}

/**
 * Cuts a dataset into train, validation and test by shares, which add up to 1 at most; train is what the others leave where
 * it has no share of its own. Ids stay as they are.
 *
 * @example const { train, validation, test } = split(fromArrays({ x, y }), { train: 0.6, validation: 0.2, test: 0.2 }, { seed: 1 })
 */
export function split<
  Field extends string = never,
  X extends Parted = tf.Tensor,
  Y extends Parted = tf.Tensor,
>(
  dataset: Dataset<Field, X, Y>,
  shares: { train?: number; validation?: number; test?: number },
  options: SplitOptions = {},
): Splits<Dataset<Field, X, Y>> {
  const known = ['seed', 'stratify', 'groups']
  const { seed = 0, stratify = false, groups } = named(options, known, 'split(dataset, shares, options)')
  const names: SplitName[] = ['train', 'validation', 'test']
  if (shares === undefined)
    throw new InputError({
      where: 'split(dataset, shares)',
      received: 'no shares',
      expected: 'e.g. { train: 0.8, validation: 0.1, test: 0.1 }',
    })
  named(shares, names, 'split(dataset, shares)')
  if (groups !== undefined && typeof groups !== 'function')
    throw new InputError({
      where: 'split(dataset, shares, { groups })',
      received: describe(groups),
      expected: 'a function that names the group of a position',
      fix: 'E.g. { groups: (position) => people[position] }.',
    })
  const heldOut = checkShare(shares.validation ?? 0, 'validation') + checkShare(shares.test ?? 0, 'test')
  const train = shares.train ?? Math.max(0, 1 - heldOut)
  const parts = [checkShare(train, 'train'), shares.validation ?? 0, shares.test ?? 0]
  const sum = parts.reduce((total, part) => total + part, 0)
  if (sum > 1 + 1e-9 || sum === 0)
    throw new InputError({
      where: 'split(dataset, shares)',
      received: `shares that add up to ${Number(sum.toPrecision(4))}`,
      expected: 'more than 0, and 1 at most',
    })
  const { table, rows: all } = tableOf(dataset)
  const random = createRandom(checkSeed(seed, 'split(dataset, shares, { seed })'))
  const everything = new Int32Array(dataset.length)
  for (let position = 0; position < everything.length; position++) everything[position] = position
  let positions: ArrayLike<number>[]
  if (stratify && groups) positions = dealGroups(grouped(everything, groups), classOf(dataset), parts, random)
  else {
    const hands = parts.map(() => new Hand(dataset.length))
    for (const stratum of stratify ? byClass(dataset) : [everything]) {
      const units = groups && grouped(stratum, groups)
      const order = permutation(units?.length ?? stratum.length, random)
      deal(stratum, units, order, parts, hands)
    }
    positions = hands.map((hand) => hand.positions)
  }
  const rows = positions.map((part) => {
    const shuffled = permutation(part.length, random)
    // A loop: Int32Array.from with a function takes half a minute for ten million.
    for (let i = 0; i < shuffled.length; i++) shuffled[i] = all[part[shuffled[i]!]!]!
    return shuffled
  })
  return splitTable(table, { train: rows[0]!, validation: rows[1]!, test: rows[2]! }) as unknown as Splits<
    Dataset<Field, X, Y>
  >
}

function tableOf(dataset: AnyDataset): TableDataset {
  if ((dataset as unknown) instanceof TableDataset) return dataset as unknown as TableDataset
  throw new InputError({
    where: 'split(dataset, shares)',
    received: 'a dataset of another making',
    expected: 'one that came from a source of gradbook/data',
    fix: 'Split the arrays before they become a dataset.',
  })
}

function checkShare(share: unknown, name: string): number {
  if (typeof share === 'number' && share >= 0 && share <= 1) return share
  throw new InputError({
    where: `split(dataset, { ${name} })`,
    received: describe(share),
    expected: 'a share from 0 to 1',
  })
}

/** Positions that a split was dealt. */
class Hand {
  readonly #positions: Int32Array
  #count = 0

  constructor(most: number) {
    this.#positions = new Int32Array(most)
  }

  add(position: number): void {
    this.#positions[this.#count++] = position
  }

  get positions(): Int32Array {
    return this.#positions.slice(0, this.#count)
  }
}

/** Fills the splits one after the other: an example (or group) goes where the running count has reached. */
function deal(
  stratum: ArrayLike<number>,
  units: readonly (readonly number[])[] | undefined,
  order: Int32Array,
  parts: readonly number[],
  hands: readonly Hand[],
): void {
  let dealt = 0
  for (let i = 0; i < order.length; i++) {
    const one = order[i]!
    const size = units ? units[one]!.length : 1
    // The middle of the unit decides, so that rounding favours no split.
    const at = (dealt + size / 2) / stratum.length
    let edge = 0
    const hand = hands[parts.findIndex((share) => at < (edge += share) + 1e-12)]
    if (hand && units) for (const position of units[one]!) hand.add(position)
    else hand?.add(stratum[one]!)
    dealt += size
  }
}

/** The class of the example at a position. */
function classOf(dataset: AnyDataset): (position: number) => number {
  if (dataset.y.shape.length > 0 || dataset.y.dtype === 'float32')
    throw new InputError({
      where: 'split(dataset, shares, { stratify })',
      received: `targets of ${dataset.y.dtype} and shape [${dataset.y.shape.join(', ')}]`,
      expected: 'targets that are class indices',
      fix: 'Name the classes when you make the dataset, or leave out stratify.',
    })
  return (position) => Number(dataset.valuesAt(position).y[0])
}

const byClass = (dataset: AnyDataset): number[][] => [...groupBy(dataset.length, classOf(dataset)).values()]

function grouped(positions: ArrayLike<number>, groups: (position: number) => string | number): number[][] {
  const nameOf = (i: number) => {
    const name: unknown = groups(positions[i]!)
    if (typeof name === 'string' || (typeof name === 'number' && !Number.isNaN(name))) return name
    throw new InputError({
      where: 'split(dataset, shares, { groups })',
      received: `${describe(name)} for the example at position ${positions[i]}`,
      expected: 'the name of its group, a text or a number',
    })
  }
  return [...groupBy(positions.length, nameOf).values()].map((unit) => unit.map((i) => positions[i]!))
}

function groupBy(length: number, keyOf: (i: number) => string | number): Map<string | number, number[]> {
  const found = new Map<string | number, number[]>()
  for (let i = 0; i < length; i++) {
    const key = keyOf(i)
    const group = found.get(key)
    if (group) group.push(i)
    else found.set(key, [i])
  }
  return found
}
