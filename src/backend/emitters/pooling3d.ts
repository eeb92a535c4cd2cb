import * as tf from '@tensorflow/tfjs'
import type { Graph } from '../graph/graph.js'
import { sizeOf } from '../onnx/types.js'
import { isFloat, type Emitters, type Inputs } from './kernel.js'

type Shape = [number, number, number, number, number]

const toChannelsFirst = [0, 4, 1, 2, 3]
const toChannelsLast = [0, 2, 3, 4, 1]

/** What tfjs's poolings and their gradients have in common. */
type PoolAttributes = Omit<tf.MaxPool3DAttrs, 'dataFormat'>

function infoOf(x: readonly number[], { filterSize, strides, pad, dimRoundingMode }: PoolAttributes) {
  return tf.backend_util.computePool3DInfo(x as Shape, filterSize, strides, 1, pad, dimRoundingMode)
}

type Info = ReturnType<typeof infoOf>

const filterOf = (info: Info) => [info.filterDepth, info.filterHeight, info.filterWidth]
const stridesOf = (info: Info) => [info.strideDepth, info.strideHeight, info.strideWidth]
const insideOf = (info: Info) => [info.inDepth, info.inHeight, info.inWidth]
const outsideOf = (info: Info) => [info.outDepth, info.outHeight, info.outWidth]
const before = ({ padInfo }: Info) => [padInfo.front, padInfo.top, padInfo.left]
const after = ({ padInfo }: Info) => [padInfo.back, padInfo.bottom, padInfo.right]

/** Whether ONNX Runtime cuts the same windows as tfjs. */
const fits = (info: Info) =>
  filterOf(info).every((filter, at) => {
    const [pre, post] = [before(info)[at]!, after(info)[at]!]
    const count = Math.floor((insideOf(info)[at]! + pre + post - filter) / stridesOf(info)[at]!) + 1
    return Math.min(pre, post) >= 0 && Math.max(pre, post) < filter && count === outsideOf(info)[at]
  })

const windowsOf = (info: Info) => ({
  kernel_shape: filterOf(info),
  strides: stridesOf(info),
  pads: [...before(info), ...after(info)],
})

const outFirst = (info: Info) => [info.batchSize, info.inChannels, ...outsideOf(info)]
const inFirst = (info: Info) => [info.batchSize, info.inChannels, ...insideOf(info)]

function pool(op: string) {
  return ({ x }: Inputs, attributes: PoolAttributes, g: Graph) => {
    const info = infoOf(x!.shape, attributes)
    if (!isFloat(x) || !fits(info)) return undefined
    const y = g.node(op, [g.transpose(x!, toChannelsFirst)], outFirst(info), 'float32', windowsOf(info))
    return g.transpose(y, toChannelsLast)
  }
}

export const pooling3d: Emitters = {
  MaxPool3D: pool('MaxPool'),
  AvgPool3D: pool('AveragePool'),
  MaxPool3DGrad({ dy, input }, attributes: tf.MaxPool3DGradAttrs, g) {
    const info = infoOf(input!.shape, attributes)
    if (!isFloat(dy, input) || !fits(info)) return undefined
    const outputs = [
      { shape: outFirst(info), type: 'float32' as const },
      { shape: outFirst(info), type: 'int64' as const },
    ]
    const position = g.nodeOf('MaxPool', [g.transpose(input!, toChannelsFirst)], outputs, windowsOf(info))[1]!
    const size = sizeOf(input!.shape)
    const sum = g.node(
      'ScatterElements',
      [g.filled([size], 0, 'float32'), g.flat(position), g.flat(g.transpose(dy!, toChannelsFirst))],
      [size],
      'float32',
      { axis: 0, reduction: 'add' },
    )
    return g.transpose(g.reshape(sum, inFirst(info)), toChannelsLast)
  },
  // tfjs divides by the size of the window, also where part of it is padding.
  AvgPool3DGrad({ dy, input }, attributes: tf.AvgPool3DGradAttrs, g) {
    const info = infoOf(input!.shape, attributes)
    if (!isFloat(dy) || !fits(info)) return undefined
    const share = g.filled([info.inChannels, 1, ...filterOf(info)], 1 / sizeOf(filterOf(info)), 'float32')
    const left = insideOf(info).map(
      (size, at) =>
        size + before(info)[at]! - (outsideOf(info)[at]! - 1) * stridesOf(info)[at]! - filterOf(info)[at]!,
    )
    const x = g.node('ConvTranspose', [g.transpose(dy!, toChannelsFirst), share], inFirst(info), 'float32', {
      group: info.inChannels,
      strides: stridesOf(info),
      pads: [...before(info), ...left.map((size) => Math.max(-size, 0))],
      output_padding: left.map((size) => Math.max(size, 0)),
    })
    return g.transpose(x, toChannelsLast)
  },
}
