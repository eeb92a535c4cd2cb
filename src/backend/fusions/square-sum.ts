import type * as tf from '@tensorflow/tfjs'
import { isFloat } from '../emitters/kernel.js'
import { axesOf } from '../emitters/reduction.js'
import { sizeOf } from '../onnx/types.js'
import type { Fusion } from './fusion.js'

/** Fewer squares are added without an array of them. */
const fewSquares = 512

/** The sum of all of a few squares, such as the norm of a bias' gradient is made of. */
export const squareSum: Fusion<tf.SumAttrs> = {
  kernel: 'Sum',
  write({ inputs, attributes }, g) {
    const x = inputs.x!
    const squared = g.madeBy('Square', x)?.inputs.x
    if (!squared || !isFloat(x, squared) || sizeOf(x.shape) > fewSquares) return undefined
    const axes = axesOf(x, attributes)
    if (axes.length < x.shape.length || axes.length === 0) return undefined
    return g.reduce('ReduceSumSquare', squared, axes, attributes.keepDims)
  },
}
