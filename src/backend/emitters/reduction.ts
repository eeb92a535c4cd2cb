import * as tf from '@tensorflow/tfjs'
import type { Graph, Value } from '../graph.js'
import { sizeOf } from '../onnx/types.js'
import { isFloat, isNumber, type Attributes, type Emit, type Emitters } from './kernel.js'

function axesOf(x: Value, { axis, reductionIndices }: Attributes): number[] {
  return tf.util.parseAxisParam(reductionIndices ?? axis, x.shape as number[])
}

/** A reduction that drops NaN in ONNX Runtime and must not: NaN wherever one of the reduced was. */
function extreme(op: string): Emit {
  return ({ x }, attributes, g) => {
    if (!isNumber(x!)) return undefined
    const axes = axesOf(x!, attributes)
    const result = g.reduce(op, x!, axes, attributes.keepDims)
    if (x!.type === 'int32' || axes.length === 0) return result
    const isNaN = g.cast(g.unary('IsNaN', x!, {}, 'bool'), 'uint8')
    const anyNaN = g.cast(g.reduce('ReduceMax', isNaN, axes, attributes.keepDims), 'bool')
    return g.where(anyNaN, g.scalar(NaN), result)
  }
}

/** Rows from which a sum of rows is faster as a product with ones: 4.8 and 0.9 ms for 86,528 rows of 32. */
const manyRows = 512

/** A sum over all leading axes, such as a bias' gradient. */
function sumOfRows(g: Graph, x: Value, axes: readonly number[], keep: boolean): Value | undefined {
  const leading = axes.length
  const rows = sizeOf(x.shape.slice(0, leading))
  const columns = sizeOf(x.shape.slice(leading))
  const isLeading = axes.every((axis) => axis < leading)
  if (!isFloat(x) || !isLeading || rows < manyRows || columns === 1) return undefined
  const sum = g.matmul(g.filled([1, rows], 1, 'float32'), g.reshape(x, [rows, columns]))
  return g.reshape(sum, [...(keep ? axes.map(() => 1) : []), ...x.shape.slice(leading)])
}

const sumLike =
  (op: string): Emit =>
  ({ x }, attributes, g) => {
    const axes = axesOf(x!, attributes)
    if (x!.type === 'float32') return g.reduce(op, x!, axes, attributes.keepDims)
    // Too large a sum of int32 would come out as the largest number; here it wraps.
    return g.cast(g.reduce(op, g.cast(x!, 'int64'), axes, attributes.keepDims), 'int32')
  }

const sumAlong = sumLike('ReduceSum')

/** Elements from which a sum of them all is one of sums: added up one after the other in float32, 4 million squares lose the fourth digit. */
const manyElements = 2 ** 14

/** A length of rows near `wished` in which `size` elements can be cut. */
function rowLength(size: number, wished: number): number | undefined {
  for (let length = wished; length >= wished / 16; length--) if (size % length === 0) return length
  return undefined
}

/** The sum (or mean) of all elements as one of those of rows, which keeps digits and takes all threads. */
function overall(op: 'ReduceSum' | 'ReduceMean') {
  return (g: Graph, x: Value, axes: readonly number[], keep: boolean): Value | undefined => {
    const size = sizeOf(x.shape)
    if (!isFloat(x) || axes.length < x.shape.length || size < manyElements) return undefined
    const length = rowLength(size, Math.floor(Math.sqrt(size)))
    if (length === undefined) return undefined
    const sums = g.reduce(op, g.reshape(x, [size / length, length]), [1], false)
    return g.reshape(g.reduce(op, sums, [0], false), keep ? x.shape.map(() => 1) : [])
  }
}

const overallSum = overall('ReduceSum')
const overallMean = overall('ReduceMean')

/**
 * The sum of all squares, such as a gradient's norm is made of, without an array of squares. Of many elements it is made of
 * products of rows with themselves: `ReduceSumSquare` of rows takes 3 to 8 times as long.
 */
function sumOfSquares(g: Graph, x: Value, axes: readonly number[], keep: boolean): Value | undefined {
  const squared = g.madeBy('Square', x)?.inputs.x
  if (!squared || !isFloat(squared) || axes.length < x.shape.length || axes.length === 0) return undefined
  const size = sizeOf(x.shape)
  const length = size < manyElements ? undefined : rowLength(size, 4096)
  if (length === undefined) return g.reduce('ReduceSumSquare', squared, axes, keep)
  const rows = g.reshape(squared, [size / length, 1, length])
  const sums = g.reshape(g.matmul(rows, rows, false, true), [size / length])
  return g.reshape(g.reduce('ReduceSum', sums, [0], false), keep ? x.shape.map(() => 1) : [])
}

const truth =
  (op: string): Emit =>
  ({ x }, attributes, g) => {
    if (x!.type !== 'bool') return undefined
    return g.cast(g.reduce(op, g.cast(x!, 'uint8'), axesOf(x!, attributes), attributes.keepDims), 'bool')
  }

const position =
  (op: string, never: number): Emit =>
  ({ x }, attributes, g) => {
    if (x!.shape.length === 0) return undefined
    const axis = axesOf(x!, attributes)[0]!
    const shape = x!.shape.filter((_, at) => at !== axis)
    // NaN is passed over.
    const numbers = isFloat(x)
      ? g.where(g.unary('IsNaN', x!, {}, 'bool'), g.scalar(never), x!)
      : g.cast(x!, 'int32')
    return g.cast(g.node(op, [numbers], shape, 'int64', { axis, keepdims: 0 }), 'int32')
  }

/** All products from the start, in as many passes as the axis' length has bits (Hillis and Steele). */
function cumulativeProduct(g: Graph, x: Value, axis: number, exclusive: boolean, reverse: boolean): Value {
  const shift = (value: Value, by: number) =>
    g.pad(
      value,
      value.shape.map((_, at): [number, number] => (at !== axis ? [0, 0] : reverse ? [-by, by] : [by, -by])),
      1,
    )
  let result = exclusive ? shift(x, 1) : x
  for (let by = 1; by < x.shape[axis]!; by *= 2) result = g.mul(result, shift(result, by))
  return result
}

export const reduction: Emitters = {
  Sum(inputs, attributes, g) {
    const { x } = inputs
    const at = [g, x!, axesOf(x!, attributes), attributes.keepDims] as const
    return sumOfSquares(...at) ?? overallSum(...at) ?? sumOfRows(...at) ?? sumAlong(inputs, attributes, g)
  },
  Prod: sumLike('ReduceProd'),
  Mean({ x }, attributes, g) {
    const at = [g, g.cast(x!, 'float32'), axesOf(x!, attributes), attributes.keepDims] as const
    return overallMean(...at) ?? at[0].reduce('ReduceMean', at[1], at[2], at[3])
  },
  Max: extreme('ReduceMax'),
  Min: extreme('ReduceMin'),
  All: truth('ReduceMin'),
  Any: truth('ReduceMax'),
  ArgMax: position('ArgMax', -Infinity),
  ArgMin: position('ArgMin', Infinity),
  Softmax: ({ logits }, { dim }, g) =>
    isFloat(logits) && logits!.shape.length > 0
      ? g.unary('Softmax', logits!, { axis: dim < 0 ? dim + logits!.shape.length : dim })
      : undefined,
  Cumsum({ x }, { axis, exclusive, reverse }, g) {
    if (!isNumber(x!)) return undefined
    const at = g.constant([axis < 0 ? axis + x!.shape.length : axis], [], 'int64')
    return g.node('CumSum', [x!, at], x!.shape, x!.type, { exclusive: +exclusive, reverse: +reverse })
  },
  Cumprod({ x }, { axis, exclusive, reverse }, g) {
    if (!isNumber(x!) || x!.shape.length === 0) return undefined
    return cumulativeProduct(g, x!, axis < 0 ? axis + x!.shape.length : axis, exclusive, reverse)
  },
}
