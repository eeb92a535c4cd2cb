import type { Node, Value } from '../onnx/model.js'
import { sizeOf } from '../onnx/types.js'
import { numberIn } from './uses.js'

const binary = new Set(['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Max', 'Min'])

/**
 * Gives constants beside tensors of [..., 1] their rank. ONNX Runtime goes over two arrays in spans along the last axis that one of
 * them has: beside a number of rank 0, [768, 1] is 768 spans of one element (11 us), beside one of [1, 1] a single span (1 us).
 */
export function widenSpans(nodes: readonly Node[]): Node[] {
  const wide = new Map<string, Value>()
  const widened = (value: Value, rank: number): Value => {
    const key = `${value.name} ${rank}`
    let made = wide.get(key)
    if (!made) {
      const name = `${value.name}_${rank}`
      wide.set(key, (made = { ...value, name, shape: Array<number>(rank).fill(1) }))
    }
    return made
  }
  return nodes.map((node) => {
    const [to] = node.outputs as readonly [Value]
    const { shape } = to
    if (!binary.has(node.op) || shape.at(-1) !== 1 || sizeOf(shape) === 1) return node
    if (!node.inputs.some((value) => numberIn(value!) !== undefined)) return node
    const inputs = node.inputs.map((value) =>
      numberIn(value!) === undefined ? value : widened(value!, shape.length),
    )
    return { ...node, inputs }
  })
}
