import type * as tf from '@tensorflow/tfjs'
import type { Graph, Value } from '../graph/graph.js'

/**
 * Convolutions in the layout that ONNX Runtime keeps for itself: channels in blocks as wide as the processor's registers. Its
 * optimizer brings only convolutions of constant filters there; here the operators are written down, and the filter is
 * arranged in the graph. They take no patches, which are nine times the image for a filter of 3 x 3. Each gives `undefined`
 * where the layout does not fit. Not for graphs that others shall run.
 */

type Info = tf.backend_util.Conv2DInfo

const domain = 'com.microsoft.nchwc'

/** Patches of fewer numbers are made faster than images are brought to another layout and back. */
const fewest = 100_000

/** The block, where all of these numbers of channels are made of whole ones. */
export function maybeBlock(g: Graph, info: Info, ...channels: readonly number[]): number | undefined {
  const { batchSize, outHeight, outWidth, filterHeight, filterWidth, inChannels } = info
  const taps = filterHeight * filterWidth
  // A filter of one pixel takes no patches.
  const patches = taps === 1 ? 0 : batchSize * outHeight * outWidth * taps * inChannels
  if (g.isPortable || patches < fewest) return undefined
  const block = g.target.blockSize()
  return block > 0 && channels.every((count) => count % block === 0) ? block : undefined
}

const unpadded = { strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0] }

export interface Window {
  strides: readonly number[]
  dilations: readonly number[]
  pads: readonly number[]
}

/**
 * A filter with both kinds of channels in blocks: [out / b, in / b, height, width, b in, b out]. The axes of the value that
 * are channels are cut in two, then `order` puts them there.
 */
function arrange(
  g: Graph,
  value: Value,
  block: number,
  channels: readonly number[],
  order: readonly number[],
): Value {
  const cut = value.shape.flatMap((size, axis) => (channels.includes(axis) ? [size / block, block] : [size]))
  const [to, from, height, width] = order.map((axis) => cut[axis]!)
  return g.reshape(g.transpose(g.reshape(value, cut), order), [to! * block, from! * block, height!, width!])
}

const write = (g: Graph, op: string, inputs: Value[], shape: readonly number[], attributes: {}) =>
  g.node(op, inputs, shape, 'float32', attributes, domain)

/** An image [batch, height, width, channels] with its channels in blocks: [batch, channels / b, height, width, b]. */
export function toBlocks(g: Graph, x: Value): Value {
  const [batch, height, width, channels] = x.shape as [number, number, number, number]
  return write(g, 'ReorderInput', [x], [batch, channels, height, width], { channels_last: 1 })
}

export function fromBlocks(g: Graph, x: Value): Value {
  const [batch, channels, height, width] = x.shape as [number, number, number, number]
  return write(g, 'ReorderOutput', [x], [batch, height, width, channels], { channels, channels_last: 1 })
}

/** A convolution from blocks to blocks. */
export function convolve(
  g: Graph,
  x: Value,
  filter: Value,
  size: readonly [number, number],
  { strides, dilations, pads }: Window,
  bias?: Value,
): Value {
  const [to, , filterHeight, filterWidth] = filter.shape as [number, number, number, number]
  return write(g, 'Conv', bias ? [x, filter, bias] : [x, filter], [x.shape[0]!, to, ...size], {
    kernel_shape: [filterHeight, filterWidth],
    strides,
    dilations,
    pads,
    group: 1,
  })
}

/** tfjs's filter [height, width, in, out] in blocks. */
export const filterInBlocks = (g: Graph, filter: Value, block: number): Value =>
  arrange(g, filter, block, [2, 3], [4, 2, 0, 1, 3, 5])

export function maybeForward(
  g: Graph,
  x: Value,
  filter: Value,
  info: Info,
  window: Window,
): Value | undefined {
  const block = maybeBlock(g, info, info.inChannels, info.outChannels)
  if (!block) return undefined
  const size = [info.outHeight, info.outWidth] as const
  return fromBlocks(g, convolve(g, toBlocks(g, x), filterInBlocks(g, filter, block), size, window))
}

const isPlain = ({ strideHeight, strideWidth, dilationHeight, dilationWidth }: Info) =>
  strideHeight === 1 && strideWidth === 1 && dilationHeight === 1 && dilationWidth === 1

/** The gradient goes back through the filter turned by half a turn, with as much around it as the filter reached over. */
export function maybeInputGradient(g: Graph, dy: Value, filter: Value, info: Info): Value | undefined {
  const block = maybeBlock(g, info, info.inChannels, info.outChannels)
  return block ? maybeGradientFromBlocks(g, () => toBlocks(g, dy), filter, info, block) : undefined
}

/** The same of a gradient in blocks. */
export function maybeGradientFromBlocks(
  g: Graph,
  dy: () => Value,
  filter: Value,
  info: Info,
  block: number,
): Value | undefined {
  const { inHeight, inWidth, outHeight, outWidth, filterHeight, filterWidth, padInfo } = info
  const [top, left] = [filterHeight - 1 - padInfo.top, filterWidth - 1 - padInfo.left]
  const pads = [top, left, inHeight - outHeight + padInfo.top, inWidth - outWidth + padInfo.left]
  if (!isPlain(info) || pads.some((pad) => pad < 0)) return undefined
  const turned = g.slice(filter, [filterHeight - 1, filterWidth - 1, 0, 0], filter.shape, [-1, -1, 1, 1])
  const weights = arrange(g, turned, block, [2, 3], [2, 4, 0, 1, 5, 3])
  return fromBlocks(g, convolve(g, dy(), weights, [inHeight, inWidth], { ...unpadded, pads }))
}

/** The gradient of the filter is a convolution too: of the image by the gradient, with the examples as channels. */
export function maybeFilterGradient(
  g: Graph,
  x: Value,
  dy: Value,
  info: Info,
  window: Window,
): Value | undefined {
  const block = maybeBlock(g, info, info.batchSize, info.outChannels)
  if (!block) return undefined
  return maybeFilterGradientBy(g, x, () => arrange(g, dy, block, [0, 3], [4, 0, 2, 3, 1, 5]), info, window)
}

/** The same of a gradient as the filter that it is here: [out / b, batch / b, height, width, b of the batch, b out]. */
export function maybeFilterGradientBy(
  g: Graph,
  x: Value,
  weights: () => Value,
  info: Info,
  window: Window,
): Value | undefined {
  const [top, left, bottom, right] = window.pads as [number, number, number, number]
  const { batchSize, inHeight, inWidth, outHeight, outWidth, filterHeight, filterWidth, inChannels } = info
  const [height, width] = [inHeight + top + bottom, inWidth + left + right]
  const reachesAll = height === outHeight + filterHeight - 1 && width === outWidth + filterWidth - 1
  if (!isPlain(info) || !reachesAll) return undefined
  // The few results of a row are made at once only where none of them reaches over an edge.
  const padded = g.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]]) // oxfmt-ignore
  const image = write(
    g,
    'ReorderInput',
    [g.transpose(padded, [3, 0, 1, 2])],
    [inChannels, batchSize, height, width],
    { channels_last: 0 },
  )
  const gradient = convolve(g, image, weights(), [filterHeight, filterWidth], unpadded)
  return g.transpose(fromBlocks(g, gradient), [1, 2, 0, 3])
}
