import * as tf from '@tensorflow/tfjs'
import type { Graph, Value } from '../graph/graph.js'
import { maybeFilterGradient, maybeForward, maybeInputGradient } from './blocked.js'
import { isFloat, type Emitters, type Inputs } from './kernel.js'
import { activate, fusable, type Activated } from './matmul.js'

export type Info = tf.backend_util.Conv2DInfo

/** Columns of more elements than this take more memory than their speed is worth. */
export const mostColumns = 64 * 2 ** 20

const toNHWC = [0, 2, 3, 1]
const toNCHW = [0, 3, 1, 2]

/** What tfjs's convolutions and their gradients have in common. */
interface ConvolutionAttributes {
  strides: [number, number] | number
  pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding
  dataFormat?: 'NHWC' | 'NCHW'
  dilations?: [number, number] | number
  dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

/** What tfjs says of a convolution whose tensors were brought to NHWC. */
export function infoOf(
  x: readonly number[],
  filter: readonly number[],
  attributes: ConvolutionAttributes,
  depthwise = false,
): Info {
  const { strides, dilations, pad, dimRoundingMode } = attributes
  return tf.backend_util.computeConv2DInfo(
    x as [number, number, number, number],
    filter as [number, number, number, number],
    strides,
    dilations ?? 1,
    // Explicit padding comes by axis: NCHW has its two in other places.
    Array.isArray(pad) && attributes.dataFormat === 'NCHW'
      ? ([pad[0], pad[2], pad[3], pad[1]] as never)
      : pad,
    dimRoundingMode,
    depthwise,
    'channelsLast',
  )
}

export const isNCHW = ({ dataFormat }: { dataFormat?: 'NHWC' | 'NCHW' }) => dataFormat === 'NCHW'
const last = (g: Graph, x: Value, attributes: ConvolutionAttributes) =>
  isNCHW(attributes) ? g.transpose(x, toNHWC) : x
const back = (g: Graph, x: Value, attributes: ConvolutionAttributes) =>
  isNCHW(attributes) ? g.transpose(x, toNCHW) : x
const shapeLast = (shape: readonly number[], attributes: ConvolutionAttributes) =>
  isNCHW(attributes) ? toNHWC.map((axis) => shape[axis]!) : shape

/** Channels from which pixels are faster gathered one by one than cut out by strides: a pixel is then a cache line. */
const manyChannels = 16

const count = (size: number, step: number) => Array.from({ length: size }, (_, at) => at * step)

/**
 * Pixels of an image [batch, height, width, channels] by their numbers: for each example, row and column of a grid those
 * that lie at `offsets` (rows and columns) from there, each a row of the result. `undefined` for few channels.
 */
export function maybeGatherPixels(
  g: Graph,
  x: Value,
  [rows, rowStep]: readonly [number, number],
  [columns, columnStep]: readonly [number, number],
  offsets: readonly (readonly [row: number, column: number])[],
): Value | undefined {
  const [batch, height, width, channels] = x.shape as [number, number, number, number]
  if (channels < manyChannels) return undefined
  // A sum of short lists: ONNX Runtime computes it once, and the graph stays small.
  const lists = [
    count(rows, rowStep * width),
    count(columns, columnStep),
    offsets.map(([row, column]) => row * width + column),
  ]
  const [first, ...others] = lists.map((list, axis) =>
    g.constant(list, lists.map((_, other) => (other === axis ? list.length : 1)), 'int32'),
  ) // oxfmt-ignore
  const numbers = others.reduce(g.add, first!)
  return g.gather(g.reshape(x, [batch, height * width, channels]), numbers, 1)
}

/** Padding after the end with which exactly the windows that there are fit in; what no window reaches needs none. */
export function padsAfter(info: Info): [bottom: number, right: number] {
  const { padInfo } = info
  const reach = (out: number, stride: number, filter: number) => (out - 1) * stride + filter
  const bottom = reach(info.outHeight, info.strideHeight, info.effectiveFilterHeight) - info.inHeight
  const right = reach(info.outWidth, info.strideWidth, info.effectiveFilterWidth) - info.inWidth
  return [Math.max(bottom - padInfo.top, 0), Math.max(right - padInfo.left, 0)]
}

/**
 * Whether as many windows fit in as tfjs says. Padding given as a number it counts with the filter's height for both axes, so
 * that a tall filter leaves windows out.
 */
export function fits(info: Info): boolean {
  const [bottom, right] = padsAfter(info)
  const { top, left } = info.padInfo
  const count = (size: number, filter: number, stride: number) => Math.floor((size - filter) / stride) + 1
  return (
    count(info.inHeight + top + bottom, info.effectiveFilterHeight, info.strideHeight) === info.outHeight &&
    count(info.inWidth + left + right, info.effectiveFilterWidth, info.strideWidth) === info.outWidth
  )
}

/**
 * The patches that a filter sees, one row each: [batch x out height x out width, filter height x filter width x channels].
 * The forward pass and the filter's gradient make the same nodes, which ONNX Runtime then runs once. Of the forms tried
 * (dev/LOG.md) this with one matmul was the fastest in NHWC.
 */
function columns(g: Graph, x: Value, info: Info): Value {
  const { top, left } = info.padInfo
  const [bottom, right] = padsAfter(info)
  const { batchSize, outHeight, outWidth, inChannels, strideHeight, strideWidth } = info
  const padded = g.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]]) // oxfmt-ignore
  const steps = strideHeight === 1 && strideWidth === 1 ? undefined : [1, strideHeight, strideWidth, 1]
  const taps = info.filterHeight * info.filterWidth
  const offsets = Array.from({ length: taps }, (_, tap): [number, number] => [
    Math.floor(tap / info.filterWidth) * info.dilationHeight,
    (tap % info.filterWidth) * info.dilationWidth,
  ])
  const rowsAt: [number, number] = [outHeight, strideHeight]
  const gathered = maybeGatherPixels(g, padded, rowsAt, [outWidth, strideWidth], offsets)
  if (gathered) return g.reshape(gathered, [batchSize * outHeight * outWidth, taps * inChannels])
  const parts = offsets.map(([row, column]) =>
    g.slice(padded, [0, row, column, 0], [batchSize, outHeight, outWidth, inChannels], steps),
  )
  return g.reshape(g.concat(parts, 3), [batchSize * outHeight * outWidth, taps * inChannels])
}

export const columnSize = (info: Info) =>
  info.batchSize * info.outHeight * info.outWidth * info.filterHeight * info.filterWidth * info.inChannels

export const strided = (info: Info) => ({
  strides: [info.strideHeight, info.strideWidth],
  dilations: [info.dilationHeight, info.dilationWidth],
  pads: [info.padInfo.top, info.padInfo.left, ...padsAfter(info)],
})

function forward(g: Graph, x: Value, filter: Value, info: Info): Value {
  const { batchSize, outHeight, outWidth, outChannels, inChannels } = info
  const grouped = filter.shape[2] !== inChannels
  const blocked = grouped ? undefined : maybeForward(g, x, filter, info, strided(info))
  if (blocked) return blocked
  if (grouped || columnSize(info) > mostColumns) {
    const weights = g.transpose(filter, [3, 2, 0, 1])
    const y = g.node(
      'Conv',
      [g.transpose(x, toNCHW), weights],
      [batchSize, outChannels, outHeight, outWidth],
      'float32',
      { ...strided(info), group: inChannels / filter.shape[2]! },
    )
    return g.transpose(y, toNHWC)
  }
  const weights = g.reshape(filter, [filter.shape[0]! * filter.shape[1]! * inChannels, outChannels])
  return g.reshape(g.matmul(columns(g, x, info), weights), [batchSize, outHeight, outWidth, outChannels])
}

/** Sums [batch, channels x filter, windows] back into the image that the windows were cut from: [batch, channels, height, width]. */
export function sumWindows(g: Graph, parts: Value, info: Info, batch: number, channels: number): Value {
  const inputs = [
    parts,
    g.whole([info.inHeight, info.inWidth]),
    g.whole([info.filterHeight, info.filterWidth]),
  ]
  const shape = [batch, channels, info.inHeight, info.inWidth]
  return g.node('Col2Im', inputs, shape, 'float32', strided(info))
}

/**
 * The gradient as a convolution of dy with the filter turned by half, for steps of one: on a device, where `Col2Im` is not and
 * the sum of windows would be made on the host. On the processor it is slower.
 */
function maybeTurned(g: Graph, dy: Value, filter: Value, info: Info): Value | undefined {
  const { batchSize, inHeight, inWidth, inChannels, outChannels, filterHeight, filterWidth, padInfo } = info
  const top = info.effectiveFilterHeight - 1 - padInfo.top
  const left = info.effectiveFilterWidth - 1 - padInfo.left
  if (info.strideHeight !== 1 || info.strideWidth !== 1 || top < 0 || left < 0) return undefined
  const turned: Info = {
    ...info,
    inHeight: info.outHeight,
    inWidth: info.outWidth,
    inChannels: outChannels,
    outHeight: inHeight,
    outWidth: inWidth,
    outChannels: inChannels,
    padInfo: { ...padInfo, top, left },
  }
  if (columnSize(turned) > mostColumns) return undefined
  const taps = filterHeight * filterWidth
  const last = Array.from({ length: taps }, (_, tap) => taps - 1 - tap)
  const byTap = g.reshape(filter, [taps, inChannels, outChannels])
  const reversed = g.gather(byTap, g.constant(last, [taps], 'int32'), 0)
  const weights = g.reshape(g.transpose(reversed, [0, 2, 1]), [taps * outChannels, inChannels])
  return g.reshape(g.matmul(columns(g, dy, turned), weights), [batchSize, inHeight, inWidth, inChannels])
}

function inputGradient(g: Graph, dy: Value, filter: Value, info: Info): Value {
  const { batchSize, inChannels, outChannels, outHeight, outWidth, filterHeight, filterWidth } = info
  const blocked = maybeInputGradient(g, dy, filter, info)
  if (blocked) return blocked
  const turned = g.target.device === 'cpu' ? undefined : maybeTurned(g, dy, filter, info)
  if (turned) return turned
  const flat = g.reshape(g.transpose(dy, toNCHW), [batchSize, outChannels, outHeight * outWidth])
  const weights = g.reshape(g.transpose(filter, [3, 2, 0, 1]), [
    outChannels,
    inChannels * filterHeight * filterWidth,
  ])
  const parts = g.matmul(weights, flat, true)
  return g.transpose(sumWindows(g, parts, info, batchSize, inChannels), toNHWC)
}

function filterGradient(g: Graph, x: Value, dy: Value, info: Info): Value {
  const { batchSize, outHeight, outWidth, outChannels } = info
  const blocked = maybeFilterGradient(g, x, dy, info, strided(info))
  if (blocked) return blocked
  const flat = g.reshape(dy, [batchSize * outHeight * outWidth, outChannels])
  return g.reshape(g.matmul(columns(g, x, info), flat, true), info.filterShape)
}

/** tfjs's depthwise filter [height, width, channels, multiplier] as ONNX has it: [channels x multiplier, 1, height, width]. */
const depthwiseWeights = (g: Graph, filter: Value, info: Info) =>
  g.reshape(g.transpose(filter, [2, 3, 0, 1]), [info.outChannels, 1, info.filterHeight, info.filterWidth])

function depthwise(g: Graph, x: Value, filter: Value, info: Info): Value {
  const { batchSize, outChannels, outHeight, outWidth } = info
  const y = g.node(
    'Conv',
    [g.transpose(x, toNCHW), depthwiseWeights(g, filter, info)],
    [batchSize, outChannels, outHeight, outWidth],
    'float32',
    { ...strided(info), group: info.inChannels },
  )
  return g.transpose(y, toNHWC)
}

function withBias(
  g: Graph,
  plain: Value,
  { bias, preluActivationWeights }: Inputs,
  attributes: ConvolutionAttributes & Activated,
): Value {
  const byChannel = (value: Value | undefined) =>
    value && isNCHW(attributes) && value.shape.length === 1 && value.shape[0] !== 1
      ? g.reshape(value, [value.shape[0]!, 1, 1])
      : value
  const biased = bias ? g.add(plain, byChannel(bias)!) : plain
  return activate(g, biased, attributes, byChannel(preluActivationWeights))
}

export const convolution: Emitters = {
  Conv2D({ x, filter }, attributes: tf.Conv2DAttrs, g) {
    if (!isFloat(x, filter)) return undefined
    const info = infoOf(shapeLast(x!.shape, attributes), filter!.shape, attributes)
    if (!fits(info)) return undefined
    return back(g, forward(g, last(g, x!, attributes), filter!, info), attributes)
  },
  FusedConv2D(inputs, attributes: tf.FusedConv2DAttrs, g) {
    const { x, filter } = inputs
    if (!isFloat(x, filter, inputs.bias) || !fusable.has(attributes.activation)) return undefined
    const info = infoOf(shapeLast(x!.shape, attributes), filter!.shape, attributes)
    if (!fits(info)) return undefined
    const plain = back(g, forward(g, last(g, x!, attributes), filter!, info), attributes)
    return withBias(g, plain, inputs, attributes)
  },
  Conv2DBackpropInput({ dy, filter }, attributes: tf.Conv2DBackpropInputAttrs, g) {
    if (!isFloat(dy, filter)) return undefined
    const info = infoOf(shapeLast(attributes.inputShape, attributes), filter!.shape, attributes)
    const [, height, width] = shapeLast(dy!.shape, attributes)
    // conv2dTranspose lets through shapes that no convolution gives; the host knows what to do with them.
    if (height !== info.outHeight || width !== info.outWidth || !fits(info)) return undefined
    return back(g, inputGradient(g, last(g, dy!, attributes), filter!, info), attributes)
  },
  Conv2DBackpropFilter({ x, dy }, attributes: tf.Conv2DBackpropFilterAttrs, g) {
    const image = shapeLast(x!.shape, attributes)
    const info = infoOf(image, attributes.filterShape, attributes)
    if (!isFloat(x, dy) || attributes.filterShape[2] !== image[3] || !fits(info)) return undefined
    return filterGradient(g, last(g, x!, attributes), last(g, dy!, attributes), info)
  },
  DepthwiseConv2dNative({ x, filter }, attributes: tf.DepthwiseConv2dNativeAttrs, g) {
    if (!isFloat(x, filter) || isNCHW(attributes)) return undefined
    const info = infoOf(x!.shape, filter!.shape, attributes, true)
    return fits(info) ? depthwise(g, x!, filter!, info) : undefined
  },
  FusedDepthwiseConv2D(inputs, attributes: tf.FusedDepthwiseConv2DAttrs, g) {
    const { x, filter, bias } = inputs
    if (!isFloat(x, filter, bias) || !fusable.has(attributes.activation) || isNCHW(attributes))
      return undefined
    const info = infoOf(x!.shape, filter!.shape, attributes, true)
    if (!fits(info)) return undefined
    return withBias(g, depthwise(g, x!, filter!, info), inputs, attributes)
  },
  DepthwiseConv2dNativeBackpropInput(
    { dy, filter },
    attributes: tf.DepthwiseConv2dNativeBackpropInputAttrs,
    g,
  ) {
    if (!isFloat(dy, filter)) return undefined
    const info = infoOf(attributes.inputShape, filter!.shape, attributes, true)
    if (!fits(info)) return undefined
    const { batchSize, inChannels, outChannels, outHeight, outWidth } = info
    const multiplier = outChannels / inChannels
    const taps = info.filterHeight * info.filterWidth
    const windows = outHeight * outWidth
    // For each channel: its multiplier gradients at each window, times the filter's taps.
    const gradients = g.reshape(g.transpose(dy!, toNCHW), [batchSize * inChannels, multiplier, windows])
    const weights = g.reshape(g.transpose(filter!, [2, 0, 1, 3]), [1, inChannels, taps, multiplier])
    const each = g.reshape(g.expand(weights, [batchSize, inChannels, taps, multiplier]), [
      batchSize * inChannels,
      taps,
      multiplier,
    ])
    const parts = g.reshape(g.matmul(each, gradients), [batchSize, inChannels * taps, windows])
    return g.transpose(sumWindows(g, parts, info, batchSize, inChannels), toNHWC)
  },
  DepthwiseConv2dNativeBackpropFilter({ x, dy }, attributes: tf.DepthwiseConv2dNativeBackpropFilterAttrs, g) {
    if (!isFloat(x, dy)) return undefined
    const info = infoOf(x!.shape, attributes.filterShape, attributes, true)
    if (!fits(info)) return undefined
    const { batchSize, inChannels, outHeight, outWidth, filterHeight, filterWidth } = info
    const multiplier = info.outChannels / inChannels
    const windows = batchSize * outHeight * outWidth
    const taps = filterHeight * filterWidth
    // [channels, taps, windows] x [channels, windows, multiplier]
    const seen = g.reshape(columns(g, x!, info), [windows, taps, inChannels])
    const gradients = g.reshape(dy!, [windows, inChannels, multiplier])
    const sum = g.matmul(g.transpose(seen, [2, 1, 0]), g.transpose(gradients, [1, 0, 2]))
    return g.transpose(g.reshape(sum, [inChannels, filterHeight, filterWidth, multiplier]), [1, 2, 0, 3])
  },
}
