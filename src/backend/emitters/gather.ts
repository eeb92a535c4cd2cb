import * as tf from '@tensorflow/tfjs'
import type { Graph, Value } from '../graph.js'
import { sizeOf } from '../onnx/types.js'
import { isFloat, isNumber, type Emitters } from './kernel.js'

const { segment_util: segments } = tf.backend_util

/** A value as tfjs's checks of shapes want it. */
const infoOf = ({ shape, type }: Value) =>
  ({ shape: [...shape], dtype: type, rank: shape.length }) as unknown as tf.Tensor

/** Places that an index points to, as int64, and whether it points into 0 … size - 1: others are sent to 0. */
function within(g: Graph, index: Value, size: number): [place: Value, inside: Value] {
  const below = g.binary('Less', index, g.scalar(size, 'int32'), 'bool')
  const inside = g.binary('And', below, g.binary('GreaterOrEqual', index, g.scalar(0, 'int32'), 'bool'))
  return [g.cast(g.where(inside, index, g.scalar(0, 'int32')), 'int64'), inside]
}

/** Adds rows [rows, width] to zeros [size, width] at the places that `index` names; rows that name none are left out. */
function addRows(g: Graph, rows: Value, index: Value, size: number): Value {
  const [count, width] = rows.shape as [number, number]
  const [place, inside] = within(g, index, size)
  const kept = g.where(g.reshape(inside, [count, 1]), rows, g.scalar(0, rows.type))
  const zeros = g.filled([size, width], 0, rows.type)
  return g.node('ScatterND', [zeros, g.reshape(place, [count, 1]), kept], [size, width], rows.type, {
    reduction: 'add',
  })
}

/** Indices of ONNX Runtime's ScatterND and GatherND: int64, checked by them; negative ones would count from the end. */
function scatter(g: Graph, onto: Value, indices: Value, updates: Value, reduction: 'add' | 'none'): Value {
  const { sliceRank, numUpdates, sliceSize } = tf.backend_util.calculateShapes(
    infoOf(updates),
    infoOf(indices),
    onto.shape as number[],
  )
  if (sliceRank < 1) throw new Error('scatter needs indices of rank 1 or more')
  const places = g.reshape(g.cast(indices, 'int64'), [numUpdates, sliceRank])
  const rest = onto.shape.slice(sliceRank)
  const values =
    updates.shape.length === 0
      ? g.expand(updates, [numUpdates, ...rest])
      : g.reshape(updates, [numUpdates, ...(sliceSize === 1 && rest.length === 0 ? [] : rest)])
  return g.node('ScatterND', [onto, places, values], onto.shape, onto.type, { reduction })
}

export const gather: Emitters = {
  GatherV2({ x, indices }, { axis, batchDims = 0 }, g) {
    const at = tf.util.parseAxisParam(axis, x!.shape as number[])[0]!
    if (indices!.type !== 'int32') return undefined
    if (batchDims === 0) return g.gather(x!, indices!, at)
    const info = segments.collectGatherOpShapeInfo(infoOf(x!), infoOf(indices!), at, batchDims)
    const { batchSize, outerSize, dimSize, sliceSize, outputShape } = info
    const count = sizeOf(indices!.shape) / batchSize
    const flat = g.reshape(x!, [batchSize, outerSize, dimSize, sliceSize])
    const index = g.expand(g.reshape(g.cast(indices!, 'int64'), [batchSize, 1, count, 1]), [
      batchSize,
      outerSize,
      count,
      sliceSize,
    ])
    const taken = g.node('GatherElements', [flat, index], index.shape, x!.type, { axis: 2 })
    return g.reshape(taken, outputShape)
  },
  GatherNd({ params, indices }, _, g) {
    const [shape, count] = tf.backend_util.prepareAndValidate(infoOf(params!), infoOf(indices!))
    if (count === 0 || indices!.type !== 'int32' || params!.shape.length === 0) return undefined
    return g.node('GatherND', [params!, g.cast(indices!, 'int64')], shape, params!.type)
  },
  ScatterNd({ indices, updates }, { shape }, g) {
    if (!isNumber(updates!) || shape.length === 0) return undefined
    return scatter(g, g.filled(shape, 0, updates!.type), indices!, updates!, 'add')
  },
  TensorScatterUpdate({ tensor, indices, updates }, _, g) {
    if (!isNumber(tensor!) || tensor!.type !== updates!.type) return undefined
    return scatter(g, tensor!, indices!, updates!, 'none')
  },
  SparseToDense({ sparseIndices, sparseValues, defaultValue }, { outputShape }, g) {
    if (!isNumber(sparseValues!) || defaultValue!.type !== sparseValues!.type) return undefined
    const onto = g.node(
      'Expand',
      [g.reshape(defaultValue!, []), g.whole(outputShape)],
      outputShape,
      sparseValues!.type,
    )
    return scatter(g, onto, sparseIndices!, sparseValues!, 'none')
  },
  UnsortedSegmentSum({ x, segmentIds }, { numSegments }, g) {
    if (!isFloat(x) || segmentIds!.type !== 'int32' || segmentIds!.shape.length !== 1) return undefined
    const [count, ...rest] = x!.shape as [number, ...number[]]
    const rows = g.reshape(x!, [count, sizeOf(rest)])
    return g.reshape(addRows(g, rows, segmentIds!, numSegments), [numSegments, ...rest])
  },
  Bincount({ x, weights }, { size }, g) {
    if (x!.type !== 'int32' || !isNumber(weights!)) return undefined
    const count = sizeOf(x!.shape)
    return g.reshape(addRows(g, g.reshape(weights!, [count, 1]), g.flat(x!), size), [size])
  },
  DenseBincount({ x, weights }, { size, binaryOutput }, g) {
    if (x!.type !== 'int32' || !isNumber(weights!)) return undefined
    const [rows, columns] = x!.shape.length === 1 ? [1, x!.shape[0]!] : (x!.shape as [number, number])
    const classes = g.constant(
      Array.from({ length: size }, (_, index) => index),
      [size],
      'int32',
    )
    const hit = g.binary('Equal', g.reshape(x!, [rows, columns, 1]), classes, 'bool')
    const amount = binaryOutput
      ? g.cast(hit, weights!.type)
      : g.mul(g.cast(hit, weights!.type), g.reshape(weights!, [rows, columns, 1]))
    const sum = g.reduce(binaryOutput ? 'ReduceMax' : 'ReduceSum', amount, [1], false)
    return g.reshape(sum, x!.shape.length === 1 ? [size] : [rows, size])
  },
  SearchSorted({ sortedSequence, values }, { side }, g) {
    if (!isNumber(sortedSequence!) || sortedSequence!.type !== values!.type) return undefined
    const [rows, length] = sortedSequence!.shape as [number, number]
    const count = values!.shape[1]!
    const sequence = g.reshape(sortedSequence!, [rows, 1, length])
    const each = g.reshape(values!, [rows, count, 1])
    const before = g.binary(side === 'left' ? 'Less' : 'LessOrEqual', sequence, each, 'bool')
    return g.reduce('ReduceSum', g.cast(before, 'int32'), [2], false)
  },
  TopK({ x }, { k }, g) {
    if (!isNumber(x!) || x!.shape.length === 0 || k === 0) return undefined
    const shape = [...x!.shape.slice(0, -1), k]
    const outputs = [
      { shape, type: x!.type },
      { shape, type: 'int64' as const },
    ]
    const [values, indices] = g.nodeOf('TopK', [x!, g.whole([k])], outputs, {
      axis: -1,
      largest: 1,
      sorted: 1,
    })
    return [values!, g.cast(indices!, 'int32')]
  },
}
