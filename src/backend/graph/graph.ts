import type { Attribute, Node, Value } from '../onnx/model.js'
import type { Guard } from './guards.js'
import { numberOf, Structure } from './structure.js'
import { sizeOf, toElements, type ElementType, type Elements } from '../onnx/types.js'

export type { Attribute, Node, Value } from '../onnx/model.js'

type NodeAttributes = { [name: string]: Attribute }
type Shape = readonly number[]

const none: NodeAttributes = {}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false
  return true
}

/** FNV-1a over the bytes, eight hexadecimal digits for each of two starts. */
function digest({ buffer, byteOffset, byteLength }: Elements): string {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength)
  let [first, second] = [0x811c9dc5, 0x1000193]
  for (const byte of bytes) {
    first = Math.imul(first ^ byte, 0x01000193)
    second = Math.imul(second ^ byte, 0x01000193) ^ (second >>> 15)
  }
  return `${first >>> 0} ${second >>> 0}`
}

/** Constants of more elements are known by a digest. */
const mostInText = 64

/** The numbers, of which -0 is none of `join`'s. */
function textOf(values: ArrayLike<number>): string {
  let text = ''
  for (let at = 0; at < values.length; at++) text += Object.is(values[at], -0) ? ',-0' : `,${values[at]}`
  return text
}

/** Elements of small constants by what they are: the same few come in every step. */
const elementsByText = new Map<string, Elements>()

function elementsOf(text: string, values: ArrayLike<number>, type: ElementType): Elements {
  let elements = elementsByText.get(text)
  if (!elements) {
    if (elementsByText.size === 10_000) elementsByText.clear()
    elementsByText.set(text, (elements = toElements(values, type)))
  }
  return elements
}

/** The shape that elementwise operators give. */
export function broadcast(a: Shape, b: Shape): Shape {
  if (b.length === 0 || sameShape(a, b)) return a
  if (a.length === 0) return b
  const rank = Math.max(a.length, b.length)
  const shape: number[] = []
  for (let axis = 0; axis < rank; axis++) {
    const [one, other] = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1]
    if (one !== other && one !== 1 && other !== 1)
      throw new Error(`shapes [${a}] and [${b}] cannot be broadcast together`)
    shape.push(one === 1 ? other : one)
  }
  return shape
}

/** What a graph is written for. */
export interface Target {
  /** 'cpu', or another device of ONNX Runtime. */
  readonly device: string
  /** Channels in a block of the layout that ONNX Runtime keeps for itself there; 0 where it has none. */
  blockSize(): number
}

/** Any processor. */
const anywhere: Target = { device: 'cpu', blockSize: () => 0 }

/**
 * A graph that grows: emitters append nodes to it, whether it is run at once, later, or again and again. Every method
 * returns the value that its node makes, with shape and type known. `structure` says what the nodes are, so that an equal
 * graph can be found again; the values of inputs are no part of it.
 */
export class Graph {
  readonly nodes: Node[] = []
  /** Whether it is that of a function, which runs it again and again, and not one that waits. */
  readonly recorded: boolean
  readonly target: Target
  readonly structure = new Structure()
  /** Others shall run it: it has no layouts that ONNX Runtime keeps for itself. */
  isPortable = false
  /** Indices of a recording that are known only when it runs. */
  readonly guards: Guard[] = []
  /** The kernel call that nodes are added for. */
  call: Node['call']
  /** Values that were made. */
  private places = 0
  /** What an expanded value was before. */
  private readonly expandedFrom = new Map<Value, Value>()
  /** What a reshaped value was before. */
  private readonly reshapedFrom = new Map<Value, Value>()
  private readonly constants = new Map<string, Value>()

  constructor({ recorded = false, target = anywhere }: { recorded?: boolean; target?: Target } = {}) {
    this.recorded = recorded
    this.target = target
  }

  /** A value that comes from outside. */
  input(shape: Shape, type: ElementType): Value {
    const place = this.places++
    this.structure.add(numberOf(`${type}[${shape}]`))
    return { name: `i${place}`, place, shape, type }
  }

  /** A node of several outputs. */
  nodeOf(
    op: string,
    inputs: readonly (Value | undefined)[],
    outputs: readonly { shape: Shape; type: ElementType }[],
    attributes: NodeAttributes = none,
    domain?: string,
  ): Value[] {
    const values = outputs.map(({ shape, type }) => this.made(shape, type))
    this.append(op, inputs, values, attributes, domain)
    return values
  }

  private made(shape: Shape, type: ElementType): Value {
    const place = this.places++
    return { name: `n${place}`, place, shape, type }
  }

  private append(
    op: string,
    inputs: readonly (Value | undefined)[],
    outputs: readonly Value[],
    attributes: NodeAttributes,
    domain: string | undefined,
  ): void {
    this.nodes.push({ op, domain, inputs, outputs, attributes, call: this.call })
    let text = op
    for (const name in attributes) {
      const value = attributes[name]!
      text += ` ${name}=${typeof value === 'object' && 'float' in value ? value.float : value}`
    }
    if (outputs.length > 1) text += ` ${outputs.length}`
    this.structure.add(numberOf(text))
    for (let at = 0; at < inputs.length; at++) this.structure.refer(inputs[at])
  }

  node(
    op: string,
    inputs: readonly (Value | undefined)[],
    shape: Shape,
    type: ElementType,
    attributes: NodeAttributes = none,
    domain?: string,
  ): Value {
    const value = this.made(shape, type)
    this.append(op, inputs, [value], attributes, domain)
    return value
  }

  /** A node of ONNX Runtime's own. */
  contributed(
    op: string,
    inputs: readonly Value[],
    shape: Shape,
    type: ElementType,
    attributes?: NodeAttributes,
  ) {
    return this.node(op, inputs, shape, type, attributes, 'com.microsoft')
  }

  constant(values: ArrayLike<number>, shape: Shape, type: ElementType): Value {
    const text = `constant ${type}[${shape}]${textOf(values)}`
    let value = this.constants.get(text)
    if (!value) {
      value =
        values.length > mostInText
          ? this.data(toElements(values, type), shape, type)
          : this.constantOf(elementsOf(text, values, type), shape, type, text)
      this.constants.set(text, value)
    }
    return value
  }

  /** A constant that is known by its elements alone, however many; equal ones are not found again. */
  data(elements: Elements, shape: Shape, type: ElementType): Value {
    return this.constantOf(elements, shape, type, `constant ${type}[${shape}] ${digest(elements)}`)
  }

  private constantOf(elements: Elements, shape: Shape, type: ElementType, text: string): Value {
    const place = this.places++
    this.structure.add(numberOf(text))
    return { name: `k${place}`, place, shape, type, elements }
  }

  /** Whole numbers that say how: axes, sizes, starts. */
  whole(values: Shape): Value {
    return this.constant(values, [values.length], 'int64')
  }

  scalar(value: number, type: ElementType = 'float32'): Value {
    return this.constant([value], [], type)
  }

  /** Every element `value`, without the memory that a constant of this size would take in the model. */
  filled(shape: Shape, value: number, type: ElementType): Value {
    return this.node('Expand', [this.scalar(value, type), this.whole(shape)], shape, type)
  }

  unary(op: string, x: Value, attributes?: NodeAttributes, type: ElementType = x.type): Value {
    return this.node(op, [x], x.shape, type, attributes)
  }

  binary(op: string, a: Value, b: Value, type: ElementType = a.type, attributes?: NodeAttributes): Value {
    const shape = broadcast(a.shape, b.shape)
    const x = this.unexpanded(a, b, shape)
    return this.node(op, [x, this.unexpanded(b, x, shape)], shape, type, attributes)
  }

  /** The value as it was before it was expanded, where the operator spreads it anyhow: one pass over the data less. */
  private unexpanded(a: Value, b: Value, shape: Shape): Value {
    const from = this.expandedFrom.get(a)
    return from && sameShape(broadcast(from.shape, b.shape), shape) ? from : a
  }

  add = (a: Value, b: Value): Value => this.binary('Add', a, b)
  sub = (a: Value, b: Value): Value => this.binary('Sub', a, b)
  mul = (a: Value, b: Value): Value => this.binary('Mul', a, b)
  div = (a: Value, b: Value): Value => this.binary('Div', a, b)

  where(condition: Value, yes: Value, no: Value): Value {
    if (yes.type === 'bool') {
      // ONNX Runtime's `Where` takes no bool.
      const both = this.binary('And', condition, yes)
      return this.binary('Or', both, this.binary('And', this.unary('Not', condition), no))
    }
    // tfjs spreads a scalar condition over every element first; `Where` does that by itself.
    const single = this.expandedFrom.get(condition)
    const chosen = broadcast(yes.shape, no.shape)
    if (single && sizeOf(single.shape) === 1 && sameShape(chosen, condition.shape))
      return this.where(single, yes, no)
    return this.node('Where', [condition, yes, no], broadcast(condition.shape, chosen), yes.type)
  }

  cast(x: Value, type: ElementType): Value {
    return x.type === type ? x : this.node('Cast', [x], x.shape, type, { to: castCodes[type] })
  }

  reshape(x: Value, shape: Shape): Value {
    if (sameShape(x.shape, shape)) return x
    const from = this.unshaped(x)
    if (sameShape(from.shape, shape)) return from
    const reshaped = this.node('Reshape', [from, this.whole(shape)], shape, x.type)
    this.reshapedFrom.set(reshaped, from)
    return reshaped
  }

  /** The value with the shape in which it was made. */
  unshaped(x: Value): Value {
    return this.reshapedFrom.get(x) ?? x
  }

  transpose(x: Value, order: Shape): Value {
    if (order.every((from, to) => from === to)) return x
    return this.node(
      'Transpose',
      [x],
      order.map((axis) => x.shape[axis]!),
      x.type,
      { perm: order },
    )
  }

  expand(x: Value, shape: Shape): Value {
    if (sameShape(x.shape, shape)) return x
    const expanded = this.node('Expand', [x, this.whole(shape)], shape, x.type)
    this.expandedFrom.set(expanded, x)
    return expanded
  }

  /** From `begin` (inclusive) `size` elements of every axis, each `step` apart. */
  slice(x: Value, begin: Shape, size: Shape, steps?: Shape): Value {
    if (!steps && sameShape(x.shape, size)) return x
    const axes = x.shape.map((_, axis) => axis).filter((axis) => steps || size[axis] !== x.shape[axis])
    const step = (axis: number) => steps?.[axis] ?? 1
    const end = (axis: number) => {
      const last = begin[axis]! + (size[axis]! - 1) * step(axis)
      const after = last + Math.sign(step(axis))
      return after < 0 ? -(2 ** 31) : after // a negative end would count from the back
    }
    const inputs = [
      x,
      this.whole(axes.map((axis) => begin[axis]!)),
      this.whole(axes.map(end)),
      this.whole(axes),
      ...(steps ? [this.whole(axes.map(step))] : []),
    ]
    return this.node('Slice', inputs, size, x.type)
  }

  concat(values: readonly Value[], axis: number): Value {
    if (values.length === 1) return values[0]!
    const shape = values[0]!.shape.slice()
    for (const { shape: other } of values)
      if (other.length !== shape.length || other.some((size, at) => at !== axis && size !== shape[at]))
        throw new Error(`shapes [${shape}] and [${other}] cannot be joined along axis ${axis}`)
    shape[axis] = values.reduce((sum, value) => sum + value.shape[axis]!, 0)
    return this.node('Concat', values, shape, values[0]!.type, { axis })
  }

  reduce(op: string, x: Value, axes: Shape, keep: boolean, type: ElementType = x.type): Value {
    if (axes.length === 0) return x
    const shape = x.shape.flatMap((size, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [size]))
    return this.node(op, [x, this.whole(axes)], shape, type, { keepdims: keep ? 1 : 0 })
  }

  matmul(a: Value, b: Value, transposeA = false, transposeB = false): Value {
    const shape = [
      ...broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2)),
      a.shape.at(transposeA ? -1 : -2)!,
      b.shape.at(transposeB ? -2 : -1)!,
    ]
    if (!transposeA && !transposeB) return this.node('MatMul', [a, b], shape, a.type)
    return this.contributed('FusedMatMul', [a, b], shape, a.type, {
      transA: +transposeA,
      transB: +transposeB,
    })
  }

  /** Zeros (or `value`) around: [before, after] of every axis; negative numbers cut. */
  pad(x: Value, amounts: readonly (readonly [number, number])[], value = 0): Value {
    if (amounts.every(([before, after]) => before === 0 && after === 0)) return x
    const shape = x.shape.map((size, axis) => size + amounts[axis]![0] + amounts[axis]![1])
    const pads = [...amounts.map(([before]) => before), ...amounts.map(([, after]) => after)]
    const inputs = [x, this.whole(pads), this.scalar(value, x.type)]
    return this.node('Pad', inputs, shape, x.type, { mode: 'constant' })
  }

  gather(x: Value, indices: Value, axis: number): Value {
    const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)]
    return this.node('Gather', [x, indices], shape, x.type, { axis })
  }

  /**
   * `direct`, a shorter way to a part of `whole`; or `part`, which is taken out of it, where `whole` is made anyhow. Which of
   * them is known only when the graph is complete: `findNeeded` decides.
   */
  either(direct: Value, part: Value, whole: Value): Value {
    return this.node('Either', [direct, part, whole], direct.shape, direct.type)
  }

  /** One value whose shape is [size]. */
  flat(x: Value): Value {
    return this.reshape(x, [sizeOf(x.shape)])
  }
}

const castCodes = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float64: 11, uint32: 12 } as const
