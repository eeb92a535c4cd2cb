import { describe, InputError } from '../errors.js'

/**
 * A seeded source of numbers whose state is four integers, so that a snapshot can hold it and go on bit for bit.
 *
 * The generator is sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, passes PractRand and BigCrush, and uses
 * only 32-bit additions, shifts and rotations, so every machine draws the same numbers.
 */
export interface Random {
  /** Uniform in [0, 1), 32 bits. */
  next(): number
  /** Uniform integer in [0, below). */
  integer(below: number): number
  /** From the normal distribution of mean 0 and standard deviation 1. */
  normal(): number
  /** The state now; `createRandom(state)` goes on from it. */
  state(): RandomState
}

export type RandomState = readonly [number, number, number, number]

/**
 * @param seed a number (any, fractions count too) or a state that `state()` gave.
 *
 * @example const random = createRandom(1), half = random.next() / 2
 */
export function createRandom(seed: number | RandomState): Random {
  let [a, b, c, counter] = typeof seed === 'number' ? spread(seed) : seed
  const bits = () => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return sum >>> 0
  }
  if (typeof seed === 'number') for (let i = 0; i < 12; i++) bits()
  return {
    next: () => bits() / 4294967296,
    integer: (below) => Math.floor((bits() / 4294967296) * below),
    // Box and Muller (1958). The second value is left: the state is all there is to remember.
    normal: () =>
      Math.sqrt(-2 * Math.log((bits() + 1) / 4294967296)) * Math.cos((2 * Math.PI * bits()) / 4294967296),
    state: () => [a, b, c, counter],
  }
}

/** A seed as it was given. What is no finite number would draw something all the same: `NaN` and `'1'` are mistakes. */
export function checkSeed(seed: unknown, where: string): number {
  if (typeof seed === 'number' && Number.isFinite(seed)) return seed
  throw new InputError({ where, received: describe(seed), expected: 'a finite number as seed, e.g. 1' })
}

/**
 * A state in which whole seeds stand as they always did, so that their numbers stay the same; what a fraction has beyond
 * them goes into a word of its own, so that 1 and 1.5 are different seeds.
 */
export function stateOf(seed: number, low: number, high: number, last: number): RandomState {
  const whole = Number.isSafeInteger(Math.floor(seed)) ? Math.floor(seed) : 0
  const [first, second] = seed === whole ? [0, 0] : new Int32Array(new Float64Array([seed - whole]).buffer)
  return [whole | 0, (Math.floor(whole / 4294967296) ^ high) | 0, (low ^ first!) | 0, last ^ second!]
}

/** Both halves of the double, so 1, 1.5 and 2 ** 40 are different seeds. */
function spread(seed: number): [number, number, number, number] {
  const [low, high] = new Int32Array(new Float64Array([seed]).buffer)
  return [low!, high!, 0x9e3779b9 | 0, 1]
}

/**
 * The numbers 0 … length - 1 in a random order (Fisher-Yates).
 *
 * @example const order = permutation(10, createRandom(1))
 */
export function permutation(length: number, random: Random): Int32Array {
  const order = new Int32Array(length)
  for (let i = 0; i < length; i++) order[i] = i
  for (let i = length - 1; i > 0; i--) {
    const j = random.integer(i + 1)
    const moved = order[i]!
    order[i] = order[j]!
    order[j] = moved
  }
  return order
}

/**
 * `k` different numbers below `length`, in random order.
 *
 * @example const places = choose(100, 5, createRandom(1))
 */
export function choose(length: number, k: number, random: Random): Int32Array {
  if (k * 8 > length) return permutation(length, random).slice(0, k)
  const seen = new Set<number>()
  while (seen.size < k) seen.add(random.integer(length))
  return Int32Array.from(seen)
}
