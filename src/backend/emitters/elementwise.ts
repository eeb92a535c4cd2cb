import type * as tf from '@tensorflow/tfjs'
import type { Graph, Value } from '../graph/graph.js'
import { isFloat, isNumber, listOf, type Emit, type Emitters } from './kernel.js'

type Unary = (g: Graph, x: Value) => Value

/** Float operators of the same name and meaning in ONNX. */
const direct = [
  'Acos', 'Acosh', 'Asin', 'Asinh', 'Atan', 'Atanh', 'Ceil', 'Cos', 'Cosh', 'Erf', 'Exp', 'Floor', 'Log',
  'Reciprocal', 'Round', 'Sin', 'Sinh', 'Sqrt',
] // oxfmt-ignore

/** NaN where `x` is NaN: for operators of ONNX Runtime that drop it. */
const keepNaN = (g: Graph, x: Value, y: Value): Value => g.where(g.unary('IsNaN', x, {}, 'bool'), x, y)

/** Float functions of a few nodes. */
const composed: { [kernel: string]: Unary } = {
  // Kahan: log(u) x / (u - 1) with u = 1 + x as rounded; where u is 1 the answer is x.
  Log1p(g, x) {
    const one = g.scalar(1)
    const u = g.add(one, x)
    const exact = g.mul(g.unary('Log', u), g.div(x, g.sub(u, one)))
    const unchanged = g.binary('Equal', u, one, 'bool')
    const infinite = g.unary('IsInf', x, { detect_negative: 0 }, 'bool')
    return g.where(g.binary('Or', unchanged, infinite, 'bool'), x, exact)
  },
  Rsqrt: (g, x) => g.unary('Reciprocal', g.unary('Sqrt', x)),
  Softplus: (g, x) => g.unary('Softplus', x),
  // tfjs's sign of NaN is 0.
  Sign: (g, x) => g.where(g.unary('IsNaN', x, {}, 'bool'), g.scalar(0), g.unary('Sign', x)),
  // Near its poles float32's own tangent is off in the last digit.
  Tan(g, x) {
    const wide = g.cast(x, 'float64')
    return g.cast(g.div(g.unary('Sin', wide), g.unary('Cos', wide)), 'float32')
  },
}

/** Functions that keep whole numbers whole. */
const forNumbers: { [kernel: string]: Unary } = {
  Abs: (g, x) => g.unary('Abs', x),
  Neg: (g, x) => g.unary('Neg', x),
  Square: (g, x) => g.mul(x, x),
  Relu: (g, x) => relu(g, x),
  Relu6: (g, x) => g.binary('Min', relu(g, x), g.scalar(6, x.type)),
}

// `Max` keeps NaN where `Relu` makes it 0.
const relu = (g: Graph, x: Value): Value => g.binary('Max', x, g.scalar(0, x.type))

const unary =
  (accepts: (x: Value) => boolean, emit: Unary): Emit =>
  ({ x }, _, g) =>
    accepts(x!) ? emit(g, x!) : undefined

const rowsOf = (accepts: (x: Value) => boolean, table: { [kernel: string]: Unary }): Emitters =>
  Object.fromEntries(Object.entries(table).map(([kernel, emit]) => [kernel, unary(accepts, emit)]))

const tests: { [kernel: string]: Unary } = {
  IsNan: (g, x) => g.unary('IsNaN', x, {}, 'bool'),
  IsInf: (g, x) => g.unary('IsInf', x, {}, 'bool'),
  IsFinite: (g, x) =>
    g.unary('Not', g.binary('Or', g.unary('IsNaN', x, {}, 'bool'), g.unary('IsInf', x, {}, 'bool'), 'bool')),
}

/**
 * float32 as int32 by JavaScript's rule: what is too large wraps, NaN and infinities are 0. By way of int64 it is also the
 * processor's; of two casts in a row ONNX Runtime would make one, so there is an operator between them.
 */
function wholeOf(g: Graph, x: Value): Value {
  const wide = g.cast(x, 'int64')
  return g.cast(g.binary('BitwiseAnd', wide, g.scalar(-1, 'int64')), 'int32')
}

/** Whole numbers divided as JavaScript does it: through float64, since a division by 0 would end the process. */
function divideWhole(g: Graph, a: Value, b: Value, emit: (a: Value, b: Value) => Value): Value {
  const zero = g.binary('Equal', b, g.scalar(0, 'int32'), 'bool')
  const safe = g.where(zero, g.scalar(1, 'int32'), b)
  const result = g.cast(emit(g.cast(a, 'float64'), g.cast(safe, 'float64')), 'int32')
  return g.where(zero, g.scalar(0, 'int32'), result)
}

type Binary = (g: Graph, a: Value, b: Value) => Value | undefined

/** a - floor(a / b) b as tfjs computes it: the remainder of C, moved by b where the signs differ. */
function modulo(g: Graph, a: Value, b: Value): Value {
  const remainder = g.binary('Mod', a, b, a.type, { fmod: 1 })
  const zero = g.scalar(0, a.type)
  const sum = g.add(remainder, b)
  // A remainder so small that float32 loses it in the sum is not one of 0. b + (b - b): NaN where b is infinite.
  const lost = g.binary(
    'And',
    g.binary('Equal', sum, b, 'bool'),
    g.unary('Not', g.binary('Equal', remainder, zero, 'bool')),
  )
  const moved = g.where(lost, g.add(b, g.sub(b, b)), g.binary('Mod', sum, b, a.type, { fmod: 1 }))
  const negative = (x: Value) => g.binary('Less', x, zero, 'bool')
  return g.where(g.binary('Xor', negative(a), negative(b), 'bool'), moved, remainder)
}

/** Math.atan2, its zeros with a sign and its infinities included. */
function angleOf(g: Graph, y: Value, x: Value): Value {
  const zero = g.scalar(0)
  const both = (of: (value: Value) => Value) => g.binary('And', of(y), of(x), 'bool')
  const isZero = (value: Value) => g.binary('Equal', value, zero, 'bool')
  // The sign of a zero shows in what it is the reciprocal of.
  const isNegative = (value: Value) =>
    g.binary('Less', g.where(isZero(value), g.unary('Reciprocal', value), value), zero, 'bool')
  const [below, left] = [isNegative(y), isNegative(x)]
  const sign = (negative: Value) => g.where(negative, g.scalar(-1), g.scalar(1))
  const ratio = g.where(
    both((value) => g.unary('IsInf', value, {}, 'bool')),
    g.mul(sign(below), sign(left)),
    g.where(both(isZero), g.where(left, g.sub(zero, y), y), g.div(y, x)),
  )
  const half = g.where(below, g.scalar(-Math.PI), g.scalar(Math.PI))
  const angle = g.unary('Atan', ratio)
  return g.where(left, g.add(angle, half), angle)
}

const arithmetic: { [kernel: string]: Binary } = {
  Add: (g, a, b) => g.add(a, b),
  Sub: (g, a, b) => g.sub(a, b),
  Multiply: (g, a, b) => g.mul(a, b),
  Maximum: (g, a, b) => g.binary('Max', a, b),
  Minimum: (g, a, b) => g.binary('Min', a, b),
  Pow: (g, a, b) => (isFloat(a) ? g.binary('Pow', a, b) : undefined),
  RealDiv: (g, a, b) => (isFloat(a) ? g.div(a, b) : undefined),
  SquaredDifference(g, a, b) {
    const difference = g.sub(a, b)
    return g.mul(difference, difference)
  },
  FloorDiv: (g, a, b) =>
    isFloat(a)
      ? wholeOf(g, g.unary('Floor', g.div(a, b)))
      : divideWhole(g, a, b, (x, y) => g.unary('Floor', g.div(x, y))),
  Mod: (g, a, b) => (isFloat(a) ? modulo(g, a, b) : divideWhole(g, a, b, (x, y) => modulo(g, x, y))),
  Atan2: (g, a, b) => (isFloat(a) ? angleOf(g, a, b) : undefined),
}

const comparisons: { [kernel: string]: (g: Graph, a: Value, b: Value) => Value } = {
  Equal: (g, a, b) => g.binary('Equal', a, b, 'bool'),
  NotEqual: (g, a, b) => g.unary('Not', g.binary('Equal', a, b, 'bool')),
  Greater: (g, a, b) => g.binary('Greater', a, b, 'bool'),
  GreaterEqual: (g, a, b) => g.binary('GreaterOrEqual', a, b, 'bool'),
  Less: (g, a, b) => g.binary('Less', a, b, 'bool'),
  LessEqual: (g, a, b) => g.binary('LessOrEqual', a, b, 'bool'),
}

const arithmeticRow =
  (kernel: string, emit: Binary): Emit =>
  ({ a, b }, _, g) => {
    if (a!.type !== b!.type) return undefined
    if (isNumber(a!)) return emit(g, a!, b!)
    return kernel === 'Multiply' && a!.type === 'bool' ? g.binary('And', a!, b!) : undefined
  }

const comparisonRow =
  (emit: (typeof comparisons)[string]): Emit =>
  ({ a, b }, _, g) => {
    if (a!.type !== b!.type) return undefined
    return a!.type === 'bool' ? emit(g, g.cast(a!, 'int32'), g.cast(b!, 'int32')) : emit(g, a!, b!)
  }

const logical =
  (op: string): Emit =>
  ({ a, b }, _, g) =>
    a!.type === 'bool' && b!.type === 'bool' ? g.binary(op, a!, b!) : undefined

const mapRows = <T>(table: { [kernel: string]: T }, row: (emit: T, kernel: string) => Emit): Emitters =>
  Object.fromEntries(Object.entries(table).map(([kernel, emit]) => [kernel, row(emit, kernel)]))

export const elementwise: Emitters = {
  ...rowsOf(isFloat, Object.fromEntries(direct.map((op): [string, Unary] => [op, (g, x) => g.unary(op, x)]))),
  ...rowsOf(isFloat, composed),
  ...rowsOf(isFloat, tests),
  ...rowsOf(isNumber, forNumbers),
  ...mapRows(arithmetic, (emit, kernel) => arithmeticRow(kernel, emit)),
  ...mapRows(comparisons, comparisonRow),
  LogicalAnd: logical('And'),
  LogicalOr: logical('Or'),
  LogicalNot: ({ x }, _, g) => (x!.type === 'bool' ? g.unary('Not', x!) : undefined),
  BitwiseAnd: ({ a, b }, _, g) => (a!.type === 'int32' ? g.binary('BitwiseAnd', a!, b!) : undefined),

  AddN(inputs, _, g) {
    const list = listOf(inputs)
    if (!isNumber(...list)) return undefined
    if (isFloat(...list) && list.length > 1) return g.node('Sum', list, list[0]!.shape, 'float32')
    return list.reduce((sum, value) => g.add(sum, value))
  },
  Cast({ x }, { dtype }: tf.CastAttrs, g) {
    if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') return undefined
    return x!.type === 'float32' && dtype === 'int32' ? wholeOf(g, x!) : g.cast(x!, dtype)
  },
  ClipByValue({ x }, { clipValueMin, clipValueMax }: tf.ClipByValueAttrs, g) {
    if (!isNumber(x!)) return undefined
    const least = g.binary('Max', x!, g.scalar(clipValueMin, x!.type))
    return g.binary('Min', least, g.scalar(clipValueMax, x!.type))
  },
  LeakyRelu: ({ x }, { alpha }: tf.LeakyReluAttrs, g) =>
    isFloat(x) ? g.unary('LeakyRelu', x!, { alpha: { float: alpha } }) : undefined,
  Prelu({ x, alpha }, _, g) {
    if (!isFloat(x, alpha)) return undefined
    return g.where(g.binary('Less', x!, g.scalar(0), 'bool'), g.mul(x!, alpha!), x!)
  },
  Step({ x }, { alpha = 0 }: tf.StepAttrs, g) {
    if (!isFloat(x)) return undefined
    const above = g.where(g.binary('Greater', x!, g.scalar(0), 'bool'), g.scalar(1), g.scalar(alpha))
    return keepNaN(g, x!, above)
  },
  Select({ condition, t, e }, _, g) {
    if (t!.type !== e!.type) return undefined
    // A condition of rank 1 chooses whole rows.
    const rows = condition!.shape.length === 1 && t!.shape.length > 1
    const shape = rows ? [condition!.shape[0]!, ...t!.shape.slice(1).fill(1)] : condition!.shape
    return g.where(g.reshape(condition!, shape), t!, e!)
  },
}
