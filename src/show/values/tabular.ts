import { maybeAdjustments } from '../charts/run/adjustments.js'
import { firstRows, type TableView } from '../table.js'

const mostRows = 20
const mostColumns = 20

/** What is used of an arquero table (or of anything that has these). */
interface ColumnTable {
  columnNames(): string[]
  numRows(): number
  objects(options?: { limit?: number }): { [column: string]: unknown }[]
}

/** A table: arquero's, or an array of two or more records with mostly the same fields. */
export function maybeTable(value: object): TableView | undefined {
  if (isColumnTable(value)) return columnTable(value)
  // `every` passes over holes.
  if (!Array.isArray(value) || value.length === 0 || value.slice(0, 50).includes(undefined)) return undefined
  return maybeAdjustments(value) ?? (value.length < 2 ? undefined : recordTable(value))
}

export function isColumnTable(value: object): value is ColumnTable {
  const table = value as Partial<ColumnTable>
  return (
    typeof table.columnNames === 'function' &&
    typeof table.numRows === 'function' &&
    typeof table.objects === 'function'
  )
}

function columnTable(table: ColumnTable): TableView {
  const names = table.columnNames()
  const shown = names.slice(0, mostColumns)
  const records = table.objects({ limit: mostRows })
  const { note } = firstRows(
    { length: table.numRows(), slice: () => [] } as unknown as unknown[],
    mostRows,
    names.length,
  )
  return {
    columns: shown,
    rows: records.map((record) => shown.map((name) => record[name])),
    note: shown.length < names.length ? `${note}, the first ${mostColumns} shown` : note,
  }
}

function recordTable(records: readonly unknown[]): TableView | undefined {
  const looked = records.slice(0, 50)
  if (!looked.every(isRecord)) return undefined
  const fields = [...new Set(looked.flatMap((record) => Object.keys(record)))]
  const filled = looked.reduce((sum, record) => sum + Object.keys(record).length, 0)
  const flat = looked.every((record) => Object.values(record).every(isCell))
  // A list of different things is no table, and nested values read better as text.
  if (fields.length === 0 || !flat || filled < 0.6 * fields.length * looked.length) return undefined
  const shown = fields.slice(0, mostColumns)
  const { rows, note } = firstRows(records as { [field: string]: unknown }[], mostRows, fields.length)
  return {
    columns: shown,
    rows: rows.map((record) => shown.map((field) => record[field])),
    note: shown.length < fields.length ? `${note}, the first ${mostColumns} shown` : note,
  }
}

function isRecord(value: unknown): value is { [field: string]: unknown } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}

const isCell = (value: unknown) => value === null || typeof value !== 'object' || value instanceof Date
