import * as tf from '@tensorflow/tfjs'
import type { Graph, Value } from '../graph/graph.js'
import { sizeOf } from '../onnx/types.js'
import { isFloat, isNumber, type Emitters } from './kernel.js'
import { scatterRows, sumByPlace } from './scatter.js'

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
  const [place, inside] = within(g, index, size)
  const kept = g.where(g.reshape(inside, [rows.shape[0]!, 1]), rows, g.scalar(0, rows.type))
  return sumByPlace(g, kept, place, size)
}

interface Scattered {
  /** As int64, [updates, depth]. */
  places: Value
  /** [updates, …rest], where rest are the axes that an index leaves whole. */
  rows: Value
  rest: readonly number[]
}

function scattered(g: Graph, shape: readonly number[], indices: Value, updates: Value): Scattered {
  const { sliceRank, numUpdates } = tf.backend_util.calculateShapes(
    infoOf(updates),
    infoOf(indices),
    shape as number[],
  )
  if (sliceRank < 1) throw new Error('scatter needs indices of rank 1 or more')
  const rest = shape.slice(sliceRank)
  const whole = [numUpdates, ...rest]
  return {
    places: g.reshape(g.cast(indices, 'int64'), [numUpdates, sliceRank]),
    rows: updates.shape.length === 0 ? g.expand(updates, whole) : g.reshape(updates, whole),
    rest,
  }
}

/** Writes updates onto an array; where two have one place the later stays. */
function write(g: Graph, onto: Value, indices: Value, updates: Value): Value {
  const { places, rows } = scattered(g, onto.shape, indices, updates)
  return scatterRows(g, onto, places, rows, 'none')
}

/** One number for each index of several axes. */
function flatPlaces(g: Graph, places: Value, sizes: readonly number[]): Value {
  if (sizes.length === 1) return g.reshape(places, [places.shape[0]!])
  const strides = sizes.map((_, axis) => sizeOf(sizes.slice(axis + 1)))
  return g.reduce('ReduceSum', g.mul(places, g.whole(strides)), [1], false)
}

export const gather: Emitters = {
  GatherV2({ x, indices }, { axis, batchDims = 0 }: tf.GatherV2Attrs, g) {
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
  ScatterNd({ indices, updates }, { shape }: tf.ScatterNdAttrs, g) {
    if (!isNumber(updates!) || shape.length === 0) return undefined
    const { places, rows, rest } = scattered(g, shape, indices!, updates!)
    const sizes: number[] = shape.slice(0, shape.length - rest.length)
    const flat = g.reshape(rows, [rows.shape[0]!, sizeOf(rest)])
    return g.reshape(sumByPlace(g, flat, flatPlaces(g, places, sizes), sizeOf(sizes)), shape)
  },
  TensorScatterUpdate({ tensor, indices, updates }, _, g) {
    if (!isNumber(tensor!) || tensor!.type !== updates!.type) return undefined
    return write(g, tensor!, indices!, updates!)
  },
  SparseToDense({ sparseIndices, sparseValues, defaultValue }, { outputShape }: tf.SparseToDenseAttrs, g) {
    if (!isNumber(sparseValues!) || defaultValue!.type !== sparseValues!.type) return undefined
    const onto = g.node(
      'Expand',
      [g.reshape(defaultValue!, []), g.whole(outputShape)],
      outputShape,
      sparseValues!.type,
    )
    return write(g, onto, sparseIndices!, sparseValues!)
  },
  UnsortedSegmentSum({ x, segmentIds }, { numSegments }: tf.UnsortedSegmentSumAttrs, g) {
    if (!isFloat(x) || segmentIds!.type !== 'int32' || segmentIds!.shape.length !== 1) return undefined
    const [count, ...rest] = x!.shape as [number, ...number[]]
    const rows = g.reshape(x!, [count, sizeOf(rest)])
    return g.reshape(addRows(g, rows, segmentIds!, numSegments), [numSegments, ...rest])
  },
  Bincount({ x, weights }, { size }: tf.BincountAttrs, g) {
    if (x!.type !== 'int32' || !isNumber(weights!)) return undefined
    const count = sizeOf(x!.shape)
    return g.reshape(addRows(g, g.reshape(weights!, [count, 1]), g.flat(x!), size), [size])
  },
  DenseBincount({ x, weights }, { size, binaryOutput }: tf.DenseBincountAttrs, g) {
    if (x!.type !== 'int32' || !isNumber(weights!)) return undefined
    const [rows, columns] = x!.shape.length === 1 ? [1, x!.shape[0]!] : (x!.shape as [number, number])
    const count = rows * columns
    // Each row has places of its own; a number that is no class has none.
    const starts = g.constant(
      Array.from({ length: rows }, (_, row) => row * size),
      [rows, 1],
      'int32',
    )
    const number = g.reshape(x!, [rows, columns])
    const [, inside] = within(g, number, size)
    const place = g.where(inside, g.add(number, starts), g.scalar(-1, 'int32'))
    const amount = binaryOutput ? g.filled([count, 1], 1, weights!.type) : g.reshape(weights!, [count, 1])
    const sum = addRows(g, amount, g.flat(place), rows * size)
    const result = binaryOutput ? g.binary('Min', sum, g.scalar(1, sum.type)) : sum
    return g.reshape(result, x!.shape.length === 1 ? [size] : [rows, size])
  },
  SearchSorted({ sortedSequence, values }, { side }: tf.SearchSortedAttrs, g) {
    if (!isNumber(sortedSequence!) || sortedSequence!.type !== values!.type) return undefined
    const [rows, length] = sortedSequence!.shape as [number, number]
    const count = values!.shape[1]!
    const sequence = g.reshape(sortedSequence!, [rows, 1, length])
    const each = g.reshape(values!, [rows, count, 1])
    const before = g.binary(side === 'left' ? 'Less' : 'LessOrEqual', sequence, each, 'bool')
    return g.reduce('ReduceSum', g.cast(before, 'int32'), [2], false)
  },
  TopK({ x }, { k }: tf.TopKAttrs, g) {
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
