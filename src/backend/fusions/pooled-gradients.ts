import type * as tf from '@tensorflow/tfjs'
import { reduction } from '../emitters/reduction.js'
import type { Value } from '../graph/graph.js'
import type { Fusion } from './fusion.js'

/** What takes the gradient of a pooled convolution in its tiles; other kernels make do with it in one piece. */

export const filterGradient: Fusion = {
  kernel: 'Conv2DBackpropFilter',
  write({ inputs }, g) {
    const gradient = g.tiledGradients.get(inputs.dy!)
    if (!gradient || gradient.pooled.convolution.x !== inputs.x) return undefined
    return gradient.pooled.layout.filterGradient(gradient.parts)
  },
}

export const inputGradient: Fusion = {
  kernel: 'Conv2DBackpropInput',
  write({ inputs }, g) {
    const gradient = g.tiledGradients.get(inputs.dy!)
    if (!gradient || gradient.pooled.convolution.filter !== inputs.filter) return undefined
    return gradient.pooled.layout.inputGradient(gradient.parts)
  },
}

/** Each window gives its gradient to one place: no need to look where. */
export const biasGradient: Fusion<tf.SumAttrs> = {
  kernel: 'Sum',
  write({ inputs, attributes }, g) {
    const gradient = g.tiledGradients.get(inputs.x!)
    const axes = [attributes.axis].flat()
    if (!gradient || attributes.keepDims || axes.length !== 3 || axes.includes(3) || axes.includes(-1))
      return undefined
    const { pooled, parts, reached } = gradient
    const sum = pooled.convolution.bias && pooled.layout.biasGradient(parts)
    return sum ?? (reduction.Sum!({ x: reached }, attributes, g) as Value)
  },
}
