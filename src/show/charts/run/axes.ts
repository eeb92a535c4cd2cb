import type { RunView } from '../../../views.js'
import type { Point } from '../downsample.js'
import type { Part } from '../../spec.js'

/** What is drawn of a run: the one that is shown, and those beside it. */
export type Course = Pick<RunView, 'name' | 'history' | 'evaluations'>

/** What the panels of a chart share: the iterations, and how many pixels they are wide. */
export interface Axis {
  width: number
  end: number
  hidden: Part
  inner: Part
  last: Part
}

/** The iterations that all panels share, with labels below the last only. */
export function axis(runs: readonly Course[], view: RunView, width: number): Axis {
  const end = Math.max(
    1,
    view.iteration,
    ...view.adjustments.map((adjustment) => adjustment.at),
    ...runs.map((run) => run.history.iteration[run.history.length - 1] ?? 0),
  )
  const scale = { domain: [0, end], nice: false }
  const title = 'iteration'
  const tickCount = width < 400 ? 4 : 8
  return {
    width,
    end,
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

/** From zero where the values come near it, else around the values, so a loss that falls from 2.3 to 2.1 is seen to fall. */
export function yOf(title: string, values: readonly Point[], more: Part = {}): Part {
  let low = Infinity
  let high = -Infinity
  for (const { y } of values) {
    if (y < low) low = y
    if (y > high) high = y
  }
  return {
    field: 'y',
    type: 'quantitative',
    title,
    scale: { zero: low >= 0 && low < high * 0.5, nice: true },
    ...more,
    // One value alone has no scale of its own: '0.500000' in the midst of nothing.
    ...(low === high && { scale: low === 0 ? { domain: [0, 1] } : { zero: true, nice: true } }),
    axis: { tickCount: 5, titleX: -56, ...(more.axis as Part | undefined), ...shortLabels(low, high) },
  }
}

/** Layers of one panel have one axis: Vega-Lite would choose among several, with a warning. */
export function onOneScale(layers: readonly Part[], title: string, scale?: Part): Part[] {
  const valuesOf = ({ data, encoding }: Part) =>
    (encoding as Part | undefined)?.y ? (data as { values: readonly Point[] }).values : []
  const y = yOf(title, layers.flatMap(valuesOf), scale && { scale })
  return layers.map((layer) => {
    const encoding = layer.encoding as Part | undefined
    return encoding?.y ? { ...layer, encoding: { ...encoding, y } } : layer
  })
}

/** '2e-5' and '3e6' where the digits would reach the title that stands beside them. */
function shortLabels(low: number, high: number): Part {
  const size = Math.max(Math.abs(low), Math.abs(high))
  if (!(size > 0) || (size > 5e-4 && size < 1e5)) return {}
  return { labelExpr: "datum.value ? replace(format(datum.value, '.3~e'), '+', '') : '0'" }
}
