import type { Graph, Value } from '../graph/graph.js'
import { columnSize, mostColumns, padsAfter } from '../emitters/convolution.js'
import type { PoolInfo } from '../emitters/tiles.js'
import type { Convolution, TileLayout } from './tiled.js'

/** Channels from which pixels are better taken as a whole than one number at a time. */
const manyChannels = 16

/**
 * A pooled convolution of an image of few channels as products, one for each place in the windows: each tile has a row for
 * each window, and its patches lie as columns, [taps x channels, windows], which is how the filter's gradient needs them. A
 * row of ones below them adds the bias, and is what the bias' gradient comes from.
 */
export function maybeAsProducts(g: Graph, convolution: Convolution, pool: PoolInfo): TileLayout | undefined {
  const { info, bias, filter } = convolution
  const { inChannels, outChannels, filterShape } = info
  if (inChannels >= manyChannels || columnSize(info) > mostColumns) return undefined
  const { batchSize, outHeight, outWidth } = pool
  const windows = batchSize * outHeight * outWidth
  const taps = info.filterHeight * info.filterWidth * inChannels
  const patches = patchesOf(g, convolution, pool)
  const flat = g.reshape(filter, [taps, outChannels])
  const weights = bias ? g.concat([flat, g.reshape(bias, [1, outChannels])], 0) : flat

  // Asked for twice, the nodes are the same, and ONNX Runtime runs them once.
  const product = (parts: readonly Value[]) =>
    g.node(
      'Sum',
      parts.map((part, at) => g.matmul(patches[at]!, part)),
      weights.shape,
      'float32',
    )
  return {
    tiles: patches.map((columns) => g.matmul(columns, weights, true)),
    fromImage: (image) => g.reshape(image, [windows, outChannels]),
    toImage: (tile) => g.reshape(tile, [batchSize, outHeight, outWidth, outChannels]),
    filterGradient: (parts) => g.reshape(g.slice(product(parts), [0, 0], [taps, outChannels]), filterShape),
    inputGradient: () => undefined,
    biasGradient: (parts) => g.reshape(g.slice(product(parts), [taps, 0], [1, outChannels]), [outChannels]),
  }
}

/** The patches that the filter sees, for each place in the windows. */
function patchesOf(g: Graph, { x, info, bias }: Convolution, pool: PoolInfo): Value[] {
  const { batchSize, inChannels, strideHeight, strideWidth, padInfo } = info
  const { outHeight, outWidth } = pool
  const windows = batchSize * outHeight * outWidth
  const [bottom, right] = padsAfter(info)
  const padded = g.pad(x, [[0, 0], [padInfo.top, bottom], [padInfo.left, right], [0, 0]]) // oxfmt-ignore
  const [, height, width] = padded.shape as [number, number, number, number]
  const image =
    inChannels === 1 ? g.reshape(padded, [1, batchSize, height, width]) : g.transpose(padded, [3, 0, 1, 2])
  const ones = bias && g.filled([1, windows], 1, 'float32')
  const steps = [1, 1, strideHeight * pool.filterHeight, strideWidth * pool.filterWidth]
  /** Pixels that a tap sees at one place are those that another sees at the next. */
  const seen = new Map<string, Value>()
  const pixelsAt = (row: number, column: number): Value => {
    let pixels = seen.get(`${row} ${column}`)
    if (!pixels) {
      const cut = g.slice(image, [0, 0, row, column], [inChannels, batchSize, outHeight, outWidth], steps)
      seen.set(`${row} ${column}`, (pixels = g.reshape(cut, [inChannels, windows])))
    }
    return pixels
  }
  const patchesAt = (row: number, column: number): Value => {
    const rows: Value[] = []
    for (let down = 0; down < info.filterHeight; down++)
      for (let across = 0; across < info.filterWidth; across++)
        rows.push(
          pixelsAt(
            row * strideHeight + down * info.dilationHeight,
            column * strideWidth + across * info.dilationWidth,
          ),
        )
    return g.concat(ones ? [...rows, ones] : rows, 0)
  }
  const places: Value[] = []
  for (let row = 0; row < pool.filterHeight; row++)
    for (let column = 0; column < pool.filterWidth; column++) places.push(patchesAt(row, column))
  return places
}
