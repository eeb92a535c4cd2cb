import { cleanLine, safeHtml } from './clean.js'
import { formatCount, formatValue } from './format.js'

/** A table as it is shown: the same rows as HTML and as text. */
export interface TableView {
  columns: readonly string[]
  rows: readonly (readonly unknown[])[]
  /** A line above it. */
  title?: string
  /** A line below it, e.g. how many rows there are in all. */
  note?: string
  /** Rows with something to see, drawn in bold. */
  strong?: (row: number) => boolean
}

const cellLimit = 60

/** HTML with no script and few styles, so that GitHub's rules leave it as it is. Everything in it is escaped. */
export function tableHtml(view: TableView): string {
  const right = view.columns.map((_, column) => view.rows.every((row) => isNumeric(row[column])))
  const cells = (tag: 'td' | 'th', values: readonly unknown[]) =>
    values
      .map(
        (value, column) =>
          `<${tag} style="text-align:${right[column] ? 'right' : 'left'}">${safeCell(value)}</${tag}>`,
      )
      .join('')
  const head = view.columns.length ? `<thead><tr>${cells('th', view.columns)}</tr></thead>` : ''
  const body = view.rows
    .map((row, i) => `<tr${view.strong?.(i) ? ' style="font-weight:600"' : ''}>${cells('td', row)}</tr>`)
    .join('\n')
  const title = view.title ? `<p><b>${safeHtml(view.title)}</b></p>\n` : ''
  const note = view.note ? `\n<p>${safeHtml(view.note)}</p>` : ''
  return `<div>${title}<table class="table">${head}<tbody>\n${body}\n</tbody></table>${note}</div>`
}

/** The same for a terminal: columns aligned by the number of characters. */
export function tableText(view: TableView): string {
  const all = [view.columns, ...view.rows].map((row) =>
    row.map((value) => cleanLine(cellText(value), cellLimit)),
  )
  const right = view.columns.map((_, column) => view.rows.every((row) => isNumeric(row[column])))
  const widths = view.columns.map((_, column) =>
    Math.max(...all.map((row) => [...(row[column] ?? '')].length)),
  )
  const lines = all.map((row) =>
    row
      .map((text, column) => {
        const space = ' '.repeat(Math.max(0, widths[column]! - [...text].length))
        return right[column] ? space + text : text + space
      })
      .join('  ')
      .trimEnd(),
  )
  if (view.columns.length) lines.splice(1, 0, widths.map((width) => '─'.repeat(width)).join('  '))
  const grid = view.columns.length || view.rows.length ? lines : []
  return [view.title ? cleanLine(view.title, 200) : [], grid, view.note ? cleanLine(view.note, 200) : []]
    .flat()
    .join('\n')
}

const isNumeric = (value: unknown) =>
  (typeof value === 'string' && /^\d+$/.test(value)) ||
  typeof value === 'number' ||
  typeof value === 'bigint' ||
  value === null ||
  value === undefined

function cellText(value: unknown): string {
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString().replace('T00:00:00.000Z', '')
  return formatValue(value)
}

const safeCell = (value: unknown) => safeHtml(cleanLine(cellText(value), cellLimit))

/** At most `limit` rows of many, and the line that says so. */
export function firstRows<Row>(
  rows: readonly Row[],
  limit: number,
  columns: number,
): { rows: readonly Row[]; note: string } {
  const size = `${formatCount(rows.length)} ${rows.length === 1 ? 'row' : 'rows'} × ${formatCount(columns)} ${columns === 1 ? 'column' : 'columns'}`
  if (rows.length <= limit) return { rows, note: size }
  return { rows: rows.slice(0, limit), note: `first ${limit} of ${size}` }
}
