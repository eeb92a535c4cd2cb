import * as tf from '@tensorflow/tfjs'
import { keyAt, type Key } from './bits.js'
import { liveScalar, maybeRandomness, type Randomness } from './context.js'
import { drawNormal, drawUniform } from './draw.js'
import { drop } from './dropout.js'

/**
 * How tfjs is made to draw from our generator while code runs under `withRandomness`. Three doors cover it:
 * the layers of noise, whose `call` is theirs alone; `tf.dropout`, seen by the scope in which its mask becomes a tensor
 * (recurrent layers and users call it); and `Math.random`, from which every other unseeded random op of tfjs takes its seed.
 * Each door looks for the randomness of the running code, so code beside it is not touched.
 */

interface NoiseLayer {
  /** Not of GaussianNoise. */
  rate: number
  stddev: number
  noiseShape?: number[]
  getNoiseShape(input: tf.Tensor): number[] | undefined
  _getNoiseShape(input: tf.Tensor): number[]
}

type Draw = (shape: readonly number[]) => tf.Tensor

interface Noise {
  uniform: Draw
  normal: Draw
  /** A tensor: a recorded graph takes it as an input. */
  rate: tf.Scalar
}

/** Training-time output by class of layer; SpatialDropout1D inherits from Dropout. */
const noise: {
  [className: string]: (layer: NoiseLayer, x: tf.Tensor, noise: Noise) => tf.Tensor
} = {
  Dropout: (layer, x, { uniform, rate }) => drop(x, uniform(layer.getNoiseShape(x) ?? x.shape), rate),
  GaussianNoise: (layer, x, { normal }) => x.add(normal(x.shape).mul(layer.stddev)),
  GaussianDropout: (_, x, { normal, rate }) =>
    x.mul(
      normal(x.shape)
        .mul(rate.div(tf.sub(1, rate)).sqrt())
        .add(1),
    ),
  // Klambauer et al. 2017, equations 4 to 6: dropped units take the value that SELU saturates at.
  AlphaDropout(layer, x, { uniform, rate }) {
    const saturation = -1.6732632423543772 * 1.0507009873554805
    const scale = tf
      .sub(1, rate)
      .mul(rate.mul(saturation ** 2).add(1))
      .rsqrt()
    const kept = uniform(layer._getNoiseShape(x)).greaterEqual(rate).toFloat()
    const dropped = x.mul(kept).add(kept.sub(1).mul(-saturation))
    return dropped.mul(scale).sub(scale.mul(rate).mul(saturation))
  },
}

/** How the rate of a layer is read; undefined where it does nothing. */
function rateOf({ dropout }: Randomness, layer: NoiseLayer): (() => number) | undefined {
  const { rate } = layer
  if (rate === undefined) return () => 0
  if (dropout) return dropout.find(layer, rate)
  return rate > 0 && rate < 1 ? () => rate : undefined
}

function patchLayers(undo: (() => void)[]): void {
  const classes = tf.serialization.SerializationMap.getMap().classNameMap
  for (const [name, train] of Object.entries(noise)) {
    const { prototype } = classes[name]![0] as unknown as { prototype: { call: Function } }
    const original = prototype.call
    undo.push(() => void (prototype.call = original))
    prototype.call = function (
      this: NoiseLayer,
      inputs: tf.Tensor | tf.Tensor[],
      options: { training?: boolean },
    ) {
      const randomness = maybeRandomness()
      if (!randomness || !options?.training) return original.call(this, inputs, options)
      const read = rateOf(randomness, this)
      if (!read) return original.call(this, inputs, { ...options, training: false })
      const x = Array.isArray(inputs) ? inputs[0]! : inputs
      return tf.tidy(() =>
        train(this, x, {
          uniform: (shape) => drawUniform(randomness, shape),
          normal: (shape) => drawNormal(randomness, shape),
          rate: liveScalar(read),
        }),
      )
    }
  }
}

interface Engine {
  makeTensor(values: unknown, shape: number[], ...more: unknown[]): tf.Tensor
  state: { scopeStack: { name: string }[] }
}

function patchDropout(undo: (() => void)[]): void {
  const engine = tf.engine() as unknown as Engine
  const original = engine.makeTensor
  // The method lives on the prototype: taking ours off the instance brings it back.
  undo.push(() => void delete (engine as Partial<Engine>).makeTensor)
  engine.makeTensor = function (values, shape, ...more) {
    const scopes = engine.state.scopeStack
    if (scopes.at(-1)?.name === 'randomUniform__op' && scopes.at(-2)?.name === 'dropout__op') {
      const randomness = maybeRandomness()
      // While the mask is made, the scope must not look like the one that asks for a mask.
      if (randomness) return tf.tidy('keyed', () => drawUniform(randomness, shape))
    }
    return original.call(engine, values, shape, ...more)
  }
}

function patchMathRandom(undo: (() => void)[]): void {
  const original = Math.random
  undo.push(() => void (Math.random = original))
  Math.random = () => {
    const randomness = maybeRandomness()
    if (!randomness?.key) return original()
    // Places of their own, above those of tensors, so that they do not depend on how many tensors were drawn.
    const [high, low] = keyAt(randomness.key as Key, 0x40000000 + randomness.number++)
    return ((high >>> 5) * 2 ** 26 + (low >>> 6)) * 2 ** -53
  }
}

/** Opens the doors; what closes them is put into `undo`. */
export function patch(undo: (() => void)[]): void {
  patchLayers(undo)
  patchDropout(undo)
  patchMathRandom(undo)
}
