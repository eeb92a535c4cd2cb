import * as tf from '@tensorflow/tfjs'
import type { Graph, Value } from '../graph/graph.js'
import { maybeGatherPixels } from './convolution.js'

/** Poolings whose windows lie side by side, as work on tiles: one tensor for each place in a window. */

type Shape4 = [number, number, number, number]

/** What tfjs's poolings and their gradients have in common. */
type PoolAttributes = Pick<tf.MaxPoolAttrs, 'filterSize' | 'strides' | 'pad' | 'dimRoundingMode'>

export function infoOf(x: readonly number[], { filterSize, strides, pad, dimRoundingMode }: PoolAttributes) {
  return tf.backend_util.computePool2DInfo(x as Shape4, filterSize, strides, 1, pad, dimRoundingMode)
}

export type PoolInfo = ReturnType<typeof infoOf>

/** Windows that lie side by side: no overlap, no padding; rows and columns may be left over at the end. */
export const isTiled = ({ padInfo: pad, ...info }: PoolInfo) =>
  info.strideHeight === info.filterHeight &&
  info.strideWidth === info.filterWidth &&
  pad.top + pad.bottom + pad.left + pad.right === 0 &&
  info.outHeight * info.filterHeight <= info.inHeight &&
  info.outWidth * info.filterWidth <= info.inWidth

/** Tiled, and few enough elements in a window to take each by itself. */
export const isSmallTiled = (info: PoolInfo) => isTiled(info) && info.filterHeight * info.filterWidth <= 9

function tileOf(g: Graph, x: Value, info: PoolInfo, row: number, column: number): Value {
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
export function tilesOf(g: Graph, x: Value, info: PoolInfo): Value[] {
  const { filterHeight, filterWidth } = info
  const tiles: Value[] = []
  for (let row = 0; row < filterHeight; row++)
    for (let column = 0; column < filterWidth; column++) tiles.push(tileOf(g, x, info, row, column))
  return tiles
}

/** Two by two: ONNX Runtime's `Max` of many takes twice as long. */
export function largestOf(g: Graph, tiles: readonly Value[]): Value {
  if (tiles.length === 1) return tiles[0]!
  const half = Math.ceil(tiles.length / 2)
  return g.binary('Max', largestOf(g, tiles.slice(0, half)), largestOf(g, tiles.slice(half)))
}

/** Zeros where rows and columns were left over. */
export function padRest(g: Graph, x: Value, info: PoolInfo): Value {
  const { batchSize, outHeight, outWidth, inChannels, filterHeight, filterWidth } = info
  const [height, width] = [outHeight * filterHeight, outWidth * filterWidth]
  const image = g.reshape(x, [batchSize, height, width, inChannels])
  return g.pad(image, [[0, 0], [0, info.inHeight - height], [0, info.inWidth - width], [0, 0]]) // oxfmt-ignore
}

/** The inverse of `tilesOf`. */
export function joinTiles(g: Graph, tiles: readonly Value[], info: PoolInfo): Value {
  const { batchSize, outHeight, outWidth, inChannels, filterHeight, filterWidth } = info
  const each = tiles.map((tile) => g.reshape(tile, [batchSize, outHeight, 1, outWidth, 1, inChannels]))
  const rows = Array.from({ length: filterHeight }, (_, row) =>
    g.concat(each.slice(row * filterWidth, (row + 1) * filterWidth), 4),
  )
  return padRest(g, g.concat(rows, 2), info)
}

/** Which of the tiles is the first that is hit, at each place: `hits` without those that an earlier one has. */
export function firstOf(g: Graph, hits: readonly Value[]): Value[] {
  let taken: Value | undefined
  return hits.map((hit, at) => {
    const first = taken ? g.binary('And', hit, g.unary('Not', taken)) : hit
    if (at < hits.length - 1) taken = taken ? g.binary('Or', taken, hit) : hit
    return first
  })
}

/** The gradient for each tile: `dy` where it is the first that equals `largest`. */
export function spreadOver(g: Graph, tiles: readonly Value[], largest: Value, dy: Value): Value[] {
  const hits = tiles.map((tile) => g.binary('Equal', tile, largest, 'bool'))
  return firstOf(g, hits).map((first) => g.where(first, dy, g.scalar(0)))
}
