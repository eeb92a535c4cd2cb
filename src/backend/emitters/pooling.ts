import type * as tf from '@tensorflow/tfjs'
import type { Graph, Value } from '../graph/graph.js'
import { sizeOf } from '../onnx/types.js'
import { sumWindows } from './convolution.js'
import { isFloat, type Emitters } from './kernel.js'
import { meanOver } from './sums.js'
import {
  infoOf,
  isSmallTiled,
  isTiled,
  joinTiles,
  largestOf,
  padRest,
  spreadOver,
  tilesOf,
  type PoolInfo,
} from './tiles.js'

type Info = PoolInfo

const toNCHW = [0, 3, 1, 2]
const toNHWC = [0, 2, 3, 1]

/** Whether ONNX Runtime cuts the same windows as tfjs. */
export function fits(info: Info): boolean {
  const { padInfo: pad } = info
  const count = (size: number, padding: number, filter: number, stride: number) =>
    Math.floor((size + padding - filter) / stride) + 1
  return (
    Math.max(pad.top, pad.bottom) < info.filterHeight &&
    Math.max(pad.left, pad.right) < info.filterWidth &&
    count(info.inHeight, pad.top + pad.bottom, info.filterHeight, info.strideHeight) === info.outHeight &&
    count(info.inWidth, pad.left + pad.right, info.filterWidth, info.strideWidth) === info.outWidth
  )
}

const windowsOf = (info: Info) => ({
  kernel_shape: [info.filterHeight, info.filterWidth],
  strides: [info.strideHeight, info.strideWidth],
  pads: [info.padInfo.top, info.padInfo.left, info.padInfo.bottom, info.padInfo.right],
})

const outFirst = (info: Info) => [info.batchSize, info.inChannels, info.outHeight, info.outWidth]

/** The largest of each window, and its position in the image of [batch, channels, height, width] as one number. */
function maxWithPosition(g: Graph, x: Value, info: Info): [max: Value, position: Value] {
  const shape = outFirst(info)
  const outputs = [
    { shape, type: 'float32' as const },
    { shape, type: 'int64' as const },
  ]
  return g.nodeOf('MaxPool', [g.transpose(x, toNCHW)], outputs, windowsOf(info)) as [Value, Value]
}

/** The gradient goes to the first of the largest of each window, as in tfjs. */
export function maxGradient(g: Graph, dy: Value, x: Value, info: Info): Value {
  if (isSmallTiled(info)) {
    const tiles = tilesOf(g, x, info)
    return joinTiles(g, spreadOver(g, tiles, largestOf(g, tiles), dy), info)
  }
  const [, position] = maxWithPosition(g, x, info)
  const size = sizeOf(x.shape)
  const flat = g.node(
    'ScatterElements',
    [g.filled([size], 0, 'float32'), g.flat(position), g.flat(g.transpose(dy, toNCHW))],
    [size],
    'float32',
    { axis: 0, reduction: 'add' },
  )
  const shape = [info.batchSize, info.inChannels, info.inHeight, info.inWidth]
  return g.transpose(g.reshape(flat, shape), toNHWC)
}

/** Elements of a window from which its average is one of rows' averages: one after the other they lose digits. */
const manyInWindow = 128

/** The averages of the windows in an image of [batch, channels, height, width]. */
function averages(g: Graph, x: Value, info: Info): Value {
  const { batchSize, inChannels, inHeight, outWidth, filterHeight, filterWidth } = info
  const { kernel_shape, strides, pads } = windowsOf(info)
  const pool = (image: Value, shape: readonly number[], axis: readonly number[]) => {
    const along = (values: readonly number[], other: number) =>
      values.map((value, at) => (axis.includes(at % 2) ? value : other))
    return g.node('AveragePool', [image], shape, 'float32', {
      kernel_shape: along(kernel_shape, 1),
      strides: along(strides, 1),
      pads: along(pads, 0),
    })
  }
  const whole = outFirst(info)
  if (filterHeight * filterWidth < manyInWindow) return pool(x, whole, [0, 1])
  return pool(pool(x, [batchSize, inChannels, inHeight, outWidth], [1]), whole, [0])
}

/** tfjs divides by the size of the window, also where part of it is padding. */
function averageGradient(g: Graph, dy: Value, info: Info): Value {
  const { batchSize, inChannels, outHeight, outWidth, filterHeight, filterWidth } = info
  const scaled = g.mul(dy, g.scalar(1 / (filterHeight * filterWidth)))
  if (isTiled(info)) {
    const each = g.reshape(scaled, [batchSize, outHeight, 1, outWidth, 1, inChannels])
    const spread = g.expand(each, [batchSize, outHeight, filterHeight, outWidth, filterWidth, inChannels])
    return padRest(g, spread, info)
  }
  const windows = outHeight * outWidth
  const each = g.reshape(g.transpose(scaled, toNCHW), [batchSize * inChannels, 1, windows])
  const parts = g.expand(each, [batchSize * inChannels, filterHeight * filterWidth, windows])
  const sum = sumWindows(g, parts, info, batchSize * inChannels, 1)
  return g.transpose(g.reshape(sum, [batchSize, inChannels, info.inHeight, info.inWidth]), toNHWC)
}

export const pooling: Emitters = {
  MaxPool({ x }, attributes: tf.MaxPoolAttrs, g) {
    const info = infoOf(x!.shape, attributes)
    if (!isFloat(x) || !fits(info)) return undefined
    if (isSmallTiled(info)) return largestOf(g, tilesOf(g, x!, info))
    return g.transpose(
      g.node('MaxPool', [g.transpose(x!, toNCHW)], outFirst(info), 'float32', windowsOf(info)),
      toNHWC,
    )
  },
  AvgPool({ x }, attributes: tf.AvgPoolAttrs, g) {
    const info = infoOf(x!.shape, attributes)
    if (!isFloat(x) || !fits(info)) return undefined
    if (
      info.outHeight * info.outWidth === 1 &&
      info.filterHeight === info.inHeight &&
      info.filterWidth === info.inWidth &&
      isTiled(info)
    )
      return meanOver(g, x!, [1, 2], true)
    return g.transpose(averages(g, g.transpose(x!, toNCHW), info), toNHWC)
  },
  MaxPoolGrad({ dy, input }, attributes: tf.MaxPoolGradAttrs, g) {
    const info = infoOf(input!.shape, attributes)
    if (!isFloat(dy, input) || !fits(info)) return undefined
    return maxGradient(g, dy!, input!, info)
  },
  AvgPoolGrad({ dy, input }, attributes: tf.AvgPoolGradAttrs, g) {
    const info = infoOf(input!.shape, attributes)
    return isFloat(dy) && fits(info) ? averageGradient(g, dy!, info) : undefined
  },
  MaxPoolWithArgmax({ x }, attributes: tf.MaxPoolWithArgmaxAttrs, g) {
    const info = infoOf(x!.shape, attributes)
    if (!isFloat(x) || !fits(info)) return undefined
    const known = g.where(g.unary('IsNaN', x!, {}, 'bool'), g.scalar(-Infinity), x!)
    const [largest, position] = maxWithPosition(g, known, info)
    const number = (value: number) => g.scalar(value, 'int64')
    const { inHeight, inWidth, inChannels } = info
    // From batch, channel, row, column to (batch,) row, column, channel.
    const image = number(inHeight * inWidth)
    const pixel = g.binary('Mod', position, image)
    const plane = g.div(position, image)
    const channel = g.binary('Mod', plane, number(inChannels))
    const within = g.add(g.mul(pixel, number(inChannels)), channel)
    const batch = g.mul(g.div(plane, number(inChannels)), number(inHeight * inWidth * inChannels))
    const index = attributes.includeBatchInIndex ? g.add(within, batch) : within
    return [g.transpose(largest, toNHWC), g.transpose(g.cast(index, 'int32'), toNHWC)]
  },
}
