import type { Adjustment } from '../../../views.js'
import { adjustmentLines } from './adjustment-marks.js'
import { onOneScale, type Axis, type Course } from './axes.js'
import { cleanTitle } from '../../clean.js'
import { evaluationMarks } from './evaluation-marks.js'
import { words } from '../../format.js'
import { colours, series } from '../../look.js'
import type { Part } from '../../spec.js'

/** A metric at the evaluations; undefined where there is none. */
export function metricPanel(
  metric: string,
  runs: readonly Course[],
  adjustments: readonly Adjustment[],
  most: number,
  x: Axis,
): Part | undefined {
  const marks = runs
    .toReversed()
    .flatMap((run) => evaluationMarks(run, metric, run.name, runs.length > 1, most))
  if (marks.length === 0) return undefined
  const layers = onOneScale(marks, words(cleanTitle(metric, 30)), { zero: false, nice: true })
  const scale = {
    domain: runs.map((run) => run.name),
    range: runs.length > 1 ? runs.map((_, i) => series[i % series.length]!) : [colours.evaluation],
  }
  return {
    width: x.width,
    height: 110,
    encoding: { x: x.inner },
    layer: [
      adjustmentLines(adjustments),
      ...layers.map((layer) => {
        const encoding = layer.encoding as { y: Part; color: Part }
        return {
          ...layer,
          encoding: {
            y: encoding.y,
            color: { ...encoding.color, scale, legend: null },
          },
        }
      }),
    ],
  }
}
