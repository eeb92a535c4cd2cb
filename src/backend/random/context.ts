import type { AsyncLocalStorage } from 'node:async_hooks'
import * as tf from '@tensorflow/tfjs'
import { during } from '../../settle.js'
import type { Key } from './bits.js'

/** What random numbers are drawn from at present. */
export interface Randomness {
  readonly seed: number
  readonly iteration: number | tf.Tensor
  /** The key as numbers, where the iteration is a number. */
  readonly key: Key | undefined
  /** The key as an int32 tensor of two, where it is one: an input of a recorded graph. */
  keyTensor: tf.Tensor | undefined
  readonly dropout: DropoutRates | undefined
  /** The place of the next draw of a tensor, and the count of single numbers (`Math.random`) so far. */
  place: number
  number: number
}

/** Rates of dropout that whoever trains can change without the code that drops hearing of it. */
export interface DropoutRates {
  /**
   * How the rate of this dropout (a layer, or the name given to `dropout`) is read, anew in each iteration; undefined where
   * it drops nothing and shall cost nothing. `own` is the rate that it was made with.
   */
  find(dropout: object | string, own: number): (() => number) | undefined
}

/** Follows the code through its awaits where the platform can (Node); elsewhere a variable does, without awaits. */
export interface Store<Value> {
  run<T>(value: Value, work: () => T): T
  getStore(): Value | undefined
}

export function createStore<Value>(): Store<Value> {
  const hooks = globalThis.process?.getBuiltinModule?.('node:async_hooks') as
    | { AsyncLocalStorage: new () => AsyncLocalStorage<Value> }
    | undefined
  if (hooks) return new hooks.AsyncLocalStorage()
  let current: Value | undefined
  return {
    getStore: () => current,
    run(value, work) {
      const before = current
      return during(
        () => void (current = before),
        () => {
          current = value
          return work()
        },
      )
    },
  }
}

export const store = createStore<Randomness>()

/** The randomness that the running code draws from, if it runs under `withRandomness`. */
export const maybeRandomness = (): Randomness | undefined => store.getStore()

/** Set while a function is recorded: an iteration that is a number would be written down for ever. */
export const recordingNow: {
  active: boolean
  /** A scalar of the recorded function that is read anew before each run. */
  live: ((read: () => number) => tf.Scalar) | undefined
} = { active: false, live: undefined }

/** A scalar whose number may be another in the next run of a recorded function, without recording it anew. */
export const liveScalar = (read: () => number): tf.Scalar =>
  recordingNow.live ? recordingNow.live(read) : tf.scalar(read())
