import * as tf from '@tensorflow/tfjs'
import { createRandom } from '../../data/random.js'
import type { GptConfig } from '../parts/config.js'
import type { GptParameters } from './gpt.js'
import type { LinearParameters, NormParameters } from '../parts/layers.js'

/** First values, drawn from the seed alone: the same in every process and on every backend. */
export function initialise(
  config: GptConfig,
  draw: (shape: number[], deviation: number) => tf.Tensor = normalFrom(config.seed),
): GptParameters {
  const { vocabulary, context, layers, heads, keyValueHeads, width, headSize, hidden, bias } = config
  const normal = (shape: number[], deviation = 0.02) => tf.tidy(() => tf.variable(draw(shape, deviation)))
  const filled = (value: number, length: number) => tf.tidy(() => tf.variable(tf.fill([length], value)))
  const linear = (
    from: number,
    to: number,
    deviation?: number,
    biased = bias === true,
  ): LinearParameters => ({
    weight: normal([from, to], deviation),
    ...(biased && { bias: filled(0, to) }),
  })
  const norm = (over: number): NormParameters => ({
    gain: filled(1, over),
    ...(bias === true && config.norm === 'layer' && { bias: filled(0, over) }),
  })
  // Each block adds to the stream twice: so its deviation does not grow with the depth.
  const back = 0.02 / Math.sqrt(2 * layers)
  return {
    tokens: normal([vocabulary, width]),
    ...(config.positions === 'learned' && { positions: normal([context, width]) }),
    blocks: Array.from({ length: layers }, () => ({
      norm1: norm(width),
      attention: {
        qkv: linear(width, (heads + 2 * keyValueHeads) * headSize, undefined, bias !== false),
        output: linear(heads * headSize, width, back),
        ...(config.qkNorm && { queryNorm: norm(headSize), keyNorm: norm(headSize) }),
      },
      norm2: norm(width),
      mlp: {
        up: linear(width, hidden),
        ...(config.activation === 'swiglu' && { gate: linear(width, hidden) }),
        down: linear(hidden, width, back),
      },
    })),
    norm: norm(width),
    ...(!config.tied && { output: normal([width, vocabulary]) }),
  }
}

/** Normal numbers by Box and Muller's pairs. */
function normalFrom(seed: number): (shape: number[], deviation: number) => tf.Tensor {
  const random = createRandom(seed)
  return (shape, deviation) => {
    const values = new Float32Array(tf.util.sizeFromShape(shape))
    for (let i = 0; i < values.length; i += 2) {
      const radius = deviation * Math.sqrt(-2 * Math.log(1 - random.next()))
      const angle = 2 * Math.PI * random.next()
      values[i] = radius * Math.cos(angle)
      if (i + 1 < values.length) values[i + 1] = radius * Math.sin(angle)
    }
    return tf.tensor(values, shape)
  }
}
