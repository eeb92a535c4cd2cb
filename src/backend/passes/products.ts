import type { Node, Value } from '../onnx/model.js'
import { findUses, numberIn } from './uses.js'

/** ONNX Runtime adds up products of so many in one go, and scales the sum; of more it scales the sum of each part. */
const mostInOne = 128

/** How many products each number of a matrix product is the sum of. */
function innerSize({ op, domain, inputs, attributes }: Node): number | undefined {
  const isProduct = (op === 'MatMul' && !domain) || (op === 'FusedMatMul' && attributes.alpha === undefined)
  const [a, b] = inputs as readonly [Value, Value]
  if (!isProduct || a.type !== 'float32' || a.shape.length < 2 || b.shape.length < 2) return undefined
  return a.shape.at(attributes.transA ? -2 : -1)
}

/**
 * A matrix product that is multiplied by a number (attention's scores) is scaled by its own operator, a pass less: the same to the bit.
 * ONNX Runtime's own pass for that scales the product for a factor of one of its sides too, which overflows where the scaled side
 * would not.
 */
export function scaleProducts(nodes: readonly Node[], results: readonly Value[]): Node[] {
  const { makerOf, takersOf, isResult } = findUses(nodes, results)
  const gone = new Set<Node>()
  const scaled = nodes.map((node) => {
    if (node.op !== 'Mul' || node.domain) return node
    const [a, b] = node.inputs as readonly [Value, Value]
    const [number, value] = numberIn(a) === undefined ? [numberIn(b), a] : [numberIn(a), b]
    const product = makerOf.get(value)
    const size = product && innerSize(product)
    const isOwn = takersOf(value).length === 1 && !isResult(value)
    if (number === undefined || size === undefined || size > mostInOne || !isOwn) return node
    gone.add(product!)
    const { transA = 0, transB = 0 } = product!.attributes
    return {
      ...node,
      op: 'FusedMatMul',
      domain: 'com.microsoft',
      inputs: product!.inputs,
      attributes: { transA, transB, alpha: { float: number } },
    }
  })
  return gone.size === 0 ? [...nodes] : scaled.filter((node) => !gone.has(node))
}
