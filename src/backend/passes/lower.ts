import type { Node, Value } from '../graph/graph.js'
import { toElements } from '../onnx/types.js'

/** A node in other words. */
type Rewrite = (node: Node) => Node[]

const suffixed = (value: Value, suffix: string, shape = value.shape): Value => ({
  name: `${value.name}_${suffix}`,
  shape,
  type: value.type,
})

/** The last two axes of a tensor exchanged. */
function swapped(node: Node, x: Value, name: string): Node {
  const rank = x.shape.length
  const perm = [...x.shape.keys()]
  perm.push(...perm.splice(rank - 2, 2).reverse())
  const turned = suffixed(node.outputs[0]!, name, perm.map((axis) => x.shape[axis]!)) // oxfmt-ignore
  return { op: 'Transpose', inputs: [x], outputs: [turned], attributes: { perm }, call: node.call }
}

/** The product of transposed matrices in ONNX's own operators. */
function product(node: Node): Node[] {
  const { outputs, attributes, call } = node
  const [a, b] = node.inputs as readonly [Value, Value]
  const { transA = 0, transB = 0, alpha } = attributes
  if (a.shape.length === 2 && b.shape.length === 2)
    return [
      {
        op: 'Gemm',
        inputs: [a, b],
        outputs,
        attributes: { transA, transB, alpha: alpha ?? { float: 1 } },
        call,
      },
    ]
  const turned = [
    ...(transA ? [swapped(node, a, 'a')] : []),
    ...(transB ? [swapped(node, b, 'b')] : []),
  ] // oxfmt-ignore
  const inputs = [transA ? turned[0]!.outputs[0] : a, transB ? turned.at(-1)!.outputs[0] : b]
  if (alpha === undefined) return [...turned, { op: 'MatMul', inputs, outputs, attributes: {}, call }]
  const plain = suffixed(outputs[0]!, 'plain')
  const scale: Value = {
    name: `${plain.name}_scale`,
    shape: [],
    type: 'float32',
    elements: toElements([(alpha as { float: number }).float], 'float32'),
  }
  return [
    ...turned,
    { op: 'MatMul', inputs, outputs: [plain], attributes: {}, call },
    { op: 'Mul', inputs: [plain, scale], outputs, attributes: {}, call },
  ]
}

/** x / (1 + |x|). */
function softsign({ inputs: [x], outputs: [y], call }: Node): Node[] {
  const one: Value = {
    name: `${y!.name}_1`,
    shape: [],
    type: 'float32',
    elements: toElements([1], 'float32'),
  }
  const [size, sum] = [suffixed(y!, 'size'), suffixed(y!, 'sum')]
  return [
    { op: 'Abs', inputs: [x], outputs: [size], attributes: {}, call },
    { op: 'Add', inputs: [size, one], outputs: [sum], attributes: {}, call },
    { op: 'Div', inputs: [x, sum], outputs: [y!], attributes: {}, call },
  ]
}

/** The sum of many, two at a time. */
function total({ inputs, outputs, call }: Node): Node[] {
  const nodes: Node[] = []
  let before = inputs[0]!
  for (const [at, value] of inputs.entries()) {
    if (at === 0) continue
    const result = at === inputs.length - 1 ? outputs[0]! : suffixed(outputs[0]!, `${at}`)
    nodes.push({ op: 'Add', inputs: [before, value], outputs: [result], attributes: {}, call })
    before = result
  }
  return nodes
}

/** Softmax in steps: WebGPU's own makes 0 of a row with a NaN, which no check would find any more. */
function softmax(node: Node): Node[] {
  const { attributes, call } = node
  const [x] = node.inputs as readonly [Value]
  const [y] = node.outputs as readonly [Value]
  const axis = attributes.axis as number
  const one = x.shape.map((size, at) => (at === axis ? 1 : size))
  const axes: Value = {
    name: `${y.name}_axes`,
    shape: [1],
    type: 'int64',
    elements: toElements([axis], 'int64'),
  }
  const [most, rest, powers, sum] = [
    suffixed(y, 'most', one),
    suffixed(y, 'rest'),
    suffixed(y, 'powers'),
    suffixed(y, 'sum', one),
  ]
  const step = (
    op: string,
    inputs: readonly Value[],
    output: Value,
    more: Node['attributes'] = {},
  ): Node => ({
    op,
    inputs,
    outputs: [output],
    attributes: more,
    call,
  })
  return [
    step('ReduceMax', [x, axes], most, { keepdims: 1 }),
    step('Sub', [x, most], rest),
    step('Exp', [rest], powers),
    step('ReduceSum', [powers, axes], sum, { keepdims: 1 }),
    step('Div', [powers, sum], y),
  ]
}

/**
 * Operators that a device has not as they should be, or not at all: then ONNX Runtime runs each on the processor, and carries its
 * inputs there and its result back, which on WebGPU waits for all that was given to the device before.
 */
const missing: { readonly [device: string]: { readonly [op: string]: Rewrite } } = {
  webgpu: { FusedMatMul: product, Softmax: softmax, Softsign: softsign, Sum: total },
}

const isBackwards = ({ inputs }: Node) => inputs[4]?.elements?.some((step) => step < 0) ?? false

/** Bits of random numbers. Half of their operators are missing on WebGPU, and each change of side costs more than all of them. */
const isOfBits = ({ inputs, outputs }: Node) =>
  [...inputs, ...outputs].some((value) => value?.type === 'uint32')

/** Nodes that a device takes, and then fails at or computes wrongly (ONNX Runtime 1.30; tfjs's specs find them). */
const failing: { readonly [device: string]: { readonly [op: string]: (node: Node) => boolean } } = {
  webgpu: {
    ConvTranspose: () => true, // three dimensions are refused, and groups of one channel come out wrong
    MaxPool: ({ outputs }) => outputs.length > 1, // it has no positions of the largest
    Slice: isBackwards,
    TopK: () => true, // -Infinity comes out as the lowest number
  },
}

/** The nodes that shall run on the processor though the device would take them. */
export const findFailing = (device: string, nodes: readonly Node[]): readonly Node[] => {
  const fails = failing[device]
  return fails ? nodes.filter((node) => isOfBits(node) || fails[node.op]?.(node)) : []
}

/** The nodes in words that the device knows. */
export function lowerFor(device: string, nodes: readonly Node[]): readonly Node[] {
  const rewrites = missing[device]
  return rewrites ? nodes.flatMap((node) => rewrites[node.op]?.(node) ?? [node]) : nodes
}
