import type { Node, Value } from '../onnx/model.js'
import { findUses, numberIn } from './uses.js'
import type { Maker } from './writer.js'

const is = (node: Node | undefined, op: string): node is Node => node?.op === op && !node.domain

/** What a scalar constant is added to, where the constant is `number`. */
function besides(node: Node, number: number): Value | undefined {
  const [a, b] = node.inputs as readonly [Value, Value]
  return numberIn(a) === number ? b : numberIn(b) === number ? a : undefined
}

/**
 * Writes `1 + tanh(u)` with the gradient `1 - tanh(u)^2` (GELU's) as `2 s` and `4 s (1 - s)` of `s = sigmoid(2 u)`: the same
 * numbers as products, which join those around them (factor.ts), and with all their digits where tanh is near -1.
 */
export function writeSigmoids(
  nodes: readonly Node[],
  results: readonly Value[],
  { fresh, constant }: Maker,
): Node[] {
  const { takersOf, isResult } = findUses(nodes, results)
  const instead = new Map<Node, Node[]>()
  const write = (op: string, inputs: Value[], to: Value): Node => ({
    op,
    inputs,
    outputs: [to],
    attributes: {},
  })
  for (const node of nodes) {
    const [tanh] = node.outputs as readonly [Value]
    if (!is(node, 'Tanh') || isResult(tanh)) continue
    const takers = takersOf(tanh)
    const sums = takers.filter((taker) => is(taker, 'Add') && besides(taker, 1) === tanh)
    const squares = takers.filter((taker) => is(taker, 'Mul') && taker.inputs[0] === taker.inputs[1])
    const slopes = squares.flatMap(({ outputs: [square] }) => takersOf(square!))
    const fits =
      sums.length > 0 &&
      slopes.length > 0 &&
      sums.length + squares.length === takers.length &&
      !squares.some(({ outputs: [square] }) => isResult(square!)) &&
      slopes.every((slope) => is(slope, 'Sub') && numberIn(slope.inputs[0]!) === 1)
    if (!fits) continue
    const [twice, s, rest, product] = Array.from({ length: 4 }, () => fresh(tanh.shape)) as [
      Value,
      Value,
      Value,
      Value,
    ]
    instead.set(node, [write('Mul', [node.inputs[0]!, constant(2)], twice), write('Sigmoid', [twice], s)])
    for (const sum of sums) instead.set(sum, [write('Mul', [s, constant(2)], sum.outputs[0]!)])
    for (const square of squares) instead.set(square, [])
    for (const [at, slope] of slopes.entries()) {
      const to = slope.outputs[0]!
      const last = write('Mul', [product, constant(4)], to)
      instead.set(
        slope,
        at > 0 ? [last] : [write('Sub', [constant(1), s], rest), write('Mul', [s, rest], product), last],
      )
    }
  }
  return instead.size === 0 ? [...nodes] : nodes.flatMap((node) => instead.get(node) ?? node)
}
