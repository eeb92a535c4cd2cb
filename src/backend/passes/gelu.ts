import type { Node, Value } from '../onnx/model.js'
import type { Maker } from './maker.js'
import { combined, product, scaled, scaleOf, type Form } from './terms.js'
import { findUses, numberIn, type Uses } from './uses.js'

const is = (node: Node | undefined, op: string): node is Node => node?.op === op && !node.domain

/** What a constant of rank 0 is beside. */
function besides({ inputs }: Node, number: number): Value | undefined {
  const [a, b] = inputs as readonly [Value, Value]
  return numberIn(a) === number ? b : numberIn(b) === number ? a : undefined
}

/** Larger sums and products are none of these. */
const most = 6

const whole = (value: Value): Form => {
  const number = numberIn(value)
  return [number === undefined ? { scale: 1, factors: [value] } : { scale: number, factors: [] }]
}

const rules: { readonly [op: string]: (a: Form, b: Form, number?: number) => Form | undefined } = {
  Add: (a, b) => [...a, ...b],
  Sub: (a, b) => [...a, ...scaled(b, -1)],
  Neg: (a) => scaled(a, -1),
  Mul: product,
  Div: (a, _, number) => (number ? scaled(a, 1 / number) : undefined),
  Pow(a, _, number) {
    if (number === 2) return product(a, a)
    return number === 3 ? product(product(a, a), a) : undefined
  },
}

/** What a node makes as a sum of products of what `formOf` knows. */
function formOfNode({ op, domain, inputs, outputs }: Node, formOf: (value: Value) => Form): Form | undefined {
  const rule = domain || outputs[0]!.type !== 'float32' ? undefined : rules[op]
  if (!rule) return undefined
  const [a, b] = inputs as readonly [Value, Value | undefined]
  const made = rule(formOf(a), b ? formOf(b) : [], b && numberIn(b))
  const form = made && combined(made)
  return form && form.length <= most && form.every(({ factors }) => factors.length <= most) ? form : undefined
}

/** `u` = a x + b x^3, read through the nodes that make it. */
interface Cubic {
  x: Value
  a: number
  b: number
}

function findCubic(u: Value, { makerOf }: Uses): Cubic | undefined {
  /** The values that `u` is made of, not far from it: one of them is x. */
  const near = new Set<Value>()
  const walk = (value: Value, depth: number): void => {
    if (near.has(value) || depth > most) return
    near.add(value)
    const node = makerOf.get(value)
    if (node && rules[node.op])
      for (const input of node.inputs) if (input && !input.elements) walk(input, depth + 1)
  }
  walk(u, 0)
  near.delete(u)
  for (const x of near) {
    const formOf = (value: Value): Form => {
      const node = value === x || (!near.has(value) && value !== u) ? undefined : makerOf.get(value)
      return (node && formOfNode(node, formOf)) ?? whole(value)
    }
    const form = formOf(u)
    const [a, b] = [scaleOf(form, [x]), scaleOf(form, [x, x, x])]
    if (form.length === 2 && a > 0 && b > 0) return { x, a, b }
  }
  return undefined
}

/** What GELU and its gradient are to be made of. */
interface Parts extends Cubic {
  /** (1 + tanh(u)) / 2 */
  s: Value
  /** 1 - s */
  r: Value
}

const isNear = (a: number, b: number) => Math.abs(a - b) <= 1e-6 * Math.abs(b)

/** dy, where a form is dy (s + x s r (2 a + 6 b x^2)). */
function gradientOf(form: Form, { x, a, b, s, r }: Parts): Value | undefined {
  if (form.length !== 3) return undefined
  const first = form.find(({ factors }) => factors.length === 2 && factors.includes(s))
  const dy = first?.factors.find((value) => value !== s)
  if (!dy || dy === x || dy === r || !isNear(first!.scale, 1)) return undefined
  const isMade =
    isNear(scaleOf(form, [dy, x, s, r]), 2 * a) && isNear(scaleOf(form, [dy, x, x, x, s, r]), 6 * b)
  return isMade ? dy : undefined
}

interface Found {
  parts: Parts
  /** The node that makes x s, and those that make a gradient of it with their dy. */
  roots: ReadonlyMap<Node, Value | 'itself'>
}

/** GELU around a tanh, if all that the tanh is for is that and its gradient. */
function findGelu(tanh: Node, nodes: readonly Node[], uses: Uses, { fresh }: Maker): Found | undefined {
  const { takersOf, isResult, makerOf } = uses
  const [u] = tanh.inputs as readonly [Value]
  const [made] = tanh.outputs as readonly [Value]
  // The tanh of a number near 0 is taken from the number (emitters/exponential.ts).
  const [choice] = takersOf(made)
  const isChosen = is(choice, 'Where') && choice.inputs[1] === u && takersOf(made).length === 1
  const t = isChosen && !isResult(made) ? choice.outputs[0]! : made
  const takers = takersOf(t)
  const sums = takers.filter((node) => is(node, 'Add') && besides(node, 1) === t)
  const squares = takers.filter((node) => is(node, 'Mul') && node.inputs[0] === node.inputs[1])
  const slopes = squares.flatMap(({ outputs: [square] }) => takersOf(square!))
  const isAll =
    !isResult(t) &&
    sums.length > 0 &&
    sums.length + squares.length === takers.length &&
    !squares.some(({ outputs: [square] }) => isResult(square!)) &&
    slopes.every((node) => is(node, 'Sub') && numberIn(node.inputs[0]!) === 1)
  const cubic = isAll ? findCubic(u, uses) : undefined
  if (!cubic) return undefined
  const parts: Parts = { ...cubic, s: fresh(t.shape), r: fresh(t.shape) }
  const { x, s, r } = parts
  const forms = new Map<Value, Form>([[x, whole(x)]])
  for (const { outputs } of sums) forms.set(outputs[0]!, [{ scale: 2, factors: [s] }])
  for (const { outputs } of slopes) forms.set(outputs[0]!, product([{ scale: 4, factors: [s] }], whole(r)))
  // tfjs may halve dy before it goes back, which is exact.
  const outside = (value: Value): Form => {
    const maker = makerOf.get(value)
    const half = is(maker, 'Mul') ? besides(maker, 0.5) : undefined
    return half ? [{ scale: 0.5, factors: [half] }] : whole(value)
  }
  const roots = new Map<Node, Value | 'itself'>()
  const open = new Set<Value>([...sums, ...slopes].map(({ outputs }) => outputs[0]!))
  for (const node of nodes) {
    const [to] = node.outputs as readonly [Value]
    if (forms.has(to) || !node.inputs.some((value) => value && forms.has(value))) continue
    const form = formOfNode(node, (value) => forms.get(value) ?? outside(value))
    if (!form) continue
    if (form.length === 1 && isNear(scaleOf(form, [s, x]), 1)) roots.set(node, 'itself')
    else {
      const dy = gradientOf(form, parts)
      if (dy) roots.set(node, dy)
      else {
        forms.set(to, form)
        if (form.some(({ factors }) => factors.includes(s) || factors.includes(r))) open.add(to)
      }
    }
  }
  // What depends on the tanh serves the roots alone.
  for (const value of open)
    if (isResult(value) || !takersOf(value).every((node) => roots.has(node) || open.has(node.outputs[0]!)))
      return undefined
  return { parts, roots }
}

/**
 * Writes x / 2 (1 + tanh(u)) of u = a x + b x^3, and its gradient, by s = (1 + tanh(u)) / 2: x s, and
 * dy (s + x s (1 - s) (2 a + 6 b x^2)), 14 passes instead of 24. It is as well conditioned as what was written and better: s and 1 - s
 * are rounded once where 1 + tanh(u) and 1 - tanh(u)^2 are rounded once and twice, and what is added up are two products instead of
 * four of like size. Nothing overflows that did not: x^2 and the polynomials are those that were written; s, 1 - s and the slope
 * lie between -0.2 and 1.2 wherever x^2 is finite (beyond 20 either s or 1 - s is 0); and dy, of any size, is multiplied last
 * and once. Where x^2 is infinite both ways give x or 0 for the value, and NaN for the gradient.
 */
export function writeGelus(nodes: readonly Node[], results: readonly Value[], maker: Maker): Node[] {
  const tanhs = nodes.filter((node) => is(node, 'Tanh'))
  if (tanhs.length === 0) return [...nodes]
  const uses = findUses(nodes, results)
  const { fresh, constant } = maker
  const instead = new Map<Node, Node[]>()
  for (const tanh of tanhs) {
    const found = findGelu(tanh, nodes, uses, maker)
    if (!found) continue
    const { x, a, b, s, r } = found.parts
    const list: Node[] = []
    const write = (
      op: string,
      inputs: readonly Value[],
      to = fresh(x.shape),
      attributes: Node['attributes'] = {},
    ): Value => {
      list.push({ op, inputs, outputs: [to], attributes, call: tanh.call })
      return to
    }
    const square = write('Mul', [x, x])
    const inner = write('Add', [write('Mul', [square, constant(b)]), constant(a)])
    const t = write('Tanh', [write('Mul', [x, inner])])
    // t / 2 + 1 / 2 in one pass; between 0 and 1 it is anyhow.
    write('HardSigmoid', [t], s, { alpha: { float: 0.5 }, beta: { float: 0.5 } })
    write('Sub', [constant(1), s], r)
    instead.set(tanh, list.splice(0))
    let value: Value | undefined
    for (const [root, dy] of found.roots) {
      const [to] = root.outputs as readonly [Value]
      if (dy === 'itself') value = write('Mul', [x, s], to)
      else {
        value ??= write('Mul', [x, s])
        const outer = write('Add', [write('Mul', [square, constant(6 * b)]), constant(2 * a)])
        const rest = write('Mul', [value, write('Mul', [r, outer])])
        write('Mul', [dy, write('Add', [s, rest])], to)
      }
      instead.set(root, list.splice(0).map((node) => ({ ...node, call: root.call }))) // oxfmt-ignore
    }
  }
  return instead.size === 0 ? [...nodes] : nodes.flatMap((node) => instead.get(node) ?? node)
}
