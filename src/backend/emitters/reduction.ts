import * as tf from '@tensorflow/tfjs'
import type { Graph, Value } from '../graph/graph.js'
import { isFloat, isNumber, type Emit, type Emitters } from './kernel.js'
import { meanOver, sumOver } from './sums.js'

/** What tfjs's reductions have in common: axes by the one name or by the other. */
export interface Reduction {
  axis?: number | number[]
  reductionIndices?: number | number[]
  keepDims?: boolean
}

export function axesOf(x: Value, { axis, reductionIndices }: Reduction): number[] {
  return tf.util.parseAxisParam((reductionIndices ?? axis)!, x.shape as number[])
}

/** A reduction that drops NaN in ONNX Runtime and must not: NaN wherever one of the reduced was. */
function extreme(op: string): Emit {
  return ({ x }, attributes: Reduction, g) => {
    if (!isNumber(x!)) return undefined
    const axes = axesOf(x!, attributes)
    const result = g.reduce(op, x!, axes, attributes.keepDims ?? false)
    if (x!.type === 'int32' || axes.length === 0) return result
    const isNaN = g.cast(g.unary('IsNaN', x!, {}, 'bool'), 'uint8')
    const anyNaN = g.cast(g.reduce('ReduceMax', isNaN, axes, attributes.keepDims ?? false), 'bool')
    return g.where(anyNaN, g.scalar(NaN), result)
  }
}

const sumLike =
  (op: string): Emit =>
  ({ x }, attributes: Reduction, g) => {
    const axes = axesOf(x!, attributes)
    if (x!.type === 'float32') return g.reduce(op, x!, axes, attributes.keepDims ?? false)
    // Too large a sum of int32 would come out as the largest number; here it wraps.
    return g.cast(g.reduce(op, g.cast(x!, 'int64'), axes, attributes.keepDims ?? false), 'int32')
  }

const sumAlong = sumLike('ReduceSum')

/** Elements from which a variance is put right by what its mean was rounded off. */
const manyDeviations = 256

/**
 * The mean of squares of deviations, less the square of the mean deviation: that is not 0, since the mean was rounded, and of numbers
 * near a million that deviate by less than one it is most of the variance.
 */
function variance(
  g: Graph,
  squares: Value,
  deviations: Value | undefined,
  axes: readonly number[],
  keep: boolean,
): Value | undefined {
  const count = axes.reduce((product, axis) => product * squares.shape[axis]!, 1)
  if (!deviations || count < manyDeviations) return undefined
  const off = meanOver(g, deviations, axes, keep)
  const corrected = g.sub(meanOver(g, squares, axes, keep), g.mul(off, off))
  return g.binary('Max', corrected, g.scalar(0))
}

const truth =
  (op: string): Emit =>
  ({ x }, attributes: Reduction, g) => {
    if (x!.type !== 'bool') return undefined
    return g.cast(
      g.reduce(op, g.cast(x!, 'uint8'), axesOf(x!, attributes), attributes.keepDims ?? false),
      'bool',
    )
  }

const position =
  (op: string, never: number): Emit =>
  ({ x }, attributes: Reduction, g) => {
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
  Sum(inputs, attributes: tf.SumAttrs, g) {
    const x = inputs.x!
    if (!isFloat(x)) return sumAlong(inputs, attributes, g)
    return sumOver(g, x, axesOf(x, attributes), attributes.keepDims ?? false)
  },
  Prod: sumLike('ReduceProd'),
  Mean({ x, deviations }, attributes: tf.MeanAttrs, g) {
    const value = g.cast(x!, 'float32')
    const at = [axesOf(x!, attributes), attributes.keepDims ?? false] as const
    return variance(g, value, deviations, ...at) ?? meanOver(g, value, ...at)
  },
  Max: extreme('ReduceMax'),
  Min: extreme('ReduceMin'),
  All: truth('ReduceMin'),
  Any: truth('ReduceMax'),
  ArgMax: position('ArgMax', -Infinity),
  ArgMin: position('ArgMin', Infinity),
  Softmax: ({ logits }, { dim }: tf.SoftmaxAttrs, g) =>
    isFloat(logits) && logits!.shape.length > 0
      ? g.unary('Softmax', logits!, { axis: dim < 0 ? dim + logits!.shape.length : dim })
      : undefined,
  Cumsum({ x }, { axis, exclusive, reverse }: tf.CumsumAttrs, g) {
    if (!isNumber(x!)) return undefined
    const at = g.constant([axis < 0 ? axis + x!.shape.length : axis], [], 'int64')
    // A float32 that runs along loses a digit with each tenfold of its way.
    const exact = isFloat(x) ? g.cast(x!, 'float64') : x!
    const sums = g.node('CumSum', [exact, at], x!.shape, exact.type, {
      exclusive: +exclusive,
      reverse: +reverse,
    })
    return g.cast(sums, x!.type)
  },
  Cumprod({ x }, { axis, exclusive, reverse }: tf.CumprodAttrs, g) {
    if (!isNumber(x!) || x!.shape.length === 0) return undefined
    return cumulativeProduct(g, x!, axis < 0 ? axis + x!.shape.length : axis, exclusive, reverse)
  },
}
