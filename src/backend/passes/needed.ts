import type { Graph } from '../graph/graph.js'
import type { Node, Value } from '../onnx/model.js'

/** The nodes that `outputs` need, in order, where these wholes are made; and what stands for each value that had two ways. */
function findWith(wholes: ReadonlySet<Value>, graph: Graph, outputs: readonly Value[]) {
  const needed = new Set<Value>(outputs)
  const nodes: Node[] = []
  const chosen = new Map<Value, Value>()
  const avoided = new Set<Value>()
  for (let at = graph.nodes.length - 1; at >= 0; at--) {
    const node = graph.nodes[at]!
    if (!node.outputs.some((value) => needed.has(value))) continue
    if (node.op === 'Either') {
      const [direct, part, whole] = node.inputs as [Value, Value, Value]
      const way = wholes.has(whole) ? part : direct
      chosen.set(node.outputs[0]!, way)
      needed.add(way)
      avoided.add(whole)
      continue
    }
    nodes.push(node)
    for (const value of node.inputs) if (value) needed.add(value)
  }
  return { nodes: nodes.reverse(), chosen, made: [...avoided].filter((whole) => needed.has(whole)) }
}

/** The nodes that `outputs` need, in order. Of two ways to a value (`Graph.either`) the one is in it that is the shorter here. */
export function findNeeded(graph: Graph, outputs: readonly Value[]): Node[] {
  const wholes = new Set<Value>()
  for (;;) {
    const { nodes, chosen, made } = findWith(wholes, graph, outputs)
    if (made.every((whole) => wholes.has(whole))) return replaceInputs(nodes, chosen)
    for (const whole of made) wholes.add(whole)
  }
}

/** The nodes with some of their inputs replaced. */
export function replaceInputs(nodes: readonly Node[], by: ReadonlyMap<Value, Value>): Node[] {
  if (by.size === 0) return [...nodes]
  return nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((value) => (value && by.get(value)) ?? value),
  }))
}
