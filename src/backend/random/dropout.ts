import * as tf from '@tensorflow/tfjs'
import { describe, InputError } from '../../errors.js'
import { liveScalar, maybeRandomness } from './context.js'
import { drawUniform } from './draw.js'

/** Entries where `uniform` is below the rate become 0, the others grow by 1 / (1 - rate), so that the mean stays. */
export function drop(x: tf.Tensor, uniform: tf.Tensor, rate: tf.Scalar): tf.Tensor {
  const keep = tf.sub(1, rate)
  return x.mul(uniform.add(keep).floor().div(keep))
}

/**
 * Dropout (Srivastava et al. 2014) for models of one's own. In an iteration of a run, or within `withRandomness`, it drops
 * entries of `x` with a chance of `rate`, keyed by seed, iteration and place; elsewhere, as in evaluations and predictions,
 * it gives `x` as it is. Dropouts of one name have one rate, which `run.set({ dropout: { NAME: 0.3 } })` changes in the middle.
 *
 *     const hidden = dropout(x.matMul(w).relu(), 0.2, 'hidden')
 *
 * @param rate from 0 to less than 1
 */
export function dropout<T extends tf.Tensor>(x: T, rate: number, name = 'dropout'): T {
  if (!(rate >= 0 && rate < 1))
    throw new InputError({
      where: 'dropout(x, rate)',
      received: describe(rate),
      expected: 'a number from 0 to less than 1',
    })
  const randomness = maybeRandomness()
  if (!randomness) return x.clone()
  const own = rate > 0 ? () => rate : undefined
  const read = randomness.dropout ? randomness.dropout.find(name, rate) : own
  if (!read) return x.clone()
  return tf.tidy(() => drop(x, drawUniform(randomness, x.shape), liveScalar(read))) as T
}
