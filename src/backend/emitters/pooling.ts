import * as tf from '@tensorflow/tfjs'
import type { Graph, Value } from '../graph.js'
import { sizeOf } from '../onnx/types.js'
import { maybeGatherPixels, sumWindows } from './convolution.js'
import { isFloat, type Attributes, type Emitters } from './kernel.js'

type Shape4 = [number, number, number, number]

function infoOf(x: readonly number[], { filterSize, strides, pad, dimRoundingMode }: Attributes) {
  return tf.backend_util.computePool2DInfo(x as Shape4, filterSize, strides, 1, pad, dimRoundingMode)
}

type Info = ReturnType<typeof infoOf>

const toNCHW = [0, 3, 1, 2]
const toNHWC = [0, 2, 3, 1]

/** Windows that lie side by side: no overlap, no padding; rows and columns may be left over at the end. */
const isTiled = ({ padInfo: pad, ...info }: Info) =>
  info.strideHeight === info.filterHeight &&
  info.strideWidth === info.filterWidth &&
  pad.top + pad.bottom + pad.left + pad.right === 0 &&
  info.outHeight * info.filterHeight <= info.inHeight &&
  info.outWidth * info.filterWidth <= info.inWidth

/** Tiled, and few enough elements in a window to take each by itself. */
const isSmallTiled = (info: Info) => isTiled(info) && info.filterHeight * info.filterWidth <= 9

function tileOf(g: Graph, x: Value, info: Info, row: number, column: number): Value {
  const { outHeight, outWidth, filterHeight, filterWidth } = info
  const gathered = maybeGatherPixels(
    g,
    x,
    [outHeight, filterHeight],
    [outWidth, filterWidth],
    [[row, column]],
  )
  if (gathered) return g.reshape(gathered, info.outShape)
  return g.slice(x, [0, row, column, 0], info.outShape, [1, filterHeight, filterWidth, 1])
}

/** The elements of the windows of a tiled pooling: one tensor [batch, out height, out width, channels] for each place in the window. */
function tilesOf(g: Graph, x: Value, info: Info): Value[] {
  const { filterHeight, filterWidth } = info
  const tiles: Value[] = []
  for (let row = 0; row < filterHeight; row++)
    for (let column = 0; column < filterWidth; column++) tiles.push(tileOf(g, x, info, row, column))
  return tiles
}

/** Two by two: ONNX Runtime's `Max` of many takes twice as long. */
function largestOf(g: Graph, tiles: readonly Value[]): Value {
  if (tiles.length === 1) return tiles[0]!
  const half = Math.ceil(tiles.length / 2)
  return g.binary('Max', largestOf(g, tiles.slice(0, half)), largestOf(g, tiles.slice(half)))
}

/** Zeros where rows and columns were left over. */
function padRest(g: Graph, x: Value, info: Info): Value {
  const { batchSize, outHeight, outWidth, inChannels, filterHeight, filterWidth } = info
  const [height, width] = [outHeight * filterHeight, outWidth * filterWidth]
  const image = g.reshape(x, [batchSize, height, width, inChannels])
  return g.pad(image, [[0, 0], [0, info.inHeight - height], [0, info.inWidth - width], [0, 0]]) // oxfmt-ignore
}

/** The inverse of `tilesOf`. */
function joinTiles(g: Graph, tiles: readonly Value[], info: Info): Value {
  const { batchSize, outHeight, outWidth, inChannels, filterHeight, filterWidth } = info
  const each = tiles.map((tile) => g.reshape(tile, [batchSize, outHeight, 1, outWidth, 1, inChannels]))
  const rows = Array.from({ length: filterHeight }, (_, row) =>
    g.concat(each.slice(row * filterWidth, (row + 1) * filterWidth), 4),
  )
  return padRest(g, g.concat(rows, 2), info)
}

/** Whether ONNX Runtime cuts the same windows as tfjs. */
function fits(info: Info): boolean {
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
function maxGradient(g: Graph, dy: Value, x: Value, info: Info): Value {
  if (isSmallTiled(info)) {
    const tiles = tilesOf(g, x, info)
    const largest = largestOf(g, tiles)
    let free: Value | undefined
    const parts = tiles.map((tile, at) => {
      const hit = g.binary('Equal', tile, largest, 'bool')
      const first = free ? g.binary('And', hit, free) : hit
      if (at < tiles.length - 1) {
        const missed = g.unary('Not', hit)
        free = free ? g.binary('And', free, missed) : missed
      }
      return g.where(first, dy, g.scalar(0))
    })
    return joinTiles(g, parts, info)
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

/**
 * The gradient through a relu whose output went into a max pooling: `dy` of the pooling is masked where the pooled value
 * is 0, before it is spread over the windows. The one that was largest in its window is positive exactly where the pooled value is.
 */
export function maybePooledRelu(g: Graph, dy: Value, x: Value): Value | undefined {
  const pool = g.madeBy('MaxPoolGrad', dy)
  const relu = pool && g.madeBy('Relu', pool.inputs.input!)
  if (!pool || relu?.inputs.x !== x) return undefined
  const input = pool.inputs.input!
  const info = infoOf(input.shape, pool.attributes)
  if (!isSmallTiled(info)) return undefined
  const largest = largestOf(g, tilesOf(g, input, info))
  const dead = g.binary('LessOrEqual', largest, g.scalar(0), 'bool')
  return maxGradient(g, g.where(dead, g.scalar(0), pool.inputs.dy!), input, info)
}

export const pooling: Emitters = {
  MaxPool({ x }, attributes, g) {
    const info = infoOf(x!.shape, attributes)
    if (!isFloat(x) || !fits(info)) return undefined
    if (isSmallTiled(info)) {
      const tiles = tilesOf(g, x!, info)
      return largestOf(g, tiles)
    }
    return g.transpose(
      g.node('MaxPool', [g.transpose(x!, toNCHW)], outFirst(info), 'float32', windowsOf(info)),
      toNHWC,
    )
  },
  AvgPool({ x }, attributes, g) {
    const info = infoOf(x!.shape, attributes)
    if (!isFloat(x) || !fits(info)) return undefined
    if (
      info.outHeight * info.outWidth === 1 &&
      info.filterHeight === info.inHeight &&
      info.filterWidth === info.inWidth &&
      isTiled(info)
    )
      return g.reduce('ReduceMean', x!, [1, 2], true)
    return g.transpose(
      g.node('AveragePool', [g.transpose(x!, toNCHW)], outFirst(info), 'float32', windowsOf(info)),
      toNHWC,
    )
  },
  MaxPoolGrad({ dy, input }, attributes, g) {
    const info = infoOf(input!.shape, attributes)
    return isFloat(dy, input) && fits(info) ? maxGradient(g, dy!, input!, info) : undefined
  },
  AvgPoolGrad({ dy, input }, attributes, g) {
    const info = infoOf(input!.shape, attributes)
    return isFloat(dy) && fits(info) ? averageGradient(g, dy!, info) : undefined
  },
  MaxPoolWithArgmax({ x }, attributes, g) {
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
