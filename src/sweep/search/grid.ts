import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import { isThere, type Entry } from '../space.js'
import type { Search } from './search.js'

type Parameters = { [name: string]: unknown }

function combinations([first, ...rest]: readonly Entry[], points: number, found: Parameters): Parameters[] {
  if (!first) return [found]
  const { name, dimension } = first
  if (!isThere(dimension, found)) return combinations(rest, points, found)
  return dimension.values(points).flatMap((value) => combinations(rest, points, { ...found, [name]: value }))
}

/** Of a grid; beyond it nobody waits for its end. */
const most = 1e6

/**
 * Goes through all combinations: every value of a choice and of a small whole number, `points` values of what has more, both ends
 * among them. The last parameter changes first. A study ends when all were tried.
 *
 * @example const study = sweep({ space: { a: choice([16, 32]), b: logUniform(1e-3, 1e-1) }, trial: ({ a, b }) => a * b, search: grid({ points: 3 }) })
 */
export function grid(settings: { points?: number } = {}): Search {
  const { points = 5 } = named(settings, ['points'], 'grid(settings)')
  if (!Number.isInteger(points) || points < 1)
    throw new InputError({
      where: 'grid({ points })',
      received: describe(points),
      expected: 'a whole number of values of each parameter, at least 1',
    })
  return {
    name: 'grid',
    settings: { points },
    begin({ entries }) {
      const count = entries.reduce((product, { dimension }) => product * dimension.values(points).length, 1)
      if (count > most)
        throw new InputError({
          where: 'grid(settings)',
          received: `${count} combinations`,
          expected: `at most ${most}`,
          fix: 'Give it fewer points, or draw from the space: search: random() or sobol().',
        })
      const all = combinations(entries, points, {})
      return { ask: async (number) => all[number] }
    },
  }
}
