/**
 * A counter-based generator: a value is a hash of (key, place, index), so that nothing need be stored to go on after a
 * resume, and a device can make any part of it alone. The hash is Wellons's `lowbias32`
 * (https://nullprogram.com/blog/2018/07/31/), applied twice with two words of key. It was chosen over Threefry, whose 20 rounds are
 * about 100 passes over the data in a recorded graph, where this one needs 18.
 */

/** Two 32-bit words. */
export type Key = readonly [number, number]

/** Odd constants that spread iterations, places and indices over the 32-bit words. */
export const spread = {
  iteration: [0x27d4eb2f, 0x165667b1],
  place: [0x9e3779b1, 0x85ebca77],
  index: 0x9e3779b9,
} as const

/** The steps of the hash; the recorded form of it (`emitters/random.ts`) reads the same table. */
export const rounds = [
  { shift: 16, multiplier: 0x7feb352d },
  { shift: 15, multiplier: 0x846ca68b },
  { shift: 16, multiplier: 1 },
] as const

/** A bijection of 32-bit words without visible pattern. */
export function mix(word: number): number {
  word ^= word >>> 16
  word = Math.imul(word, 0x7feb352d)
  word ^= word >>> 15
  word = Math.imul(word, 0x846ca68b)
  return word ^ (word >>> 16)
}

/** The words that stand for a seed; any number has its own. */
export function wordsOfSeed(seed: number): Key {
  const [low, high] = new Uint32Array(new Float64Array([seed]).buffer) as unknown as [number, number]
  return [mix(low ^ mix(high)), mix(high ^ mix(low ^ 0x5bd1e995))]
}

/** The key of one iteration. */
export function keyOf(seed: number, iteration: number): Key {
  const [first, second] = wordsOfSeed(seed)
  return [
    mix(first + Math.imul(iteration, spread.iteration[0])),
    mix(second + Math.imul(iteration, spread.iteration[1])),
  ]
}

/** The key of one place within an iteration: each draw of random numbers is a place, in order. */
export function keyAt([first, second]: Key, place: number): Key {
  return [mix(first + Math.imul(place, spread.place[0])), mix(second + Math.imul(place, spread.place[1]))]
}

/** `size` numbers in [0, 1), multiples of 2^-24. */
export function uniforms(key: Key, place: number, size: number): Float32Array {
  const [first, second] = keyAt(key, place)
  const values = new Float32Array(size)
  for (let index = 0; index < size; index++)
    values[index] = (mix(mix(Math.imul(index, spread.index) + first) + second) >>> 8) * 2 ** -24
  return values
}
