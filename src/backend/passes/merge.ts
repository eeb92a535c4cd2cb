import { sameShape, type Node, type Value } from '../graph/graph.js'
import { sizeOf, toElements } from '../onnx/types.js'

/** Operators whose results are rounded element by element, so that it does not matter which others lie beside. */
const elementwise = new Set(['Add', 'Sub', 'Mul', 'Div', 'Sqrt', 'Neg', 'Abs', 'Sign', 'Min', 'Max'])

/** For larger tensors the copies cost more than the operators that they save. */
const mostElements = 4096

/** What a device binds at once at least, by WebGPU's rules: 128 MiB. */
const mostOnDevice = 2 ** 25

/** Elementwise work on one tensor (an optimizer's update), up to results of the graph. */
interface Chain {
  nodes: Node[]
  /** Its tensors: inputs and intermediate values, in the order in which they are first met. */
  tensors: Value[]
}

/** Tensors that lie beside each other in one array. */
export interface Row {
  value: Value
  parts: readonly Value[]
}

/** Inputs and outputs that whoever runs the graph can keep in rows: its state. */
export interface Rowable {
  inputs: ReadonlySet<Value>
  outputs: ReadonlySet<Value>
  /**
   * Rows on a device, of which the graph itself must take the parts that it needs one by one. To start an operator there costs more
   * than to copy what it computes on: all that fits is merged.
   */
  onDevice?: boolean
}

export interface Merged {
  nodes: Node[]
  /** Inputs that take the place of, or come beside, those of their parts; outputs that take the place of their parts. */
  rows: { inputs: readonly Row[]; outputs: readonly Row[] }
  /** Names of inputs and outputs that the graph now takes and gives as one row, whatever the shape of their tensor is. */
  flat: ReadonlySet<string>
}

const isTensor = (value: Value) => value.shape.length > 0

/** None of these operators has an input that can be left out. */
const inputsOf = (node: Node) => node.inputs as readonly Value[]

/** Elementwise nodes on small tensors on which nothing depends but results and others of this kind. */
function findFinal(nodes: readonly Node[], most: number): Node[] {
  const usedBefore = new Set<Value>()
  const final: Node[] = []
  for (let at = nodes.length - 1; at >= 0; at--) {
    const node = nodes[at]!
    const { shape, type } = node.outputs[0]!
    const fits =
      elementwise.has(node.op) &&
      type === 'float32' &&
      shape.length > 0 &&
      sizeOf(shape) <= most &&
      !usedBefore.has(node.outputs[0]!) &&
      inputsOf(node).every((value) => !isTensor(value) || sameShape(value.shape, shape))
    if (fits) final.push(node)
    else for (const value of node.inputs) if (value) usedBefore.add(value)
  }
  return final.reverse()
}

/** The nodes in groups that share no tensor. */
function splitChains(nodes: readonly Node[]): Chain[] {
  const parents = new Map<Value, Value>()
  const rootOf = (value: Value): Value => {
    let root = value
    while (parents.has(root)) root = parents.get(root)!
    if (root !== value) parents.set(value, root)
    return root
  }
  for (const node of nodes)
    for (const value of inputsOf(node)) {
      if (!isTensor(value)) continue
      const [from, to] = [rootOf(value), rootOf(node.outputs[0]!)]
      if (from !== to) parents.set(from, to)
    }
  const chains = new Map<Value, { nodes: Node[]; tensors: Set<Value> }>()
  for (const node of nodes) {
    const root = rootOf(node.outputs[0]!)
    let chain = chains.get(root)
    if (!chain) chains.set(root, (chain = { nodes: [], tensors: new Set() }))
    chain.nodes.push(node)
    for (const value of [...inputsOf(node), ...node.outputs]) if (isTensor(value)) chain.tensors.add(value)
  }
  return Array.from(chains.values(), (chain) => ({ nodes: chain.nodes, tensors: [...chain.tensors] }))
}

/** What a chain does, whatever its tensors are called: equal texts can be done at once. */
function textOf({ nodes, tensors }: Chain, results: ReadonlySet<Value>): string {
  const places = new Map(tensors.map((value, place) => [value, place]))
  return nodes
    .map((node) => {
      const from = inputsOf(node).map((value) => (isTensor(value) ? places.get(value) : value.name))
      const out = results.has(node.outputs[0]!) ? ' out' : ''
      return `${node.op} ${JSON.stringify(node.attributes)} ${from.join(' ')}${out}`
    })
    .join('\n')
}

const whole = (name: string, values: readonly number[]): Value => ({
  name,
  shape: [values.length],
  type: 'int64',
  elements: toElements(values, 'int64'),
})

/** Takes the parts of a row that a graph needs one by one. */
function cutRow(row: Value, parts: readonly Value[], needed: ReadonlySet<Value | undefined>): Node[] {
  const nodes: Node[] = []
  let from = 0
  for (const part of parts) {
    const size = sizeOf(part.shape)
    const bounds = [from, from + size].map((at, end) => whole(`${part.name}_${end ? 'to' : 'from'}`, [at]))
    from += size
    if (!needed.has(part)) continue
    const flat: Value = part.shape.length === 1 ? part : { ...part, name: `${part.name}_cut`, shape: [size] }
    nodes.push({ op: 'Slice', inputs: [row, ...bounds], outputs: [flat], attributes: {} })
    if (flat === part) continue
    const shape = whole(`${part.name}_shape`, part.shape)
    nodes.push({ op: 'Reshape', inputs: [flat, shape], outputs: [part], attributes: {} })
  }
  return nodes
}

/**
 * Does what a graph does at its end to each of many small tensors (an optimizer's update of biases and gains) once, on all
 * of them in a row: to start an operator takes about as long as it takes for a thousand elements. The numbers are the same to the bit.
 */
export function mergeUpdates(
  nodes: readonly Node[],
  outputs: readonly Value[],
  rowable: Rowable = { inputs: new Set(), outputs: new Set() },
): Merged {
  const flat = new Set<string>()
  const rowInputs: Row[] = []
  const rowOutputs: Row[] = []
  const results = new Set(outputs)
  const final = findFinal(nodes, rowable.onDevice ? mostOnDevice : mostElements)
  const groups = new Map<string, Chain[]>()
  for (const chain of splitChains(final)) {
    const text = textOf(chain, results)
    groups.set(text, [...(groups.get(text) ?? []), chain])
  }
  const gone = new Set<Node>()
  const made = new Set(nodes.flatMap((node) => node.outputs))
  const inFinal = new Set(final)
  const usedBefore = new Set(nodes.flatMap((node) => (inFinal.has(node) ? [] : node.inputs)))
  const added: Node[] = []
  const cut: Node[] = []
  for (const chains of groups.values()) {
    const [first] = chains as [Chain]
    if (chains.length < 2) continue
    const produced = new Set(first.nodes.map((node) => node.outputs[0]!))
    const places = first.tensors.map((value, place) => ({ value, place }))
    const taken = places.filter(({ value }) => !produced.has(value))
    const given = places.filter(({ value }) => produced.has(value) && results.has(value))
    // An input that the rest of the graph does not see can come as a row; others, and gradients, are reshaped.
    const comesFlat = (value: Value) => !made.has(value) && !value.elements && !usedBefore.has(value)
    const reshapes = chains.flatMap(({ tensors }) =>
      taken.filter(({ place }) => tensors[place]!.shape.length > 1 && !comesFlat(tensors[place]!)),
    ).length
    const after = first.nodes.length + taken.length + given.length + reshapes
    if (after >= chains.length * first.nodes.length) continue

    const sizes = chains.map(({ tensors }) => sizeOf(tensors[0]!.shape))
    const total = sizes.reduce((sum, size) => sum + size, 0)
    if (total > mostOnDevice) continue
    const rows = new Map<Value, Value>()
    const row = (value: Value): Value => ({ name: `${value.name}_row`, shape: [total], type: 'float32' })
    const add = (
      op: string,
      from: Node['inputs'],
      to: readonly Value[],
      attributes: Node['attributes'] = {},
    ) => void added.push({ op, inputs: from, outputs: to, attributes })
    const partsAt = (place: number) => chains.map(({ tensors }) => tensors[place]!)
    for (const { value, place } of taken) {
      const parts = partsAt(place)
      rows.set(value, row(value))
      if (parts.every((part) => rowable.inputs.has(part))) {
        rowInputs.push({ value: rows.get(value)!, parts })
        if (rowable.onDevice) cut.push(...cutRow(rows.get(value)!, parts, usedBefore))
        continue
      }
      const reshaped = parts.map((tensor) => {
        if (tensor.shape.length === 1) return tensor
        const size = sizeOf(tensor.shape)
        if (comesFlat(tensor)) {
          flat.add(tensor.name)
          return tensor
        }
        const part: Value = { name: `${tensor.name}_part`, shape: [size], type: 'float32' }
        add('Reshape', [tensor, whole(`${tensor.name}_size`, [size])], [part])
        return part
      })
      add('Concat', reshaped, [rows.get(value)!], { axis: 0 })
    }
    for (const node of first.nodes) {
      const output = row(node.outputs[0]!)
      rows.set(node.outputs[0]!, output)
      const from = inputsOf(node).map((value) => (isTensor(value) ? rows.get(value)! : value))
      add(node.op, from, [output], node.attributes)
    }
    for (const { value, place } of given) {
      const parts = partsAt(place)
      if (parts.every((part) => rowable.outputs.has(part))) {
        rowOutputs.push({ value: rows.get(value)!, parts })
        continue
      }
      for (const part of parts) if (part.shape.length > 1) flat.add(part.name)
      add('Split', [rows.get(value)!, whole(`${value.name}_sizes`, sizes)], parts, { axis: 0 })
    }
    for (const chain of chains) for (const node of chain.nodes) gone.add(node)
  }
  const merged = gone.size === 0 ? [...nodes] : [...cut, ...nodes.filter((node) => !gone.has(node)), ...added]
  return { nodes: merged, flat, rows: { inputs: rowInputs, outputs: rowOutputs } }
}
