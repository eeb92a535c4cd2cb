import type { Adjustment, RunView } from '../../../views.js'
import { groupAdjustments } from './adjustment-groups.js'
import { inRows } from './label-rows.js'
import { colours } from '../../look.js'
import { pixels } from '../../places.js'
import type { Part } from '../../spec.js'

const rowHeight = 15
/** Of more the latest are drawn. */
const mostMarks = 100

const marksOf = (adjustments: readonly Adjustment[]) => groupAdjustments(adjustments).slice(-mostMarks)

/** How many marks the adjustments of a run take. */
export const countMarks = ({ adjustments }: RunView): number => marksOf(adjustments).length

/** A dashed line through a panel at the iteration of each adjustment. */
export function adjustmentLines(adjustments: readonly Adjustment[]): Part {
  return {
    data: { values: marksOf(adjustments).map(({ at, text }) => ({ x: at, adjustment: text })) },
    mark: { type: 'rule', strokeDash: [3, 3], strokeWidth: 1, color: colours.adjustment },
    encoding: { tooltip: [{ field: 'adjustment' }, { field: 'x', title: 'after iteration' }] },
  }
}

/**
 * The panel above the plot that says what each line means, in as many rows as the texts need. Where they are too many
 * for that, the later ones of a crowd keep their line and lose their text.
 */
export function adjustmentLabels(
  adjustments: readonly Adjustment[],
  end: number,
  x: Part,
  { gap, width }: { gap: number; width: number },
): Part | undefined {
  const labels = inRows(marksOf(adjustments), end, width)
  if (labels.length === 0) return undefined
  const rows = Math.max(...labels.map((label) => label.row)) + 1
  const height = rows * rowHeight
  const values = labels.map(({ row, ...label }) => ({ ...label, top: (rows - 1 - row) * rowHeight }))
  // Of several at one iteration the highest line is that of all: dashes over dashes would be solid.
  const lines = [...new Set(values.map(({ x: at }) => at))].map((at) => ({
    x: at,
    top: Math.min(...values.filter((one) => one.x === at).map(({ top }) => top)),
  }))
  const text = (left: boolean) => ({
    transform: [{ filter: { field: 'left', equal: left } }],
    mark: {
      type: 'text',
      align: left ? 'left' : 'right',
      baseline: 'top',
      dx: left ? 4 : -4,
      color: colours.adjustment,
    },
    encoding: { y: { field: 'top', type: 'quantitative', scale: null }, text: { field: 'text' } },
  })
  return {
    width,
    height,
    data: { values },
    encoding: { x },
    layer: [
      {
        data: { values: lines },
        mark: { type: 'rule', strokeWidth: 1, color: colours.adjustment, strokeDash: [3, 3] },
        encoding: {
          y: pixels('top'),
          y2: { value: height + gap },
        },
      },
      text(true),
      text(false),
    ],
  }
}
