import type { RunView } from '../../../views.js'
import type { Point } from '../downsample.js'
import { formatNumber } from '../../format.js'
import { colours } from '../../look.js'
import { axisTicks, type FittedScale, type ScaledLine } from '../../scale.js'
import type { Part } from '../../spec.js'

/** What is drawn of a run: the one that is shown, and those beside it. */
export type Course = Pick<RunView, 'name' | 'history' | 'evaluations'>

/** What the panels of a chart share: the iterations, and how many pixels they are wide. */
export interface Axis {
  width: number
  end: number
  /** Every value is shown, not the recent part. */
  whole: boolean
  hidden: Part
  inner: Part
  last: Part
}

/** The iterations that all panels share, with labels below the last only. */
export function axis(
  runs: readonly Course[],
  view: RunView,
  { width, whole }: { width: number; whole: boolean },
): Axis {
  const end = Math.max(
    1,
    view.iteration,
    view.undone?.iteration.at(-1) ?? 0,
    ...view.adjustments.map((adjustment) => adjustment.at),
    ...runs.map((run) => run.history.iteration[run.history.length - 1] ?? 0),
  )
  const scale = { domain: [0, end], nice: false }
  const title = 'iteration'
  const tickCount = width < 400 ? 4 : 8
  return {
    width,
    end,
    whole,
    hidden: { field: 'x', type: 'quantitative', scale, axis: null },
    inner: {
      field: 'x',
      type: 'quantitative',
      scale,
      axis: { labels: false, ticks: false, title: null, grid: true, tickCount },
    },
    last: {
      field: 'x',
      type: 'quantitative',
      scale,
      axis: { title, tickCount, format: ',d', tickMinStep: 1 },
    },
  }
}

/** A line of points as the rule of scales has it. */
export const scaled = (points: readonly Point[], noisy = false): ScaledLine => ({
  x: points.map(({ x }) => x),
  y: points.map(({ y }) => y),
  noisy,
})

/** The axis of a panel. */
export function yOf(title: string, { domain, log, only }: FittedScale, ticks = 5): Part {
  const values = axisTicks(domain, ticks, { log, ...(only !== undefined && { only }) })
  return {
    field: 'y',
    type: 'quantitative',
    title: log ? `${title} (log scale)` : title,
    scale: { domain, nice: false, zero: false, ...(log && { type: 'log' }) },
    axis: { values, tickCount: ticks, titleX: -56, ...shortLabels(...domain) },
  }
}

/** What lies beyond the axis of a panel, said in its corner; nothing where all is in it. */
export function beyondText({ domain, beyond }: FittedScale): Part[] {
  if (!beyond) return []
  const parts = [
    ...(beyond[1] > domain[1] ? [`↑ up to ${formatNumber(beyond[1], 3)}`] : []),
    ...(beyond[0] < domain[0] ? [`↓ down to ${formatNumber(beyond[0], 3)}`] : []),
  ]
  return [
    {
      data: { values: [{ beyond: parts.join(', ') }] },
      mark: { type: 'text', align: 'left', baseline: 'top', fontSize: 10, color: colours.quiet },
      encoding: { x: { value: 4 }, y: { value: 2 }, text: { field: 'beyond' } },
    },
  ]
}

/** '2e-5' and '3e6' where the digits would reach the title that stands beside them. */
function shortLabels(low: number, high: number): Part {
  const size = Math.max(Math.abs(low), Math.abs(high))
  if (!(size > 0) || (size > 5e-4 && size < 1e5)) return {}
  return { labelExpr: "datum.value ? replace(format(datum.value, '.3~e'), '+', '') : '0'" }
}
