import type { Adjustment } from '../../../views.js'
import { adjustmentLines } from './adjustment-marks.js'
import { beyondText, scaled, yOf, type Axis, type Course } from './axes.js'
import { cleanTitle } from '../../clean.js'
import { evaluatedOf, evaluationMarks } from './evaluation-marks.js'
import { words } from '../../format.js'
import { colours, series } from '../../look.js'
import { fitScale } from '../../scale.js'
import type { Part } from '../../spec.js'

/** A metric at the evaluations; undefined where there is none. */
export function metricPanel(
  metric: string,
  runs: readonly Course[],
  adjustments: readonly Adjustment[],
  most: number,
  x: Axis,
): Part | undefined {
  const fit = fitScale(
    runs.map((run) => scaled(evaluatedOf(run, metric, most))),
    { whole: x.whole },
  )
  const y = yOf(words(cleanTitle(metric, 30)), fit)
  const marks = runs
    .toReversed()
    .flatMap((run) => evaluationMarks(run, metric, run.name, { thin: runs.length > 1, y, most }))
  if (marks.length === 0) return undefined
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
      ...beyondText(fit),
      ...marks.map((layer) => {
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
