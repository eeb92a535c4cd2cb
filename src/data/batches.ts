import { describe, InputError } from '../errors.js'
import { named } from '../suggest.js'
import type { Dataset, Examples } from './dataset.js'
import { checkSeed, createRandom, permutation, stateOf } from './random.js'

/** Where a walk through a dataset stands: everything needed to go on with the same examples in the same order. */
export interface Cursor {
  epoch: number
  /** Examples of this epoch that were given out. */
  offset: number
}

export interface BatchOptions {
  /** Examples a batch. Required. `size: 32` */
  size: number
  /** Which order. Default: 0. `seed: 1` */
  seed?: number
  /**
   * 'exact': each epoch in a new random order. A number: examples are shuffled within windows of so many neighbours, and the
   * windows among each other, so that data on disk is read in long pieces. `false`: as they stand. Default: 'exact'.
   * `shuffle: 4096`
   */
  shuffle?: 'exact' | number | false
  /** How often the data is gone through. Default: without end. `epochs: 2` */
  epochs?: number
  /** What to do with the last examples of an epoch that do not fill a batch. Default: 'keep', a smaller batch. `rest: 'drop'` */
  rest?: 'keep' | 'drop'
  /** Goes on from here: the `cursor` of the last batch that was used. Default: from the start. `cursor: batch.cursor` */
  cursor?: Cursor
}

/**
 * Batches of a dataset for a loop of one's own; a `Run` draws its own. Whoever gets a batch disposes x and y. Its cursor
 * stands behind it: a walk that starts from there gives the next one.
 *
 * @example for (const { x, y, ids, cursor } of batches(data.train, { size: 32, seed: 1, epochs: 2 })) { … }
 */
export function* batches(
  dataset: Dataset,
  options: BatchOptions,
): Generator<Examples & { cursor: Cursor }, void, void> {
  const known = ['size', 'seed', 'shuffle', 'epochs', 'rest', 'cursor']
  const given = named(options, known, 'batches(data, options)')
  const { size, seed = 0, shuffle = 'exact', epochs = Infinity, rest = 'keep', cursor } = given
  if (!Number.isInteger(size) || size < 1)
    throw new InputError({
      where: 'batches(data, { size })',
      received: describe(size),
      expected: 'a whole number, at least 1',
    })
  if (dataset.length === 0 || (rest === 'drop' && size > dataset.length))
    throw new InputError({
      where: 'batches(data, { size })',
      received: `${size} of ${dataset.length} examples`,
      expected: 'at least one whole batch in the data',
    })
  if (rest !== 'keep' && rest !== 'drop')
    throw new InputError({
      where: 'batches(data, { rest })',
      received: describe(rest),
      expected: "'keep' or 'drop'",
    })
  if (!(epochs > 0))
    throw new InputError({
      where: 'batches(data, { epochs })',
      received: describe(epochs),
      expected: 'a number above 0',
    })
  let { epoch, offset } = cursor ?? { epoch: 0, offset: 0 }
  if (![epoch, offset].every((at) => Number.isInteger(at) && at >= 0))
    throw new InputError({
      where: 'batches(data, { cursor })',
      received: `{ epoch: ${describe(epoch)}, offset: ${describe(offset)} }`,
      expected: 'the cursor of a batch',
    })
  for (; epoch < epochs; epoch++, offset = 0) {
    const order = orderOf(dataset.length, seed, epoch, shuffle)
    while (offset < order.length) {
      const end = Math.min(order.length, offset + size)
      if (rest === 'drop' && end - offset < size) break
      const batch = dataset.at(order.subarray(offset, end))
      offset = end
      dataset.prefetch?.(order.subarray(offset, offset + size))
      const done = offset === order.length || (rest === 'drop' && order.length - offset < size)
      yield { ...batch, cursor: done ? { epoch: epoch + 1, offset: 0 } : { epoch, offset } }
    }
  }
}

/**
 * The order of one epoch: a pure function of the seed and the epoch, so a cursor of two numbers resumes it.
 *
 * @example const positions = orderOf(data.train.length, 1, 0)
 */
export function orderOf(
  length: number,
  seed: number,
  epoch: number,
  shuffle: 'exact' | number | false = 'exact',
): Int32Array {
  // Seed and epoch side by side in the state, and some rounds that spread them over all of it.
  checkSeed(seed, 'batches(data, { seed })')
  if (!Number.isInteger(epoch) || epoch < 0)
    throw new InputError({
      where: 'orderOf(length, seed, epoch)',
      received: describe(epoch),
      expected: 'a whole number, from 0 on',
    })
  const random = createRandom(stateOf(seed, epoch, 0, 0x2545f491))
  for (let round = 0; round < 12; round++) random.next()
  if (shuffle === false) return Int32Array.from({ length }, (_, i) => i)
  if (shuffle === 'exact') return permutation(length, random)
  if (!Number.isInteger(shuffle) || shuffle < 1)
    throw new InputError({
      where: 'batches(data, { shuffle })',
      received: describe(shuffle),
      expected: "'exact', false, or the size of a window",
    })
  const order = new Int32Array(length)
  let at = 0
  for (const window of permutation(Math.ceil(length / shuffle), random)) {
    const from = window * shuffle
    for (const place of permutation(Math.min(shuffle, length - from), random)) order[at++] = from + place
  }
  return order
}
