import * as tf from '@tensorflow/tfjs'
import { InputError, describe } from '../../errors.js'
import { during, whileWaiting } from '../../settle.js'
import { keyOf } from './bits.js'
import { recordingNow, store, type DropoutRates } from './context.js'
import { RandomKey } from './draw.js'
import { patch } from './patches.js'

export interface RandomnessSettings {
  seed: number
  /** A number; or, inside a compiled function, a scalar that is one of its inputs. */
  iteration: number | tf.Tensor
  /** Rates of dropout in place of those that layers and calls of `dropout` were made with. */
  dropout?: DropoutRates
}

/** Work that runs under `withRandomness`. */
const users = new Set<object>()
let restore: (() => void) | undefined

function enter(user: object): void {
  users.add(user)
  if (restore) return
  const undo: (() => void)[] = []
  restore = () => undo.forEach((one) => one())
  patch(undo)
}

function leave(user: object): void {
  users.delete(user)
  if (users.size > 0) return
  restore?.()
  restore = undefined
}

/**
 * Runs `work` with its random numbers keyed by (seed, iteration, place): dropout, noise layers and recurrent dropout of
 * tfjs, seeded or not, `randomUniform` and `randomNormal` of this package, and every unseeded random op of tfjs. The same
 * key gives the same numbers in any process and on any backend (to the rounding of log and cos where numbers are normal); each
 * iteration has others. `work` may be asynchronous; what runs beside it is not affected.
 *
 *     withRandomness({ seed: 1, iteration: 42 }, () => model.apply(x, { training: true }))
 */
export function withRandomness<T>({ seed, iteration, dropout }: RandomnessSettings, work: () => T): T {
  if (typeof seed !== 'number' || Number.isNaN(seed))
    throw new InputError({
      where: 'withRandomness({ seed })',
      received: describe(seed),
      expected: 'a number',
    })
  if (typeof iteration === 'number' ? !Number.isInteger(iteration) : !(iteration instanceof tf.Tensor))
    throw new InputError({
      where: 'withRandomness({ iteration })',
      received: describe(iteration),
      expected: 'a whole number, or a scalar tensor',
    })
  if (recordingNow.active && typeof iteration === 'number')
    throw new InputError({
      where: 'withRandomness({ iteration }) inside of a compiled function',
      received: describe(iteration),
      expected:
        'a scalar tensor that is an argument of the function, since a number would be the same in every run',
      fix: 'Pass the iteration to the compiled function, or call the function within withRandomness.',
    })
  const onHost = typeof iteration !== 'number' && !tf.getKernel(RandomKey, tf.getBackend())
  const count = onHost ? iteration.dataSync()[0]! : iteration
  const key = typeof count === 'number' ? keyOf(seed, count) : undefined
  const randomness = { seed, iteration: count, key, keyTensor: undefined, dropout, place: 0, number: 0 }
  let isWaiting = false
  const end = (left: boolean): void => {
    if (left || !isWaiting) leave(randomness)
  }
  return during(end, () => {
    enter(randomness)
    const result = store.run(randomness, work)
    if (!(result instanceof Promise)) return result
    isWaiting = true
    return untilOver(result, randomness) as T
  })
}

/** Asynchronous work draws so to its end, or until it is given up. */
async function untilOver<T>(work: Promise<T>, user: object): Promise<T> {
  const isOver = whileWaiting(() => leave(user))
  try {
    return await work
  } finally {
    if (isOver()) leave(user)
  }
}
