import type * as tf from '@tensorflow/tfjs'
import { isFloat } from '../emitters/kernel.js'
import { fits } from '../emitters/pooling.js'
import { infoOf, isSmallTiled, joinTiles, largestOf, tilesOf, type PoolInfo } from '../emitters/tiles.js'
import type { Value } from '../graph/graph.js'
import { sizeOf } from '../onnx/types.js'
import { findConvolution } from './convolved.js'
import type { Fusion } from './fusion.js'
import type { KernelGraph } from './kernel-graph.js'
import { maybeInBlocks } from './pooled-blocks.js'
import { maybeAsProducts } from './pooled-products.js'
import { isAbove, shareOut } from './shares.js'

/**
 * A convolution (with its bias and relu) that goes into a max pooling of windows side by side, as the usual small image
 * networks have it. The convolution is made for each place in the windows by itself, so that the pooling is the largest of a
 * few tensors and its gradient parts of them: no image is cut into tiles or put together again, the relu and its gradient
 * touch only what was pooled, and what no window reaches is not made.
 */

/** Smaller results are made faster by fewer operators. */
const fewest = 2 ** 16

/** The pooled image, where a convolution made what is pooled. */
export const pooledConvolution: Fusion<tf.MaxPoolAttrs> = {
  kernel: 'MaxPool',
  write({ inputs, attributes }, g) {
    const x = inputs.x!
    const pool = infoOf(x.shape, attributes)
    if (!isFloat(x) || !fits(pool) || !isSmallTiled(pool)) return undefined
    if (g.isPortable || pool.filterHeight * pool.filterWidth < 2 || sizeOf(x.shape) < fewest) return undefined
    const relu = g.madeBy('Relu', x)
    const convolved = relu?.inputs.x ?? x
    const convolution = findConvolution(g, convolved)
    const layout =
      convolution && (maybeInBlocks(g, convolution, pool) ?? maybeAsProducts(g, convolution, pool))
    if (!layout) return undefined
    const cut = tilesOf(g, convolved, pool)
    const tiles = layout.tiles.map((tile, at) =>
      g.either(tile, layout.fromImage(cut[at]!), convolution.whole),
    )
    const largest = largestOf(g, tiles)
    const image = layout.toImage(
      relu || convolution.hasRelu ? g.binary('Max', largest, g.scalar(0)) : largest,
    )
    // The gradient of a relu in one kernel with the convolution is asked for in another way.
    if (!convolution.hasRelu) {
      const made = { convolution, pool, layout, tiles, largest, image, hasRelu: relu !== undefined }
      g.pooled.set(x, [...(g.pooled.get(x) ?? []), made])
    }
    return image
  },
}

const sameWindows = (a: PoolInfo, b: PoolInfo) =>
  a.filterHeight === b.filterHeight && a.filterWidth === b.filterWidth

/**
 * The gradient of the convolution that was pooled from `x`, from that of what came out.
 *
 * @param throughRelu through the relu that lies between them too.
 */
export function maybeTiledGradient(
  g: KernelGraph,
  dy: Value,
  x: Value,
  pool: PoolInfo,
  throughRelu: boolean,
): Value | undefined {
  const pooled = g.pooled.get(x)?.find((one) => sameWindows(one.pool, pool))
  if (!pooled || pooled.hasRelu !== throughRelu) return undefined
  const { layout, tiles, largest, image } = pooled
  const reached = throughRelu ? g.mul(dy, isAbove(g, image)) : dy
  const parts = shareOut(g, tiles, largest, layout.fromImage(reached))
  const whole = joinTiles(g, parts.map(layout.toImage), pool)
  g.tiledGradients.set(whole, { pooled, parts, reached })
  return whole
}

export const pooledGradient: Fusion<tf.MaxPoolGradAttrs> = {
  kernel: 'MaxPoolGrad',
  write({ inputs, attributes }, g) {
    const { dy, input } = inputs as { dy: Value; input: Value }
    const pool = infoOf(input.shape, attributes)
    if (!isFloat(dy, input) || !fits(pool) || !isSmallTiled(pool)) return undefined
    return maybeTiledGradient(g, dy, input, pool, false)
  },
}
