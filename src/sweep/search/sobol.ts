import { InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import { keyOf } from '../../train/order/key.js'
import { parametersAt } from '../space.js'
import { checkSeed } from './random.js'
import type { Search } from './search.js'

/**
 * Primitive polynomials (degree, inner coefficients) and first direction numbers of the axes after the first: S. Joe and F. Y. Kuo,
 * Constructing Sobol sequences with better two-dimensional projections, SIAM J. Sci. Comput. 30, 2635-2654 (2008), set D6.
 */
const axes: readonly (readonly [degree: number, inner: number, first: readonly number[]])[] = [
  [1, 0, [1]],
  [2, 1, [1, 3]],
  [3, 1, [1, 3, 1]],
  [3, 2, [1, 1, 1]],
  [4, 1, [1, 1, 3, 3]],
  [4, 4, [1, 3, 5, 13]],
  [5, 2, [1, 1, 5, 5, 17]],
  [5, 4, [1, 1, 5, 5, 5]],
  [5, 7, [1, 1, 7, 11, 19]],
  [5, 11, [1, 1, 5, 1, 1]],
  [5, 13, [1, 1, 1, 3, 11]],
  [5, 14, [1, 3, 5, 5, 31]],
  [6, 1, [1, 3, 3, 9, 7, 49]],
  [6, 13, [1, 1, 1, 15, 21, 21]],
  [6, 16, [1, 3, 1, 13, 27, 49]],
  [6, 19, [1, 1, 1, 15, 7, 5]],
  [6, 22, [1, 3, 1, 15, 13, 25]],
  [6, 25, [1, 1, 5, 5, 19, 61]],
  [7, 1, [1, 3, 7, 11, 23, 15, 103]],
  [7, 4, [1, 3, 7, 13, 13, 15, 69]],
]

const bits = 32

/** Direction numbers of an axis, as 32 bits after the point. */
function directions(axis: number): Uint32Array {
  const numbers = new Uint32Array(bits)
  if (axis === 0) return numbers.map((_, bit) => 2 ** (bits - 1 - bit))
  const [degree, inner, first] = axes[axis - 1]!
  for (let bit = 0; bit < bits; bit++) {
    if (bit < degree) {
      numbers[bit] = first[bit]! * 2 ** (bits - 1 - bit)
      continue
    }
    let word = numbers[bit - degree]! ^ (numbers[bit - degree]! >>> degree)
    for (let k = 1; k < degree; k++) if ((inner >> (degree - 1 - k)) & 1) word ^= numbers[bit - k]!
    numbers[bit] = word >>> 0
  }
  return numbers
}

/** The point of this number, as a fraction of 2^32 on an axis, in the order of Gray codes as SciPy's. */
export function sobolPoint(number: number, numbers: Uint32Array): number {
  let word = 0
  let gray = (number ^ (number >>> 1)) >>> 0
  for (let bit = 0; gray > 0; bit++, gray >>>= 1) if (gray & 1) word ^= numbers[bit]!
  return word >>> 0
}

/** Direction numbers of the first axes. */
export const sobolDirections = (count: number): Uint32Array[] =>
  Array.from({ length: count }, (_, axis) => directions(axis))

/**
 * Spreads the trials evenly over the space (quasi-random numbers of Sobol, shifted by the seed): what few trials leave out is
 * smaller than with `random`. Powers of two are spread best.
 *
 * @example const study = sweep({ space: { x: uniform(0, 1) }, trial: ({ x }) => x ** 2, search: sobol({ seed: 1 }) })
 */
export function sobol(settings: { seed?: number } = {}): Search {
  const { seed = 0 } = named(settings, ['seed'], 'sobol(settings)')
  checkSeed(seed, 'sobol({ seed })')
  return {
    name: 'sobol',
    settings: { seed },
    begin({ entries }) {
      if (entries.length > axes.length + 1)
        throw new InputError({
          where: 'sobol(settings)',
          received: `${entries.length} parameters`,
          expected: `at most ${axes.length + 1}`,
          fix: 'search: random() has no limit.',
        })
      const numbers = sobolDirections(entries.length)
      const shifts = entries.map(({ name }) => keyOf(seed, 'sobol', name) % 2 ** bits)
      return {
        ask: async (number) =>
          parametersAt(
            entries,
            (axis) => ((sobolPoint(number, numbers[axis]!) ^ shifts[axis]!) >>> 0) / 2 ** bits,
          ),
      }
    },
  }
}
