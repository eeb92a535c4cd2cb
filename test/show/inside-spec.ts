import type { Spec } from '../../src/show/spec.js'

type Row = { [field: string]: unknown }

/** Every object inside a spec, the spec itself first. */
export function* partsOf(value: unknown): Generator<Row> {
  if (Array.isArray(value)) for (const item of value) yield* partsOf(item)
  else if (value !== null && typeof value === 'object') {
    yield value as Row
    for (const [name, item] of Object.entries(value)) if (name !== 'values') yield* partsOf(item)
  }
}

/** The data of the spec: one array for each `data: { values }`. */
export function dataOf(spec: Spec | Row): Row[][] {
  return [...partsOf(spec)].flatMap((part) => (part.data ? [(part.data as { values: Row[] }).values] : []))
}

/** The rows that marks of this type draw. */
export function rowsOfMark(spec: Spec | Row, type: string): Row[] {
  return [...partsOf(spec)].flatMap((part) => {
    const mark = part.mark as { type?: string } | string | undefined
    const own = typeof mark === 'string' ? mark : mark?.type
    return own === type && part.data ? (part.data as { values: Row[] }).values : []
  })
}
