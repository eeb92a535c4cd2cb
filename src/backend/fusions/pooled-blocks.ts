import type { Graph, Value } from '../graph/graph.js'
import {
  convolve,
  filterInBlocks,
  fromBlocks,
  maybeBlock,
  maybeFilterGradientBy,
  maybeGradientFromBlocks,
  toBlocks,
} from '../emitters/blocked.js'
import { strided, type Info } from '../emitters/convolution.js'
import type { PoolInfo } from '../emitters/tiles.js'
import type { Convolution, TileLayout } from './tiled.js'

/** The convolution without what no window of the pooling reaches: fewer results, of a smaller image. */
function cropped(info: Info, pool: PoolInfo): Info {
  const outHeight = pool.outHeight * pool.filterHeight
  const outWidth = pool.outWidth * pool.filterWidth
  const reach = (out: number, stride: number, filter: number, before: number) =>
    (out - 1) * stride + filter - before
  const height = reach(outHeight, info.strideHeight, info.effectiveFilterHeight, info.padInfo.top)
  const width = reach(outWidth, info.strideWidth, info.effectiveFilterWidth, info.padInfo.left)
  const [inHeight, inWidth] = [Math.min(info.inHeight, height), Math.min(info.inWidth, width)]
  return { ...info, outHeight, outWidth, inHeight, inWidth }
}

/** A pooled convolution in ONNX Runtime's own layout: one convolution, whose result is cut into tiles there. */
export function maybeInBlocks(g: Graph, convolution: Convolution, pool: PoolInfo): TileLayout | undefined {
  const { x, filter, bias } = convolution
  const info = cropped(convolution.info, pool)
  const { batchSize, inChannels, outChannels, inHeight, inWidth, outHeight, outWidth } = info
  const block = maybeBlock(g, info, inChannels, outChannels)
  if (!block) return undefined
  const image = g.slice(x, [0, 0, 0, 0], [batchSize, inHeight, inWidth, inChannels])
  const { filterHeight: down, filterWidth: across } = pool
  const blocks = outChannels / block
  /** Rows of windows. */
  const rows = batchSize * blocks * pool.outHeight

  const convolved = convolve(
    g,
    toBlocks(g, image),
    filterInBlocks(g, filter, block),
    [outHeight, outWidth],
    strided(info),
    bias && g.reshape(bias, [outChannels]),
  )
  const pixels = g.reshape(convolved, [rows, down, pool.outWidth, across * block])
  const tileAt = (row: number, column: number) =>
    g.reshape(g.slice(pixels, [0, row, 0, column * block], [rows, 1, pool.outWidth, block]), [
      rows,
      pool.outWidth,
      block,
    ])
  const join = (parts: readonly Value[]): Value => {
    const lines = Array.from({ length: down }, (_, row) =>
      g.reshape(g.concat(parts.slice(row * across, (row + 1) * across), 2), [rows, 1, outWidth * block]),
    )
    return g.reshape(g.concat(lines, 1), [batchSize, outChannels, outHeight, outWidth])
  }
  const places = Array.from({ length: down * across }, (_, at) => at)
  return {
    tiles: places.map((at) => tileAt(Math.floor(at / across), at % across)),
    fromImage: (pooled) => g.reshape(toBlocks(g, pooled), [rows, pool.outWidth, block]),
    toImage: (tile) =>
      fromBlocks(g, g.reshape(tile, [batchSize, outChannels, pool.outHeight, pool.outWidth])),
    filterGradient(parts) {
      if (batchSize % block !== 0) return undefined
      const weights = () => {
        const cut = g.reshape(join(parts), [batchSize / block, block, blocks, outHeight * outWidth, block])
        return g.reshape(g.transpose(cut, [2, 0, 3, 1, 4]), [outChannels, batchSize, outHeight, outWidth])
      }
      return maybeFilterGradientBy(g, image, weights, info, strided(info))
    },
    inputGradient(parts) {
      const gradient = maybeGradientFromBlocks(g, () => join(parts), filter, info, block)
      const { inHeight: height, inWidth: width } = convolution.info
      return gradient && g.pad(gradient, [[0, 0], [0, height - inHeight], [0, width - inWidth], [0, 0]]) // oxfmt-ignore
    },
    biasGradient: () => undefined,
  }
}
