import * as tf from '@tensorflow/tfjs'
import { uniforms, type Key } from './bits.js'
import { maybeRandomness, type Randomness } from './context.js'

/** Kernels that a backend may have: [0, 1) numbers from a key, and a key from an iteration that is a tensor. */
export const KeyedUniform = 'KeyedUniform'
export const RandomKey = 'RandomKey'

function keyTensorOf(randomness: Randomness): tf.Tensor {
  if (randomness.keyTensor) return randomness.keyTensor
  return typeof randomness.iteration === 'number'
    ? tf.tensor1d([...randomness.key!], 'int32')
    : tf.engine().runKernel(RandomKey, { iteration: randomness.iteration }, { seed: randomness.seed })
}

/** Numbers in [0, 1) of the next place. */
export function drawUniform(randomness: Randomness, shape: readonly number[]): tf.Tensor {
  const place = randomness.place++
  if (tf.getKernel(KeyedUniform, tf.getBackend()))
    return tf.tidy(() =>
      tf
        .engine()
        .runKernel(KeyedUniform, { key: keyTensorOf(randomness) }, { place, shape: [...shape] } as {}),
    )
  const key = randomness.key ?? ([...randomness.keyTensor!.dataSync()] as unknown as Key)
  return tf.tensor(uniforms(key, place, tf.util.sizeFromShape([...shape])), [...shape])
}

/** Numbers of the standard normal distribution (Box and Muller), from the next two places. */
export function drawNormal(randomness: Randomness, shape: readonly number[]): tf.Tensor {
  return tf.tidy(() => {
    const radius = drawUniform(randomness, shape)
      .add(2 ** -25) // never log(0)
      .log()
      .mul(-2)
      .sqrt()
    const angle = drawUniform(randomness, shape).mul(2 * Math.PI)
    return radius.mul(angle.cos())
  })
}

/**
 * Uniform random numbers in [minimum, maximum). Under a run, or within `withRandomness`, they are keyed by seed, iteration
 * and place, and can be recorded in a compiled step; elsewhere this is `tf.randomUniform`.
 *
 * @example const noise = randomUniform([2, 3], -1, 1)
 */
export function randomUniform(shape: readonly number[], minimum = 0, maximum = 1): tf.Tensor {
  const randomness = maybeRandomness()
  if (!randomness) return tf.randomUniform([...shape], minimum, maximum)
  return tf.tidy(() => {
    const unit = drawUniform(randomness, shape)
    return minimum === 0 && maximum === 1 ? unit : unit.mul(maximum - minimum).add(minimum)
  })
}

/**
 * Normal random numbers, keyed in the same way; without a run this is `tf.randomNormal`.
 *
 * @example const noise = randomNormal([2, 3], 0, 0.1)
 */
export function randomNormal(shape: readonly number[], mean = 0, standardDeviation = 1): tf.Tensor {
  const randomness = maybeRandomness()
  if (!randomness) return tf.randomNormal([...shape], mean, standardDeviation)
  return tf.tidy(() => drawNormal(randomness, shape).mul(standardDeviation).add(mean))
}
