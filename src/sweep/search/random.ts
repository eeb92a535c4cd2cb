import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import { keyOf } from '../../train/order/key.js'
import { parametersAt } from '../space.js'
import type { Search } from './search.js'

export function checkSeed(seed: unknown, where: string): void {
  if (typeof seed !== 'number' || !Number.isFinite(seed))
    throw new InputError({ where, received: describe(seed), expected: 'a finite number' })
}

/**
 * Draws each parameter by itself. The trial of a number is the same whenever it is drawn, so that a study goes on where it stands.
 *
 * @example const study = sweep({ space: { x: uniform(0, 1) }, trial: ({ x }) => x ** 2, search: random({ seed: 1 }) })
 */
export function random(settings: { seed?: number } = {}): Search {
  const { seed = 0 } = named(settings, ['seed'], 'random(settings)')
  checkSeed(seed, 'random({ seed })')
  return {
    name: 'random',
    settings: { seed },
    begin: ({ entries }) => ({
      ask: async (number) => parametersAt(entries, (_, name) => keyOf(seed, 'sweep', number, name) / 2 ** 53),
    }),
  }
}
