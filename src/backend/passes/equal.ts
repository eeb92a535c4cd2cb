import type { Node, Value } from '../onnx/model.js'

/**
 * What is computed twice is computed once. ONNX Runtime does so too, but later: an optimizer writes the same few scalars for each
 * parameter, and only where they are one value are its updates the same work on other tensors (merge.ts). `isMeant`: which nodes
 * are looked at, all unless said otherwise.
 */
export function shareEqual(
  nodes: readonly Node[],
  results: readonly Value[],
  isMeant: (node: Node) => boolean = () => true,
): Node[] {
  const outside = new Set(results)
  const same = new Map<Value, Value>()
  const numbers = new Map<Value, number>()
  const numberOf = (value: Value | undefined): number => {
    if (!value) return -1
    let number = numbers.get(value)
    if (number === undefined) numbers.set(value, (number = numbers.size))
    return number
  }
  const seen = new Map<string, Node>()
  const kept: Node[] = []
  for (const node of nodes) {
    const inputs = node.inputs.some((value) => value && same.has(value))
      ? node.inputs.map((value) => (value && same.get(value)) ?? value)
      : node.inputs
    if (!isMeant(node)) {
      kept.push(inputs === node.inputs ? node : { ...node, inputs })
      continue
    }
    let text = node.domain ? `${node.domain} ${node.op}` : node.op
    for (const name in node.attributes) text += ` ${name} ${JSON.stringify(node.attributes[name])}`
    for (const value of inputs) text += ` ${numberOf(value)}`
    const twin = seen.get(text)
    if (
      twin &&
      twin.outputs.length === node.outputs.length &&
      !node.outputs.some((value) => outside.has(value))
    ) {
      for (const [at, value] of node.outputs.entries()) same.set(value, twin.outputs[at]!)
      continue
    }
    const own = inputs === node.inputs ? node : { ...node, inputs }
    if (!twin) seen.set(text, own)
    kept.push(own)
  }
  return kept
}
