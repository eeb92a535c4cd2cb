import { createRandom } from '../../data/random.js'

/** Rounds of the network: 4 would be enough to look random (Luby and Rackoff 1988), more are cheap. */
const rounds = 8

/**
 * A permutation of 0 … length - 1 that is computed place by place, from a key: nothing is laid out, so the first batch of ten
 * million examples is drawn as quickly as that of ten, and takes no memory.
 *
 * A Feistel network over as many bits as the length has, walked on from places beyond it until one lies within ("cycle
 * walking", Black and Rogaway 2002): fewer than two steps on average.
 */
export function keyedOrder(length: number, key: number): (place: number) => number {
  const bits = Math.max(2, Math.ceil(Math.log2(length)))
  const low = bits >>> 1
  const lowMask = 2 ** low - 1
  const highMask = 2 ** (bits - low) - 1
  const random = createRandom(key)
  const keys = Int32Array.from({ length: rounds }, () => random.next() * 4294967296)
  const step = (place: number): number => {
    let right = place & lowMask
    let left = place >>> low
    for (let round = 0; round < rounds; round += 2) {
      left ^= mix(right ^ keys[round]!) & highMask
      right ^= mix(left ^ keys[round + 1]!) & lowMask
    }
    return left * (lowMask + 1) + right
  }
  return (place) => {
    let at = step(place)
    while (at >= length) at = step(at)
    return at
  }
}

/** The finalizer of MurmurHash3 (Austin Appleby). */
function mix(word: number): number {
  let mixed = word ^ (word >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
