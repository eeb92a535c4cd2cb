import * as tf from '@tensorflow/tfjs'
import type { Graph, Value } from '../graph/graph.js'
import { elu, sigmoid } from './exponential.js'
import { isFloat, listOf, type Emitters } from './kernel.js'
import { findBlock, sumOver } from './sums.js'

/** The sum of a reshaped product and a bias that joins it before it is reshaped: then ONNX Runtime makes one pass of both. */
export function maybeAddToProduct(g: Graph, a: Value, b: Value): Value | undefined {
  const product = g.unshaped(a)
  const fits = product !== a && product.shape.length === 2 && b.shape.length === 1
  if (!fits || product.shape[1] !== a.shape.at(-1) || product.shape[1] !== b.shape[0]) return undefined
  return g.reshape(g.add(product, b), a.shape)
}

/** What a kernel does to its result. */
export interface Activated {
  activation?: string
  leakyreluAlpha?: number
}

/** The activations that tfjs fuses into a product or a convolution. */
export function activate(
  g: Graph,
  x: Value,
  { activation, leakyreluAlpha }: Activated,
  slope?: Value,
): Value {
  switch (activation) {
    case 'relu':
      return g.binary('Max', x, g.scalar(0))
    case 'relu6':
      return g.binary('Min', g.binary('Max', x, g.scalar(0)), g.scalar(6))
    case 'elu':
      return elu(g, x)
    case 'sigmoid':
      return sigmoid(g, x)
    case 'leakyrelu':
      return g.unary('LeakyRelu', x, { alpha: { float: leakyreluAlpha! } })
    case 'prelu':
      return g.where(g.binary('Less', x, g.scalar(0), 'bool'), g.mul(x, slope!), x)
    default:
      return x
  }
}

export const fusable = new Set<string | undefined>([
  undefined, 'linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu',
]) // oxfmt-ignore

/** Products that are added up from which a row by a matrix is cut in blocks: ONNX Runtime adds them one after the other. */
const manyProducts = 2048

/** A product of two matrices. One of a row, such as a dot product, keeps digits however long the row is. */
function flatProduct(g: Graph, a: Value, b: Value, transposeA: boolean, transposeB: boolean): Value {
  const [inner, columns] = transposeB ? [b.shape[1]!, b.shape[0]!] : (b.shape as [number, number])
  const isRow = a.shape[transposeA ? 1 : 0] === 1
  const isTall = !transposeB || columns === 1
  const block = isRow && isTall && inner >= manyProducts ? findBlock(inner, 512, [128, 1024]) : undefined
  if (!block) return g.matmul(a, b, transposeA, transposeB)
  const blocks = inner / block
  const parts = g.matmul(g.reshape(a, [blocks, 1, block]), g.reshape(b, [blocks, block, columns]))
  return g.reshape(sumOver(g, g.reshape(parts, [blocks, columns]), [0], false), [1, columns])
}

function product(g: Graph, a: Value, b: Value, transposeA: boolean, transposeB: boolean): Value {
  const inner = [a.shape.at(transposeA ? -2 : -1), b.shape.at(transposeB ? -1 : -2)]
  tf.util.assert(
    inner[0] === inner[1],
    () =>
      `Error in matMul: inner shapes (${inner[0]}) and (${inner[1]}) of tensors with shapes ${a.shape} and ` +
      `${b.shape} and transposeA=${transposeA} and transposeB=${transposeB} must match.`,
  )
  // A batch of one, which layers of tfjs make of every product, is none.
  const single = (x: Value) => x.shape.length > 2 && x.shape.slice(0, -2).every((size) => size === 1)
  if (single(a) && single(b)) {
    const flat = (x: Value) => g.reshape(x, x.shape.slice(-2))
    const y = flatProduct(g, flat(a), flat(b), transposeA, transposeB)
    return g.reshape(y, [...Array(Math.max(a.shape.length, b.shape.length) - 2).fill(1), ...y.shape])
  }
  // Rows of all batches against one matrix are one product.
  if (a.shape.length > 2 && b.shape.length === 2 && !transposeA) {
    const rows = a.shape.slice(0, -1).reduce((x, y) => x * y, 1)
    const flat = g.matmul(g.reshape(a, [rows, a.shape.at(-1)!]), b, false, transposeB)
    return g.reshape(flat, [...a.shape.slice(0, -1), flat.shape[1]!])
  }
  return a.shape.length === 2 && b.shape.length === 2
    ? flatProduct(g, a, b, transposeA, transposeB)
    : g.matmul(a, b, transposeA, transposeB)
}

export const matmul: Emitters = {
  BatchMatMul: ({ a, b }, { transposeA, transposeB }: tf.BatchMatMulAttrs, g) =>
    isFloat(a, b) ? product(g, a!, b!, transposeA, transposeB) : undefined,
  _FusedMatMul({ a, b, bias, preluActivationWeights }, attributes: tf._FusedMatMulAttrs, g) {
    if (!isFloat(a, b, bias) || !fusable.has(attributes.activation)) return undefined
    const plain = product(g, a!, b!, attributes.transposeA, attributes.transposeB)
    const biased = bias ? (maybeAddToProduct(g, plain, bias) ?? g.add(plain, bias)) : plain
    return activate(g, biased, attributes, preluActivationWeights)
  },
  Einsum(inputs, { equation }: tf.EinsumAttrs, g) {
    const list = listOf(inputs)
    if (!isFloat(...list)) return undefined
    const { allDims, idDims } = tf.backend_util.decodeEinsumEquation(equation, list.length)
    const sizes = new Map<string, number>()
    for (const [at, dimensions] of idDims.entries())
      for (const [axis, id] of dimensions.entries()) {
        const letter = allDims[id]!
        const size = list[at]!.shape[axis]!
        sizes.set(letter, size)
      }
    tf.backend_util.checkEinsumDimSizes(allDims.length, idDims, list as never)
    const to = [...equation.split('->')[1]!.replaceAll(' ', '')].map((letter) => sizes.get(letter)!)
    return g.node('Einsum', list, to, 'float32', { equation: equation.replaceAll(' ', '') })
  },
}
