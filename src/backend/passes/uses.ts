import type { Node, Value } from '../onnx/model.js'

/** Who makes and who takes each value of a list of nodes. */
export interface Uses {
  makerOf: ReadonlyMap<Value, Node>
  /** The nodes that take a value, each once. */
  takersOf(value: Value): readonly Node[]
  /** Whether someone outside of the nodes reads it. */
  isResult(value: Value): boolean
}

const none: readonly Node[] = []

export function findUses(nodes: readonly Node[], results: readonly Value[]): Uses {
  const makerOf = new Map<Value, Node>()
  const takers = new Map<Value, Node[]>()
  for (const node of nodes) {
    for (const value of node.outputs) makerOf.set(value, node)
    for (const value of new Set(node.inputs)) {
      if (!value) continue
      const list = takers.get(value)
      if (list) list.push(node)
      else takers.set(value, [node])
    }
  }
  const outside = new Set(results)
  return {
    makerOf,
    takersOf: (value) => takers.get(value) ?? none,
    isResult: (value) => outside.has(value),
  }
}

/** The number that a constant of rank 0 holds. */
export function numberIn({ elements, shape, type }: Value): number | undefined {
  return elements && shape.length === 0 && type === 'float32' ? Number(elements[0]) : undefined
}

/** The nodes that results need, in order. */
export function findMade(nodes: readonly Node[], results: readonly Value[]): Node[] {
  const needed = new Set<Value | undefined>(results)
  const made: Node[] = []
  for (let at = nodes.length - 1; at >= 0; at--) {
    const node = nodes[at]!
    if (!node.outputs.some((value) => needed.has(value))) continue
    made.push(node)
    for (const value of node.inputs) needed.add(value)
  }
  return made.reverse()
}
