import type { Node, Value } from '../onnx/model.js'
import { combine, Numbering, product, scaled, type Term } from './terms.js'
import { findUses, numberIn, type Uses } from './uses.js'
import { costOf, PairCounts, Writer, type Maker } from './writer.js'

/** Larger sums and products are left as they are. */
const most = 12

type Form = readonly Term[]
type Pair = readonly [Value, Value]

/** What every value that arithmetic makes is as a sum of products, where it is worth to know. */
class Forms {
  readonly of = new Map<Value, Form>()
  /** Values that went into the forms of others. */
  readonly joined = new Set<Value>()
  private readonly uses: Uses
  private readonly numbering: Numbering

  constructor(uses: Uses, numbering: Numbering) {
    this.uses = uses
    this.numbering = numbering
  }

  private whole = (value: Value): Term => {
    const number = numberIn(value)
    return number === undefined ? { scale: 1, factors: [value] } : { scale: number, factors: [] }
  }

  /** A value in a product: a sum is one factor of it. */
  private factor(value: Value): Term {
    const form = this.of.get(value)
    if (form?.length !== 1 || this.isMadeOnce(value, form)) return this.whole(value)
    this.joined.add(value)
    return form[0]!
  }

  /** A value in a sum. */
  private summands(value: Value): Form {
    const form = this.of.get(value)
    if (!form || this.isMadeOnce(value, form)) return [this.whole(value)]
    this.joined.add(value)
    return form
  }

  /**
   * A sum that several take; and what is scaled by a number that is known when it runs, such as a clipped gradient: an update is
   * then rounded in the same places whether it begins with the gradient or is the end of a whole iteration.
   */
  private isMadeOnce(value: Value, form: Form): boolean {
    const isOwn = this.uses.takersOf(value).length === 1 && !this.uses.isResult(value)
    return !isOwn && (form.length > 1 || form[0]!.factors.some(({ shape }) => shape.length === 0))
  }

  private readonly rules: { readonly [op: string]: (inputs: Pair) => Form | undefined } = {
    Add: ([a, b]) => [...this.summands(a), ...this.summands(b)],
    Sub: ([a, b]) => [...this.summands(a), ...scaled(this.summands(b), -1)],
    Neg: ([a]) => scaled(this.summands(a), -1),
    Mul: ([a, b]) => {
      const [left, right] = [numberIn(a), numberIn(b)]
      if (right !== undefined) return scaled(this.summands(a), right)
      if (left !== undefined) return scaled(this.summands(b), left)
      return [product(this.factor(a), this.factor(b), this.numbering)]
    },
    Div: ([a, b]) => {
      const number = numberIn(b)
      return number === undefined ? undefined : scaled(this.summands(a), 1 / number)
    },
    Pow: ([a, b]) => {
      const number = numberIn(b)
      if (number !== 2 && number !== 3) return undefined
      const one = this.factor(a)
      const square = product(one, one, this.numbering)
      return [number === 2 ? square : product(square, one, this.numbering)]
    },
  }

  /** Reads a node whose inputs have been read. */
  read({ op, domain, inputs, outputs }: Node): void {
    const [to] = outputs as readonly [Value]
    const rule = domain || to.type !== 'float32' || to.shape.length === 0 ? undefined : this.rules[op]
    const terms = rule?.(inputs as Pair)
    const form = terms && combine(terms, this.numbering)
    if (!form || form.length > most || form.some(({ factors }) => factors.length > most)) return
    const [{ scale, factors }] = form as [Term]
    const isTrivial = form.length === 1 && factors.length === 1 && scale === 1
    if (!isTrivial && form.some((term) => term.factors.length > 0)) this.of.set(to, form)
  }
}

/** The nodes of forms in groups, of which none has values of another in its products and sums. */
function splitGroups(nodes: readonly Node[], forms: Forms): Map<Node, Node[]> {
  const parents = new Map<Value, Value>()
  const rootOf = (value: Value): Value => {
    let root = value
    for (let next; (next = parents.get(root)); root = next);
    if (root !== value) parents.set(value, root)
    return root
  }
  for (const { inputs, outputs } of nodes)
    for (const value of inputs) {
      if (!value || !forms.joined.has(value)) continue
      const [from, to] = [rootOf(value), rootOf(outputs[0]!)]
      if (from !== to) parents.set(from, to)
    }
  const groups = new Map<Value, Node[]>()
  const groupOf = new Map<Node, Node[]>()
  for (const node of nodes) {
    const root = rootOf(node.outputs[0]!)
    let group = groups.get(root)
    if (!group) groups.set(root, (group = []))
    group.push(node)
    groupOf.set(node, group)
  }
  return groupOf
}

/**
 * Writes sums of products in fewer passes over the data: numbers are multiplied before tensors are, equal terms added up, and what
 * terms have in common is multiplied once. An operator of ONNX Runtime reads and writes whole arrays, and a gradient as tfjs
 * writes it is a sum over every place at which a tensor was used. A sum is never multiplied out, so no digits get lost; what would
 * not take less time stays as it was, to the bit.
 */
export function factor(nodes: readonly Node[], results: readonly Value[], maker: Maker): Node[] {
  const uses = findUses(nodes, results)
  const numbering = new Numbering()
  const forms = new Forms(uses, numbering)
  for (const node of nodes) forms.read(node)
  const formOf = ({ outputs }: Node) => forms.of.get(outputs[0]!)
  // What must be there as a tensor: what others take, and the sums that products are made of.
  const needed = new Set<Value>(results)
  for (const node of nodes.toReversed()) {
    const form = formOf(node)
    const takes = form ? form.flatMap(({ factors }) => factors) : node.inputs
    if (!form || needed.has(node.outputs[0]!)) for (const value of takes) if (value) needed.add(value)
  }
  const inForms = nodes.filter((node) => formOf(node))
  const groupOf = splitGroups(inForms, forms)
  const instead = new Map<Node, Node[]>()
  for (const group of new Set(groupOf.values())) {
    if (group.length < 2) continue
    const roots = group.filter(({ outputs }) => needed.has(outputs[0]!))
    const pairs = new PairCounts(numbering)
    for (const root of roots) pairs.add(formOf(root)!)
    // Of two ways to share a product the program's own.
    for (const { op, inputs } of group) if (op === 'Mul') pairs.prefer(inputs as Pair)
    const writer = new Writer(numbering, pairs, maker)
    const written = roots.map((root): [Node, Node[]] => {
      writer.sum(formOf(root)!, root.outputs[0]!)
      return [root, writer.take()]
    })
    const cost = (list: readonly Node[]) => list.reduce((sum, node) => sum + costOf(node), 0)
    if (cost(written.flatMap(([, list]) => list)) >= cost(group)) continue
    for (const node of group) instead.set(node, [])
    for (const [root, list] of written)
      instead.set(root, list.map((node) => ({ ...node, call: root.call }))) // oxfmt-ignore
  }
  return instead.size === 0 ? [...nodes] : nodes.flatMap((node) => instead.get(node) ?? node)
}
