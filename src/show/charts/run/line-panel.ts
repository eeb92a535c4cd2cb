import type { Adjustment } from '../../../views.js'
import { adjustmentLines } from './adjustment-marks.js'
import { beyondText, scaled, yOf, type Axis, type Course } from './axes.js'
import type { HistoryLines, Line } from './history-lines.js'
import { series } from '../../look.js'
import { fitScale } from '../../scale.js'
import type { Part } from '../../spec.js'

/** Of the run and those beside it: a schedule takes as many points as it bends, and steps stay steps. */
export const ratesOf = (runs: readonly Course[], most: number, lines: HistoryLines): Line[] =>
  runs.map(({ history }, i) => lines.rates(history, i === 0 ? most : Math.min(100, most)))

/** Lines of the run and of those beside it, which have the colours they have in the panels above. */
export function linePanel(
  title: string,
  color: string,
  lines: readonly Line[],
  adjustments: readonly Adjustment[],
  x: Axis,
  noisy = false,
): Part | undefined {
  if (lines.every((line) => line.length === 0)) return undefined
  // A rate is a plan, and read as a whole.
  const fit = fitScale(
    lines.map((line) => scaled(line, noisy)),
    { whole: !noisy || x.whole, zero: true, ...(!noisy && { log: false }) },
  )
  const y = yOf(title, fit, 3)
  const colourOf = (i: number) => (lines.length === 1 ? color : series[i % series.length]!)
  return {
    width: x.width,
    height: 76,
    encoding: { x: x.inner },
    layer: [
      adjustmentLines(adjustments),
      ...beyondText(fit),
      ...lines
        .map((line, i) => ({
          data: { values: line },
          mark: { type: 'line', clip: true, strokeWidth: 1.2, color: colourOf(i) },
          encoding: {
            y,
          },
        }))
        .toReversed(),
    ],
  }
}
