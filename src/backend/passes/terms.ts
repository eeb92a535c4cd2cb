import type { Value } from '../onnx/model.js'

/** A number times a product of values. */
export interface Term {
  scale: number
  /** Sorted by name, a square twice. */
  factors: readonly Value[]
}

/** A sum of products. */
export type Form = readonly Term[]

const sorted = (values: readonly Value[]): Value[] =>
  values.toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)))

export const scaled = (form: Form, by: number): Form =>
  form.map(({ scale, factors }) => ({ scale: scale * by, factors }))

export const product = (one: Form, other: Form): Form =>
  one.flatMap((a) =>
    other.map((b) => ({ scale: a.scale * b.scale, factors: sorted([...a.factors, ...b.factors]) })),
  )

/** Terms of the same factors as one. */
export function combined(form: Form): Form {
  const byFactors = new Map<string, Term>()
  for (const { scale, factors } of form) {
    const key = factors.map(({ name }) => name).join(' ')
    byFactors.set(key, { scale: (byFactors.get(key)?.scale ?? 0) + scale, factors })
  }
  return [...byFactors.values()]
}

/** The scale of the term of these factors and no others; 0 where there is none. */
export function scaleOf(form: Form, factors: readonly Value[]): number {
  const wanted = sorted(factors)
  const term = form.find(
    (one) => one.factors.length === wanted.length && one.factors.every((value, at) => value === wanted[at]),
  )
  return term?.scale ?? 0
}
