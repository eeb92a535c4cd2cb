import { cleanLine } from '../../clean.js'
import { formatNumber } from '../../format.js'
import { colours, width } from '../../look.js'
import { pixels } from '../../places.js'
import type { Part } from '../../spec.js'
import type { TableView } from '../../table.js'

/** Room for the labels of the axis above: panels stand as close as their plots. */
export const belowAxis = (height: number): Part => ({
  width,
  height,
  data: { values: [{}] },
  mark: { type: 'point', opacity: 0 },
})

/** A table drawn with marks, for a place where HTML cannot stand beside a chart. */
export function tablePanel(view: TableView, most = 30): Part {
  const rows = view.rows.slice(0, most)
  const rowHeight = 20
  const wide = width / (view.columns.length + 0.5)
  const values = [view.columns, ...rows].flatMap((row, line) =>
    row.map((value, column) => ({
      x: column === 0 ? 0 : (column + 0.5) * wide,
      y: line * rowHeight,
      text: cleanLine(typeof value === 'number' ? formatNumber(value) : value, 40),
      head: line === 0 || column === 0,
    })),
  )
  return {
    width,
    height: (rows.length + 1) * rowHeight + 6,
    layer: [
      {
        data: { values: rows.map((_, line) => ({ y: (line + 1) * rowHeight })) },
        mark: { type: 'rule', color: colours.line },
        encoding: { y: pixels('y'), x: { value: 0 }, x2: { value: width } },
      },
      {
        data: { values },
        mark: { type: 'text', align: 'left', baseline: 'middle', dy: 12, fontSize: 12, limit: wide - 6 },
        encoding: {
          x: pixels('x'),
          y: pixels('y'),
          text: { field: 'text' },
          color: { condition: { test: 'datum.head', value: colours.quiet }, value: colours.ink },
        },
      },
    ],
  }
}
