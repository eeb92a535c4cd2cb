import type { Adjustment } from '../../../views.js'
import { groupAdjustments } from './adjustment-groups.js'
import { firstRows, type TableView } from '../../table.js'

const mostRows = 50

/** `run.adjustments` as a table: after which iteration, what changed, and why; many of one kind and reason are a row. */
export function maybeAdjustments(records: readonly unknown[]): TableView | undefined {
  if (!records.every(isAdjustment)) return undefined
  const groups = groupAdjustments(records)
  const columns = ['after iteration', 'change', ...(records.some(({ why }) => why) ? ['why'] : [])]
  const { rows, note } = firstRows(groups, mostRows, columns.length)
  return {
    columns,
    rows: rows.map((one) => [one.at, one.text, one.why ?? ''].slice(0, columns.length)),
    note,
  }
}

function isAdjustment(value: unknown): value is Adjustment {
  if (typeof value !== 'object' || value === null) return false
  const { at, what } = value as Adjustment
  return typeof at === 'number' && typeof what === 'string' && 'from' in value && 'to' in value
}
