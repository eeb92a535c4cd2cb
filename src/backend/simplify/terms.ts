import type { Value } from '../onnx/model.js'

/** A number times a product of tensors. */
export interface Term {
  scale: number
  /** In the order of their numbers (`Numbering`), a square twice. */
  factors: readonly Value[]
}

/** Numbers for values, in the order in which they are first met. */
export class Numbering {
  private readonly numbers = new Map<Value, number>()

  of(value: Value): number {
    let number = this.numbers.get(value)
    if (number === undefined) this.numbers.set(value, (number = this.numbers.size))
    return number
  }

  sort(values: readonly Value[]): Value[] {
    return values.toSorted((a, b) => this.of(a) - this.of(b))
  }

  textOf(values: readonly Value[]): string {
    return values.map((value) => this.of(value)).join()
  }
}

export const scaled = (terms: readonly Term[], by: number): Term[] =>
  terms.map(({ scale, factors }) => ({ scale: scale * by, factors }))

export const product = (a: Term, b: Term, numbering: Numbering): Term => ({
  scale: a.scale * b.scale,
  factors: numbering.sort([...a.factors, ...b.factors]),
})

/** Scales outside of this lose digits in float32, or are none. */
const isUsual = (scale: number): boolean => Math.abs(scale) > 1e-30 && Math.abs(scale) < 1e30

/** Terms of the same factors as one. `undefined` where some cancel (what is infinite in them shall not get lost) or have extreme scales. */
export function combine(terms: readonly Term[], numbering: Numbering): Term[] | undefined {
  const byFactors = new Map<string, Term>()
  for (const { scale, factors } of terms) {
    const key = numbering.textOf(factors)
    byFactors.set(key, { scale: (byFactors.get(key)?.scale ?? 0) + scale, factors })
  }
  const combined = [...byFactors.values()]
  return combined.every(({ scale }) => isUsual(scale)) ? combined : undefined
}

/** The factors that all terms have. */
export function commonFactors(terms: readonly Term[]): Value[] {
  let common = [...terms[0]!.factors]
  for (const { factors } of terms.slice(1)) {
    const left = [...factors]
    common = common.filter((value) => {
      const at = left.indexOf(value)
      if (at >= 0) left.splice(at, 1)
      return at >= 0
    })
  }
  return common
}

/** The terms without these factors, which all of them have. */
export function divide(terms: readonly Term[], by: readonly Value[]): Term[] {
  return terms.map(({ scale, factors }) => {
    const left = [...factors]
    for (const value of by) left.splice(left.indexOf(value), 1)
    return { scale, factors: left }
  })
}

/** The factor that most terms have, where two or more do: the larger tensor of two. */
export function mostFrequent(terms: readonly Term[], sizeOf: (value: Value) => number): Value | undefined {
  const counts = new Map<Value, number>()
  for (const { factors } of terms)
    for (const value of new Set(factors)) counts.set(value, (counts.get(value) ?? 0) + 1)
  let best: Value | undefined
  for (const [value, count] of counts) {
    if (count < 2) continue
    const than = best ? counts.get(best)! : 0
    if (!best || count > than || (count === than && sizeOf(value) > sizeOf(best))) best = value
  }
  return best
}
