import { broadcast } from '../graph.js'
import type { Node, Value } from '../onnx/model.js'
import { sizeOf } from '../onnx/types.js'
import { commonFactors, divide, mostFrequent, product, scaled, type Numbering, type Term } from './terms.js'
import { numberIn } from './uses.js'

const size = ({ shape }: Value): number => sizeOf(shape)

/** What starts an operator, in elements that it could do meanwhile; less for a scalar, which many parts of a graph share. */
const start = 4000
const startOfScalar = 1000

/** What a pass takes, in elements of two arrays that are read and one that is written. */
export function costOf({ inputs, outputs }: Node): number {
  const [to] = outputs as readonly [Value]
  if (to.shape.length === 0) return startOfScalar
  const large = new Set(inputs.filter((value) => value && size(value) === size(to))).size
  return start + size(to) * (large > 1 ? 1 : 0.6)
}

/** Makes values for a graph. */
export interface Maker {
  /** What a node will make, of float32. */
  fresh(shape: readonly number[]): Value
  /** A constant of rank 0, the same for the same number. */
  constant(number: number): Value
}

/** How often two factors stand in one product. */
export class PairCounts {
  private readonly counts = new Map<string, number>()
  private readonly numbering: Numbering

  constructor(numbering: Numbering) {
    this.numbering = numbering
  }

  private keyOf(a: Value, b: Value): string {
    return this.numbering.textOf(this.numbering.sort([a, b]))
  }

  private count(pair: string, by: number): void {
    this.counts.set(pair, (this.counts.get(pair) ?? 0) + by)
  }

  add(terms: readonly Term[]): void {
    for (const { factors } of terms) {
      const pairs = new Set<string>()
      for (let a = 0; a < factors.length; a++)
        for (let b = a + 1; b < factors.length; b++) pairs.add(this.keyOf(factors[a]!, factors[b]!))
      for (const pair of pairs) this.count(pair, 1)
    }
  }

  /** Makes more of a pair than of another that stands in as many products. */
  prefer([a, b]: readonly [Value, Value]): void {
    this.count(this.keyOf(a, b), 0.5)
  }

  of(a: Value, b: Value): number {
    return this.counts.get(this.keyOf(a, b)) ?? 0
  }
}

/** Writes sums of products as nodes, each product that it has made once. */
export class Writer {
  private nodes: Node[] = []
  private readonly made = new Map<string, Value>()
  private readonly numbering: Numbering
  private readonly pairs: PairCounts
  private readonly maker: Maker

  constructor(numbering: Numbering, pairs: PairCounts, maker: Maker) {
    this.numbering = numbering
    this.pairs = pairs
    this.maker = maker
  }

  /** Takes the nodes that were written since the last call. */
  take(): Node[] {
    const { nodes } = this
    this.nodes = []
    return nodes
  }

  private keyOf(op: string, a: Value, b: Value): string {
    return `${op} ${this.numbering.textOf(op === 'Sub' ? [a, b] : this.numbering.sort([a, b]))}`
  }

  private binary(op: 'Add' | 'Sub' | 'Mul', a: Value, b: Value, to?: Value): Value {
    const key = this.keyOf(op, a, b)
    const known = this.made.get(key)
    if (known && !to) return known
    const value = to ?? this.maker.fresh(broadcast(a.shape, b.shape))
    if (!known) this.made.set(key, value)
    this.nodes.push({ op, inputs: [a, b], outputs: [value], attributes: {} })
    return value
  }

  /** `to`: what the last node shall make; a value of its own otherwise. */
  sum(terms: readonly Term[], to?: Value): Value {
    if (terms.length === 1) return this.product(terms[0]!.factors, terms[0]!.scale, to)
    const scale = Math.abs(terms[0]!.scale)
    const tensors = terms.filter(({ factors }) => factors.length > 0)
    if (scale !== 1 && tensors.length > 1 && terms.every((term) => Math.abs(term.scale) === scale))
      return this.binary('Mul', this.sum(scaled(terms, 1 / scale)), this.maker.constant(scale), to)
    const common = commonFactors(terms)
    if (common.length > 0) return this.multiplied(common, divide(terms, common), to)
    return this.add(this.partsOf(terms), to)
  }

  /** `common` times the sum of `terms`. */
  private multiplied(common: readonly Value[], terms: readonly Term[], to?: Value): Value {
    // s + x s e as it stands, not s (1 + x e), if x s is there already: a pass less.
    const others = terms.filter(({ scale, factors }) => scale !== 1 || factors.length > 0)
    const inOthers = others.length === terms.length - 1 ? commonFactors(others) : []
    const at = common.findIndex((a) => inOthers.some((b) => this.made.has(this.keyOf('Mul', a, b))))
    if (at < 0) return this.product([...common, this.sum(terms)], 1, to)
    const one: Term = { scale: 1, factors: [common[at]!] }
    const rest = common.toSpliced(at, 1)
    const products = this.sum(others.map((term) => product(term, one, this.numbering)))
    if (rest.length === 0) return this.binary('Add', common[at]!, products, to)
    return this.product([...rest, this.binary('Add', common[at]!, products)], 1, to)
  }

  /** Summands: those that share a factor as one. */
  private partsOf(terms: readonly Term[]): { value: Value; sign: number }[] {
    const shared = mostFrequent(terms, size)
    const part = ({ scale, factors }: Term) => ({
      value:
        factors.length > 0 ? this.product(factors, Math.abs(scale)) : this.maker.constant(Math.abs(scale)),
      sign: Math.sign(scale),
    })
    if (!shared) return terms.map(part)
    const isIn = ({ factors }: Term) => factors.includes(shared)
    const rest = terms.filter((term) => !isIn(term))
    return [{ value: this.sum(terms.filter(isIn)), sign: 1 }, ...this.partsOf(rest)]
  }

  private add(parts: readonly { value: Value; sign: number }[], to?: Value): Value {
    // Small ones first; a constant last, unless all else is taken from it.
    const rank = ({ value }: { value: Value }) => (numberIn(value) === undefined ? size(value) : Infinity)
    const [...left] = parts.toSorted((a, b) => rank(a) - rank(b))
    const first = left.findIndex(({ sign }) => sign > 0)
    let [{ value, sign }] = left.splice(Math.max(first, 0), 1) as [(typeof left)[0]]
    if (sign < 0) value = this.product([value], -1)
    for (const [at, part] of left.entries())
      value = this.binary(
        part.sign > 0 ? 'Add' : 'Sub',
        value,
        part.value,
        at === left.length - 1 ? to : undefined,
      )
    return value
  }

  /** What is small is multiplied first, and of equals what is in other products too. */
  private product(factors: readonly Value[], scale: number, to?: Value): Value {
    const left = [...factors, ...(scale === 1 ? [] : [this.maker.constant(scale)])]
    while (left.length > 1) {
      const isLast = left.length === 2
      let best: { a: number; b: number; rank: readonly number[] } | undefined
      for (let a = 0; a < left.length; a++)
        for (let b = a + 1; b < left.length; b++) {
          const [x, y] = [left[a]!, left[b]!]
          const known = this.made.has(this.keyOf('Mul', x, y)) ? 0 : 1
          const rank = [known, sizeOf(broadcast(x.shape, y.shape)), -this.pairs.of(x, y)]
          const at = best ? rank.findIndex((number, place) => number !== best!.rank[place]) : 0
          if (!best || (at >= 0 && rank[at]! < best.rank[at]!)) best = { a, b, rank }
        }
      const { a, b } = best!
      const [second] = left.splice(b, 1) as [Value]
      const [first] = left.splice(a, 1) as [Value]
      left.push(this.binary('Mul', first, second, isLast ? to : undefined))
    }
    return left[0]!
  }
}
