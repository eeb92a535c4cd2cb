import { Protobuf } from './protobuf.js'
import { elementTypes, type ElementType, type Elements } from './types.js'

/** A tensor in a graph. `elements` (or `outside`) are there when it is a constant. */
export interface Value {
  readonly name: string
  /** Among the values of the graph that made it. */
  readonly place?: number
  readonly shape: readonly number[]
  readonly type: ElementType
  readonly elements?: Elements
  /** Where its elements lie in the file `data` of the model, in bytes, if they are a constant's and not in the model itself. */
  readonly outside?: { offset: number; length: number }
}

export type Attribute = number | { float: number } | string | readonly number[]

export interface Node {
  op: string
  /** 'com.microsoft' for ONNX Runtime's own operators. */
  domain?: string
  /** `undefined` stands for an optional input that is left out. */
  inputs: readonly (Value | undefined)[]
  outputs: readonly Value[]
  attributes: { readonly [name: string]: Attribute }
  /** The call of a kernel that this node is part of. */
  call?: { readonly kernel: string }
}

export interface Model {
  nodes: readonly Node[]
  inputs: readonly Value[]
  outputs: readonly Value[]
  /** Shapes of inputs and outputs whose dimensions may vary, by name: a text is a free dimension. */
  dimensions?: { readonly [name: string]: readonly (number | string)[] }
  /** Names to write instead of the graph's own. */
  names?: ReadonlyMap<Value, string>
  /** The file, in the folder of the model's own, that has the elements of constants which are outside. */
  data?: string
}

// Field numbers are those of onnx.proto (onnx/onnx, IR version 10, operator set 21).
const irVersion = 10
const operatorSet = 21

function writeAttribute(to: Protobuf, name: string, value: Attribute): void {
  to.string(1, name)
  if (typeof value === 'number') to.integer(3, value).integer(20, 2)
  else if (typeof value === 'string') to.string(4, value).integer(20, 3)
  else if ('float' in value) to.float(2, value.float).integer(20, 1)
  else {
    for (const one of value) to.integer(8, one)
    to.integer(20, 7)
  }
}

function writeConstant(
  to: Protobuf,
  name: string,
  { shape, type, elements, outside }: Value,
  data: string | undefined,
): void {
  for (const dimension of shape) to.integer(1, dimension)
  if (outside) {
    const place = { location: data!, offset: String(outside.offset), length: String(outside.length) }
    to.integer(2, elementTypes[type].code).string(8, name)
    for (const [key, value] of Object.entries(place))
      to.message(13, (entry) => entry.string(1, key).string(2, value))
    to.integer(14, 1)
    return
  }
  const { buffer, byteOffset, byteLength } = elements!
  to.integer(2, elementTypes[type].code)
    .string(8, name)
    .bytes(9, new Uint8Array(buffer, byteOffset, byteLength))
}

/** What a node is called in the model, and in ONNX Runtime's errors: the kernel of tfjs that it is part of, and what it makes. */
export const nameOfNode = ({ op, call, outputs }: Node): string => `${call?.kernel ?? op} ${outputs[0]!.name}`

/** The bytes of an ONNX model. Constants that its nodes use become initializers. */
export function encodeModel({ nodes, inputs, outputs, dimensions = {}, names, data }: Model): Uint8Array {
  const nameOf = (value: Value) => names?.get(value) ?? value.name
  const constants = new Map<string, Value>()
  for (const node of nodes)
    for (const value of node.inputs)
      if (value?.elements || value?.outside) constants.set(nameOf(value), value)
  const writeValue = (to: Protobuf, value: Value) =>
    to.string(1, nameOf(value)).message(2, (type) =>
      type.message(1, (tensor) =>
        tensor.integer(1, elementTypes[value.type].code).message(2, (shape) => {
          for (const dimension of dimensions[nameOf(value)] ?? value.shape)
            shape.message(1, (one) =>
              typeof dimension === 'number' ? one.integer(1, dimension) : one.string(2, dimension),
            )
        }),
      ),
    )
  const domains = new Set(['', 'com.microsoft', ...nodes.flatMap(({ domain }) => domain ?? [])])
  const model = new Protobuf()
    .integer(1, irVersion)
    .string(2, 'gradbook')
    .message(7, (graph) => {
      for (const made of nodes)
        graph.message(1, (node) => {
          const { op, domain, inputs: from, outputs: to, attributes } = made
          for (const value of from) node.string(1, value ? nameOf(value) : '')
          for (const value of to) node.string(2, nameOf(value))
          node.string(3, nameOfNode(made))
          node.string(4, op)
          for (const name in attributes)
            node.message(5, (attribute) => writeAttribute(attribute, name, attributes[name]!))
          if (domain) node.string(7, domain)
        })
      graph.string(2, 'graph')
      for (const [name, value] of constants)
        graph.message(5, (constant) => writeConstant(constant, name, value, data))
      for (const value of inputs) graph.message(11, (to) => writeValue(to, value))
      for (const value of outputs) graph.message(12, (to) => writeValue(to, value))
    })
  for (const domain of domains)
    model.message(8, (set) => set.string(1, domain).integer(2, domain === '' ? operatorSet : 1))
  return model.finish()
}
