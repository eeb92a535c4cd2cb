import { sameShape } from '../graph/graph.js'
import type { Node, Value } from '../onnx/model.js'
import type { Maker } from './maker.js'
import { findUses, numberIn } from './uses.js'

/** A value as another one times a number, to the bit. */
interface Scaled {
  of: Value
  by: number
}

/** Whether float32 has a number with all its digits. */
const isNormal = (number: number): boolean =>
  Math.abs(number) >= 2 ** -126 && Math.abs(number) < 2 ** 128 && Math.fround(number) === number

/** Whether a product with the number is exact, where it does not overflow and is no denormal. */
const isPower = (number: number): boolean => isNormal(number) && Number.isInteger(Math.log2(Math.abs(number)))

/** Constants of more elements are not looked through. */
const mostElements = 2 ** 16

/** The number that all elements of a constant are. tfjs writes the gradient of a mean as an array of its share. */
function uniformIn(value: Value): number | undefined {
  const { elements, type } = value
  if (!elements || type !== 'float32' || elements.length > mostElements) return numberIn(value)
  const [first] = elements
  return first !== undefined && elements.every((element) => element === first) ? Number(first) : undefined
}

/** What a node scales, and by what. A quotient is a product where the divisor is a power of two. */
function scaledBy({ op, domain, inputs, outputs }: Node): Scaled | undefined {
  if (domain || outputs[0]?.type !== 'float32') return undefined
  const [a, b] = inputs as readonly [Value, Value]
  if (op === 'Neg') return { of: a, by: -1 }
  if (op !== 'Mul' && op !== 'Div') return undefined
  const { shape } = outputs[0]
  const right = sameShape(a.shape, shape) ? uniformIn(b) : undefined
  if (op === 'Div')
    return right !== undefined && isPower(right) && isNormal(1 / right) ? { of: a, by: 1 / right } : undefined
  if (right !== undefined) return isNormal(right) ? { of: a, by: right } : undefined
  const left = sameShape(b.shape, shape) ? uniformIn(a) : undefined
  return left !== undefined && isNormal(left) ? { of: b, by: left } : undefined
}

/** The input that a node hands on as it is: what is multiplied by 1, or has a zero added that no zero notices. */
function handedOn({ op, domain, inputs, outputs }: Node): Value | undefined {
  const [to] = outputs as readonly [Value]
  if (domain || to.type !== 'float32' || inputs.length !== 2) return undefined
  const [a, b] = inputs as readonly [Value, Value]
  const isNeutral = (number: number | undefined): boolean => {
    if (op === 'Add') return Object.is(number, -0)
    return op === 'Sub' ? Object.is(number, 0) : (op === 'Mul' || op === 'Div') && number === 1
  }
  if (isNeutral(numberIn(b))) return a
  return (op === 'Mul' || op === 'Add') && isNeutral(numberIn(a)) ? b : undefined
}

/**
 * Moves signs and powers of two to where they cost no pass over the data: one after the other as one, a sign into the sum that takes it,
 * twice a tensor times what is divided anyhow (the gradient of a mean of squares: 2 x times dy / n) into the divisor of that. Each
 * is exact, and by the conditions here stays so for numbers at the ends of float32's range.
 */
export function moveScales(nodes: readonly Node[], results: readonly Value[], maker: Maker): Node[] {
  const { takersOf, isResult } = findUses(nodes, results)
  const isOwn = (value: Value) => takersOf(value).length === 1 && !isResult(value)
  const scales = new Map<Value, Scaled>()
  const same = new Map<Value, Value>()
  const written: Node[] = []

  /** The scale of what only one node takes. */
  const ownScale = (value: Value): Scaled | undefined => (isOwn(value) ? scales.get(value) : undefined)

  const nodeOf = (node: Node, { of, by }: Scaled, to: Value): Node =>
    by === -1
      ? { ...node, op: 'Neg', inputs: [of], outputs: [to], attributes: {} }
      : { ...node, op: 'Mul', inputs: [of, maker.constant(by)], outputs: [to], attributes: {} }

  function write(node: Node): void {
    const scaled = scaledBy(node)
    if (scaled) scales.set(node.outputs[0]!, scaled)
    written.push(node)
  }

  /** Two scales in a row as one. */
  function join(node: Node, outer: Scaled): boolean {
    const inner = ownScale(outer.of)
    if (!inner || !(isPower(inner.by) || isPower(outer.by))) return false
    const by = inner.by * outer.by
    const [to] = node.outputs as readonly [Value]
    if (!isNormal(by)) return false
    // `of` itself is no other tensor that could be a result; a node for it takes a pass, as before.
    if (by === 1 && !isResult(to)) same.set(to, inner.of)
    else write(nodeOf(node, { of: inner.of, by }, to))
    return true
  }

  /** A sum with what only has its sign changed. */
  function takeSign(node: Node): boolean {
    const [a, b] = node.inputs as readonly [Value, Value]
    const [left, right] = [ownScale(a), ownScale(b)]
    if (right?.by === -1) write({ ...node, op: node.op === 'Add' ? 'Sub' : 'Add', inputs: [a, right.of] })
    else if (left?.by === -1 && node.op === 'Add') write({ ...node, op: 'Sub', inputs: [b, left.of] })
    else return false
    return true
  }

  /** (a c) (b 2^k) as (a c 2^k) b: a product that comes no nearer to the ends of the range than a and b themselves. */
  function takePower(node: Node): boolean {
    const [a, b] = node.inputs as readonly [Value, Value]
    for (const [less, more] of [
      [a, b],
      [b, a],
    ] as const) {
      // oxfmt-ignore
      const [to, from] = [ownScale(less), ownScale(more)]
      if (!to || !from || !isPower(from.by) || Math.abs(from.by) < 2) continue
      const by = to.by * from.by
      if (Math.abs(by) > 1 || !isNormal(by)) continue
      let scaled = to.of
      if (by !== 1) write(nodeOf(node, { of: to.of, by }, (scaled = maker.fresh(less.shape))))
      write({ ...node, inputs: [scaled, from.of] })
      return true
    }
    return false
  }

  for (const given of nodes) {
    const inputs = given.inputs.some((value) => value && same.has(value))
      ? given.inputs.map((value) => (value && same.get(value)) ?? value)
      : given.inputs
    const node = inputs === given.inputs ? given : { ...given, inputs }
    const [to] = node.outputs as readonly [Value]
    const handed = handedOn(node)
    if (handed && !isResult(to)) {
      same.set(to, handed)
      continue
    }
    const scaled = scaledBy(node)
    if (scaled && join(node, scaled)) continue
    const isArithmetic = !node.domain && to.type === 'float32' && node.inputs.length === 2
    if (isArithmetic && (node.op === 'Add' || node.op === 'Sub') && takeSign(node)) continue
    if (isArithmetic && node.op === 'Mul' && takePower(node)) continue
    write(node)
  }
  return written
}
