import * as tf from '@tensorflow/tfjs'
import type { Graph, Value } from '../graph/graph.js'
import { sumWindows } from './convolution.js'
import { isFloat, type Emitters } from './kernel.js'

type Shape = [number, number, number, number]

function infoOf(x: Value, filter: Value, { strides, pad, dilations }: tf.Dilation2DAttrs) {
  return tf.backend_util.computeDilation2DInfo(
    x.shape as Shape,
    filter.shape as [number, number, number],
    strides,
    pad,
    'NHWC',
    dilations,
  )
}

type Info = ReturnType<typeof infoOf>

/** x + filter at each place of the window: [batch, out height, out width, channels] each. */
function raised(g: Graph, x: Value, filter: Value, info: Info): Value[] {
  const { top, bottom, left, right } = info.padInfo
  const padded = g.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]], -Infinity) // oxfmt-ignore
  const size = [info.batchSize, info.outHeight, info.outWidth, info.inChannels]
  const steps = [1, info.strideHeight, info.strideWidth, 1]
  const parts: Value[] = []
  for (let row = 0; row < info.filterHeight; row++)
    for (let column = 0; column < info.filterWidth; column++) {
      const begin = [0, row * info.dilationHeight, column * info.dilationWidth, 0]
      const added = g.reshape(g.slice(filter, [row, column, 0], [1, 1, info.inChannels]), [info.inChannels])
      parts.push(g.add(g.slice(padded, begin, size, steps), added))
    }
  return parts
}

/** dy at the first of the largest of each window, 0 elsewhere: one tensor for each place in the window. */
function shares(g: Graph, x: Value, filter: Value, dy: Value, info: Info): Value[] {
  const parts = raised(g, x, filter, info)
  const largest = g.node('Max', parts, parts[0]!.shape, 'float32')
  let free: Value | undefined
  return parts.map((part) => {
    const hit = g.binary('Equal', part, largest, 'bool')
    const first = free ? g.binary('And', hit, free) : hit
    const missed = g.unary('Not', hit)
    free = free ? g.binary('And', free, missed) : missed
    return g.where(first, dy, g.scalar(0))
  })
}

/** Morphological dilation: the largest of x + filter in each window. */
export const dilation: Emitters = {
  Dilation2D({ x, filter }, attributes: tf.Dilation2DAttrs, g) {
    if (!isFloat(x, filter)) return undefined
    const parts = raised(g, x!, filter!, infoOf(x!, filter!, attributes))
    return g.node('Max', parts, parts[0]!.shape, 'float32')
  },
  Dilation2DBackpropInput({ x, filter, dy }, attributes: tf.Dilation2DAttrs, g) {
    if (!isFloat(x, filter, dy)) return undefined
    const info = infoOf(x!, filter!, attributes)
    const { batchSize, outHeight, outWidth, inChannels } = info
    const parts = shares(g, x!, filter!, dy!, info).map((part) =>
      g.reshape(part, [batchSize, outHeight * outWidth, inChannels, 1]),
    )
    const taps = parts.length
    const windows = g.reshape(g.transpose(g.concat(parts, 3), [0, 2, 3, 1]), [
      batchSize,
      inChannels * taps,
      outHeight * outWidth,
    ])
    return g.transpose(sumWindows(g, windows, info, batchSize, inChannels), [0, 2, 3, 1])
  },
  Dilation2DBackpropFilter({ x, filter, dy }, attributes: tf.Dilation2DAttrs, g) {
    if (!isFloat(x, filter, dy)) return undefined
    const sums = shares(g, x!, filter!, dy!, infoOf(x!, filter!, attributes)).map((part) =>
      g.reshape(g.reduce('ReduceSum', part, [0, 1, 2], false), [1, filter!.shape[2]!]),
    )
    return g.reshape(g.concat(sums, 0), filter!.shape)
  },
}
