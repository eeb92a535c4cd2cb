import type { Graph, Value } from '../graph/graph.js'
import type { Emitters } from './kernel.js'
import { isFloat } from './kernel.js'

/**
 * Functions made of exp, with all digits of float32 wherever their result has any: ONNX Runtime's own `Sigmoid` is 1.2e-7 for all that
 * is less, its `Elu` is exp(x) - 1, its `Tanh` loses the digits of what is nearly a denormal. Each is a few passes of exp, tanh and
 * quotients, none of which takes a difference of like numbers.
 */

/** exp(88) is finite in float32, and 1 beside it nothing. */
const mostOfExp = 88

/** Here tanh(x), exp(x) - 1 and such are x to the last digit, and ONNX Runtime's `Tanh` still has them all. */
const nearZero = 1e-30

/** exp(x) for what is finite, and the sum of it and 1. */
function powerAndMore(g: Graph, x: Value): [power: Value, more: Value] {
  const power = g.unary('Exp', g.binary('Min', x, g.scalar(mostOfExp)))
  return [power, g.add(power, g.scalar(1))]
}

/** e^x / (1 + e^x): what is small comes from the power alone. */
export function sigmoid(g: Graph, x: Value): Value {
  const [power, more] = powerAndMore(g, x)
  return g.div(power, more)
}

/** 1 - sigmoid(x), of the same parts: the difference itself is 0 from 17 on. */
export const sigmoidComplement = (g: Graph, x: Value): Value => g.unary('Reciprocal', powerAndMore(g, x)[1])

/** `at(x)` but for numbers near 0, of which the result is the number itself. */
function exceptNearZero(g: Graph, x: Value, y: Value): Value {
  return g.where(g.binary('Less', g.unary('Abs', x), g.scalar(nearZero), 'bool'), x, y)
}

export const tanh = (g: Graph, x: Value): Value => exceptNearZero(g, x, g.unary('Tanh', x))

/** e^x - 1 = tanh(x / 2) (e^x + 1), in which nothing cancels. */
export function expm1(g: Graph, x: Value): Value {
  const half = g.unary('Tanh', g.mul(x, g.scalar(0.5)))
  return exceptNearZero(g, x, g.mul(half, g.add(g.unary('Exp', x), g.scalar(1))))
}

/** Below 0 e^x - 1 = 2 t / (1 - t) of t = tanh(x / 2), which lies between -1 and 0. */
export function elu(g: Graph, x: Value): Value {
  const half = g.unary('Softsign', g.unary('Tanh', g.mul(x, g.scalar(0.5))))
  return g.where(g.binary('Greater', x, g.scalar(-nearZero), 'bool'), x, g.add(half, half))
}

const { scale, alpha } = { scale: 1.0507009873554805, alpha: 1.6732632423543772 }

const selu = (g: Graph, x: Value): Value =>
  g.mul(g.unary('LeakyRelu', elu(g, x), { alpha: { float: alpha } }), g.scalar(scale))

/** The kernel of `sigmoidComplement`, for gradients (gradients.ts). */
export const SigmoidComplement = 'SigmoidComplement'

const rows: { [kernel: string]: (g: Graph, x: Value) => Value } = {
  Sigmoid: sigmoid,
  [SigmoidComplement]: sigmoidComplement,
  Tanh: tanh,
  Expm1: expm1,
  Elu: elu,
  Selu: selu,
}

export const exponential: Emitters = Object.fromEntries(
  Object.entries(rows).map(([kernel, emit]) => [
    kernel,
    ({ x }, _, g) => (isFloat(x) ? emit(g, x!) : undefined),
  ]),
)
