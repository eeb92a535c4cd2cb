import { describe, InputError } from '../../errors.js'
import { say } from '../../say.js'
import { fieldOf, quote, quoteAll } from '../code.js'

/** A row of a table: a value for each field. */
export type DataRecord = { readonly [field: string]: unknown }

/** Where records come from, for messages: which of them, and how the ones to use are chosen. */
export interface RecordsAt {
  name: string
  /** The number of the first of these. */
  first: number
  /** Whether they come from a file or a stream, so that there is no array to filter. */
  streamed: boolean
}

/** A field, several of numbers that are stacked, or such by the names of the parts they make. */
export type Chosen = string | readonly string[] | { readonly [part: string]: string | readonly string[] }

/** Which field of the records is for what. */
export interface Fields {
  x: Chosen
  y: Exclude<Chosen, readonly string[]> | undefined
}

/** The names of all fields that are chosen. */
const namesIn = (chosen: Chosen): string[] =>
  typeof chosen === 'string' ? [chosen] : Object.values(chosen).flat()

/** The values of what is chosen; `as`: what each single field is taken for. */
export function choose(
  records: readonly DataRecord[],
  chosen: Chosen,
  at: RecordsAt,
  as: (values: unknown[]) => unknown[] = (values) => values,
): unknown {
  if (typeof chosen === 'string') return as(pick(records, chosen, at))
  if (Array.isArray(chosen)) return stack(records, chosen as readonly string[], at)
  return Object.fromEntries(
    Object.entries(chosen).map(([part, fields]) => [part, choose(records, fields as Chosen, at, as)]),
  )
}

/** Row numbers that pandas writes beside a table: they say where an example stood, and a model would learn that by heart. */
const rowNumbers = /^(Unnamed: 0|__index_level_\d+__)$/

/** The fields as they were named, or as the records suggest. */
export function findFields(
  records: readonly DataRecord[],
  options: { x?: Chosen; y?: Fields['y']; id?: string; fields?: readonly string[] },
  name: string,
): Fields {
  const { id, fields = [] } = options
  const known = Object.keys(records[0]!)
  const y = options.y ?? (known.includes('y') ? 'y' : undefined)
  const ofY = y === undefined ? [] : namesIn(y)
  let others = known.filter((field) => !ofY.includes(field) && field !== id && !fields.includes(field))
  const numbered = others.filter((field) => rowNumbers.test(field))
  if (options.x === undefined && numbered.length > 0 && numbered.length < others.length) {
    others = others.filter((field) => !numbered.includes(field))
    say(
      `${name}: ${quoteAll(numbered)} is left out of x, since pandas calls its row numbers so. To use it, name the fields: { x: ${quoteAll([...numbered, ...others])} }.`,
    )
  }
  const beside = others.filter((field) => field !== 'x')
  if (options.x === undefined && beside.length > 0 && beside.length < others.length)
    say(
      `${name}: ${quoteAll(beside)} is left out, since the field x is what the model gets. To have it in each batch: { fields: ${quoteAll(beside)} }.`,
    )
  const x = options.x ?? (known.includes('x') ? 'x' : isTaken(records, others) ? others[0]! : others)
  for (const field of [namesIn(x), ofY, id ?? [], fields].flat())
    if (!known.includes(field))
      throw new InputError({
        where: name,
        received: `the field ${describe(field)}`,
        expected: `one of ${describe(known)}`,
      })
  return { x, y }
}

/** Whether the one field that is left is taken as it is: a text or a list is what the model gets, several numbers are stacked. */
function isTaken(records: readonly DataRecord[], others: readonly string[]): boolean {
  const [field] = others
  if (others.length !== 1) return false
  const first = records[0]![field!]
  return Array.isArray(first) || ArrayBuffer.isView(first)
    ? true
    : records.every((record: DataRecord) => typeof record?.[field!] === 'string')
}

/** The values of one field. */
export function pick(records: readonly DataRecord[], field: string, at: RecordsAt): unknown[] {
  const values = records.map((record, row) => present(record, row, field, at))
  if (at.first === 0 && values.every((value) => typeof value === 'string' && decimalComma.test(value)))
    say(
      `${at.name}.${field}: texts such as ${quote(String(values[0]))} look like numbers with a decimal comma, and are taken as texts. As numbers: { csv: { separator: ';', decimal: ',' } }.`,
    )
  return values
}

const decimalComma = /^\s*[+-]?[\d.]*\d,\d+\s*$/

/** Several fields of numbers as one matrix. */
export function stack(
  records: readonly DataRecord[],
  fields: readonly string[],
  at: RecordsAt,
): (number | bigint)[][] {
  return records.map((record, row) =>
    fields.map((field) => {
      const value = present(record, row, field, at)
      if (typeof value === 'number' || typeof value === 'bigint') return value
      if (typeof value === 'boolean') return value ? 1 : 0
      throw new InputError({
        where: `${at.name}.${field}`,
        received: `${describe(value)} in record ${at.first + row}`,
        expected: 'a number',
        fix: fixFor(value, field, fields),
      })
    }),
  )
}

function fixFor(value: unknown, field: string, fields: readonly string[]): string {
  if (typeof value === 'string' && decimalComma.test(value))
    return "Is that a decimal comma? { csv: { separator: ';', decimal: ',' } } reads it."
  if (Array.isArray(value) || ArrayBuffer.isView(value))
    return `A list is taken by itself: { x: ${quote(field)} }.`
  const others = fields.filter((other) => other !== field)
  return others.length > 0
    ? `Name the fields the model gets, without this one: { x: ${quoteAll(others)} }, or turn it into numbers first.`
    : 'Turn it into numbers first.'
}

function present(record: DataRecord, row: number, field: string, at: RecordsAt): unknown {
  const { name, first, streamed } = at
  if (typeof record !== 'object' || record === null)
    throw new InputError({
      where: name,
      received: `${describe(record)} in place of record ${first + row}`,
      expected: 'an object with a value for each field',
      fix: streamed
        ? 'Leave such records out: { where: (record) => record != null }.'
        : 'Leave such records out first: records.filter((record) => record != null).',
    })
  const value = record[field]
  if (value !== undefined && value !== null && (typeof value !== 'number' || Number.isFinite(value)))
    return value
  const test = typeof value === 'number' ? `Number.isFinite(${fieldOf(field)})` : `${fieldOf(field)} != null`
  throw new InputError({
    where: `${name}.${field}`,
    received: `${describe(value)} in record ${first + row}`,
    expected: typeof value === 'number' ? 'a finite number in every record' : 'a value in every record',
    fix: streamed
      ? `Leave such records out: { where: (record) => ${test} }.`
      : `Leave such records out first: records.filter((record) => ${test}).`,
  })
}

/** Truth values as text, so that they become the classes 'false' and 'true'. */
export function targets(values: unknown[]): unknown[] {
  return values.every((value) => typeof value === 'boolean') ? values.map(String) : values
}
