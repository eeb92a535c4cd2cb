import * as tf from '@tensorflow/tfjs'
import { describe, InputError } from './errors.js'
import { during } from './settle.js'
import { keyOf } from './train/order/key.js'

let current: { seed: number; drawn: number } | undefined

/**
 * Fixes what is random about building a model: from here on every initialiser without a seed of its own draws from
 * `n`, in the order in which layers are built, so two processes get the same bits. A run's `seed` option is another
 * thing: it fixes the order of the data and the dropouts.
 *
 *     seed(1)
 *     const model = tf.sequential({ layers: [tf.layers.dense({ units: 10, inputShape: [784] })] })
 */
export function seed(n: number): void {
  if (typeof n !== 'number' || !Number.isFinite(n))
    throw new InputError({ where: 'seed(n)', received: describe(n), expected: 'a finite number' })
  followInitialisers()
  current = { seed: n, drawn: 0 }
}

/**
 * The next seed of the stream that `seed(n)` began, a positive whole number; a random one before any `seed(n)`. For
 * variables of one's own: `tf.randomNormal([2, 3], 0, 0.1, 'float32', nextSeed())`.
 */
export function nextSeed(): number {
  // tfjs takes a seed of 0 for none.
  if (!current) return 1 + Math.floor(Math.random() * 0x7ffffffe)
  return 1 + (keyOf(current.seed, 'draw', current.drawn++) % 0x7ffffffe)
}

interface SeededInitializer {
  seed?: number | null
  apply(shape: number[], dtype?: string): tf.Tensor
}

let followed = false

/** The classes behind all of tfjs's random initialisers, each with the `apply` that draws. */
function followInitialisers(): void {
  if (followed) return
  followed = true
  const owners = [
    tf.initializers.randomUniform({}),
    tf.initializers.randomNormal({}),
    tf.initializers.truncatedNormal({}),
    tf.initializers.glorotUniform({}),
    tf.initializers.orthogonal({}),
  ].map(ownerOfApply)
  for (const owner of new Set(owners)) {
    const draw = owner.apply
    owner.apply = function apply(this: SeededInitializer, ...at) {
      if (!current || (this.seed !== undefined && this.seed !== null)) return draw.apply(this, at)
      return during(
        () => void (this.seed = undefined),
        () => {
          this.seed = nextSeed()
          return draw.apply(this, at)
        },
      )
    }
  }
}

function ownerOfApply(initializer: object): SeededInitializer {
  let owner = Object.getPrototypeOf(initializer) as object
  while (!Object.hasOwn(owner, 'apply')) owner = Object.getPrototypeOf(owner) as object
  return owner as SeededInitializer
}

/** Runs `build` without a draw from the stream of `seed(n)`: for models whose first values are replaced at once. */
export function withoutSeed<T>(build: () => T): T {
  const before = current
  return during(
    () => void (current = before),
    () => {
      current = undefined
      return build()
    },
  )
}
