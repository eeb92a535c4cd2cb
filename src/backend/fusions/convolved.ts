import type * as tf from '@tensorflow/tfjs'
import { fits, infoOf, isNCHW } from '../emitters/convolution.js'
import type { Value } from '../graph/graph.js'
import { sizeOf } from '../onnx/types.js'
import type { Call, KernelGraph } from './kernel-graph.js'
import type { Convolution } from './tiled.js'

export interface Convolved extends Convolution {
  /** What would be made in one piece, where others need it. */
  whole: Value
  hasRelu: boolean
}

/** The calls that made `value`: a convolution, one with a bias added, or both in one. */
export function findConvolution(g: KernelGraph, value: Value): Convolved | undefined {
  const fused = g.madeBy<tf.FusedConv2DAttrs>('FusedConv2D', value)
  if (fused) {
    const { activation } = fused.attributes
    const isKnown = activation === undefined || activation === 'linear' || activation === 'relu'
    return isKnown ? convolved(fused, fused.inputs.bias, g.unshaped(value), activation === 'relu') : undefined
  }
  const plain = g.madeBy<tf.Conv2DAttrs>('Conv2D', value)
  if (plain) return convolved(plain, undefined, g.unshaped(value), false)
  const sum = g.madeBy('Add', value)
  if (!sum) return undefined
  const { a, b } = sum.inputs as { a: Value; b: Value }
  for (const [product, bias] of [
    [a, b],
    [b, a],
  ] as const) {
    // oxfmt-ignore
    const call = g.madeBy<tf.Conv2DAttrs>('Conv2D', product)
    // The bias joins the product before that is reshaped, so this is what both need.
    if (call) return convolved(call, bias, g.unshaped(product), false)
  }
  return undefined
}

function convolved(
  { inputs, attributes }: Call<tf.Conv2DAttrs>,
  bias: Value | undefined,
  whole: Value,
  hasRelu: boolean,
): Convolved | undefined {
  if (isNCHW(attributes)) return undefined
  const { x, filter } = inputs as { x: Value; filter: Value }
  const info = infoOf(x.shape, filter.shape, attributes)
  const { outChannels, inChannels } = info
  const isBias = !bias || (sizeOf(bias.shape) === outChannels && bias.shape.at(-1) === outChannels)
  if (!isBias || !fits(info) || filter.shape[2] !== inChannels) return undefined
  return { x, filter, bias, info, whole, hasRelu }
}
