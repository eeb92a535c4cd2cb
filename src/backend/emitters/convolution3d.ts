import * as tf from '@tensorflow/tfjs'
import type { Emitters } from './kernel.js'
import { isFloat } from './kernel.js'

type Shape = [number, number, number, number, number]

const toChannelsFirst = [0, 4, 1, 2, 3]
const toChannelsLast = [0, 2, 3, 4, 1]

function infoOf(
  x: readonly number[],
  filter: readonly number[],
  { strides, dilations = 1, pad }: Omit<tf.Conv3DAttrs, 'dilations' | 'dataFormat'> & Partial<tf.Conv3DAttrs>,
) {
  return tf.backend_util.computeConv3DInfo(x as Shape, filter as Shape, strides, dilations, pad)
}

type Info = ReturnType<typeof infoOf>

const stridesOf = (info: Info) => [info.strideDepth, info.strideHeight, info.strideWidth]
const dilationsOf = (info: Info) => [info.dilationDepth, info.dilationHeight, info.dilationWidth]
const insideOf = (info: Info) => [info.inDepth, info.inHeight, info.inWidth]
const outsideOf = (info: Info) => [info.outDepth, info.outHeight, info.outWidth]
const filterOf = (info: Info) => [info.filterDepth, info.filterHeight, info.filterWidth]
const before = ({ padInfo }: Info) => [padInfo.front, padInfo.top, padInfo.left]
const after = ({ padInfo }: Info) => [padInfo.back, padInfo.bottom, padInfo.right]

/** Elements at the end that the windows do not reach (negative: padding that they need there), by axis. */
const unreached = (info: Info) =>
  insideOf(info).map((size, at) => {
    const reach =
      (outsideOf(info)[at]! - 1) * stridesOf(info)[at]! +
      (filterOf(info)[at]! - 1) * dilationsOf(info)[at]! +
      1
    return size + before(info)[at]! - reach
  })

/** Where the stride is longer than the filter, tfjs's padding for 'same' can be negative, which ONNX Runtime refuses. */
const fits = (info: Info) => [...before(info), ...after(info)].every((size) => size >= 0)

export const convolution3d: Emitters = {
  Conv3D({ x, filter }, attributes: tf.Conv3DAttrs, g) {
    if (!isFloat(x, filter)) return undefined
    const info = infoOf(x!.shape, filter!.shape, attributes)
    if (!fits(info)) return undefined
    const y = g.node(
      'Conv',
      [g.transpose(x!, toChannelsFirst), g.transpose(filter!, [4, 3, 0, 1, 2])],
      [info.batchSize, info.outChannels, ...outsideOf(info)],
      'float32',
      { strides: stridesOf(info), dilations: dilationsOf(info), pads: [...before(info), ...after(info)] },
    )
    return g.transpose(y, toChannelsLast)
  },
  Conv3DBackpropInputV2({ dy, filter }, attributes: tf.Conv3DBackpropInputV2Attrs, g) {
    if (!isFloat(dy, filter)) return undefined
    const info = infoOf(attributes.inputShape, filter!.shape, attributes)
    if (!fits(info) || !outsideOf(info).every((size, at) => size === dy!.shape[at + 1])) return undefined
    const rest = unreached(info)
    const x = g.node(
      'ConvTranspose',
      [g.transpose(dy!, toChannelsFirst), g.transpose(filter!, [4, 3, 0, 1, 2])],
      [info.batchSize, info.inChannels, ...insideOf(info)],
      'float32',
      {
        strides: stridesOf(info),
        dilations: dilationsOf(info),
        pads: [...before(info), ...rest.map((size) => Math.max(-size, 0))],
        output_padding: rest.map((size) => Math.max(size, 0)),
      },
    )
    return g.transpose(x, toChannelsLast)
  },
  // A convolution in which the batch takes the place of the channels, and strides and dilations change places.
  Conv3DBackpropFilterV2({ x, dy }, attributes: tf.Conv3DBackpropFilterV2Attrs, g) {
    if (!isFloat(x, dy)) return undefined
    const info = infoOf(x!.shape, attributes.filterShape, attributes)
    if (!fits(info)) return undefined
    const rest = unreached(info)
    const kept = g.slice(
      x!,
      [0, 0, 0, 0, 0],
      x!.shape.map((size, axis) => size - Math.max(rest[axis - 1] ?? 0, 0)),
    )
    const filter = g.node(
      'Conv',
      [g.transpose(kept, [4, 0, 1, 2, 3]), g.transpose(dy!, [4, 0, 1, 2, 3])],
      [info.inChannels, info.outChannels, ...filterOf(info)],
      'float32',
      {
        strides: dilationsOf(info),
        dilations: stridesOf(info),
        pads: [...before(info), ...rest.map((size) => Math.max(-size, 0))],
      },
    )
    return g.transpose(filter, [2, 3, 4, 0, 1])
  },
}
