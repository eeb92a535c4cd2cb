import type * as tf from '@tensorflow/tfjs'
import type { Graph, Value } from '../graph/graph.js'
import { sizeOf } from '../onnx/types.js'
import { isFloat, type Emitters } from './kernel.js'

/** Sums over the channels within `radius` of each channel; the last axis is the channels. */
function sumOfNeighbours(g: Graph, x: Value, radius: number): Value {
  const channels = x.shape.at(-1)!
  const width = 2 * radius + 1
  const row = [sizeOf(x.shape) / channels, 1, channels]
  // Beyond the edges there is nothing, which counts.
  const mean = g.node('AveragePool', [g.reshape(x, row)], row, x.type, {
    kernel_shape: [width],
    pads: [radius, radius],
    count_include_pad: 1,
  })
  return g.reshape(g.mul(mean, g.scalar(width)), x.shape)
}

export const normalization: Emitters = {
  FusedBatchNorm({ x, mean, variance, offset, scale }, { varianceEpsilon }: tf.FusedBatchNormAttrs, g) {
    if (!isFloat(x, mean, variance, offset, scale)) return undefined
    const deviation = g.unary('Sqrt', g.add(variance!, g.scalar(varianceEpsilon)))
    const factor = scale ? g.div(scale, deviation) : g.unary('Reciprocal', deviation)
    const scaled = g.mul(g.sub(x!, mean!), factor)
    return offset ? g.add(scaled, offset) : scaled
  },
  LRN({ x }, { depthRadius, bias, alpha, beta }: tf.LRNAttrs, g) {
    if (!isFloat(x)) return undefined
    const sum = sumOfNeighbours(g, g.mul(x!, x!), depthRadius)
    const norm = g.add(g.mul(sum, g.scalar(alpha)), g.scalar(bias))
    return g.mul(x!, g.binary('Pow', norm, g.scalar(-beta)))
  },
  LRNGrad({ x, y, dy }, { depthRadius, bias, alpha, beta }: tf.LRNGradAttrs, g) {
    if (!isFloat(x, y, dy)) return undefined
    const sum = sumOfNeighbours(g, g.mul(x!, x!), depthRadius)
    const norm = g.add(g.mul(sum, g.scalar(alpha)), g.scalar(bias))
    const own = g.mul(dy!, g.binary('Pow', norm, g.scalar(-beta)))
    const shared = sumOfNeighbours(g, g.div(g.mul(dy!, y!), norm), depthRadius)
    return g.sub(own, g.mul(g.mul(x!, shared), g.scalar(2 * alpha * beta)))
  },
}
