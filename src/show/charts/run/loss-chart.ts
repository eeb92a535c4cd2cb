import type { RunView } from '../../../views.js'
import { lastCount, lastMean } from './last-mean.js'
import { adjustmentLabels, countMarks } from './adjustment-marks.js'
import { axis } from './axes.js'
import { cleanLine } from '../../clean.js'
import { evaluationText } from './evaluation-marks.js'
import { formatCount, formatDuration, formatNumber } from '../../format.js'
import { HistoryLines } from './history-lines.js'
import { linePanel, ratesOf } from './line-panel.js'
import { colours, width as whole } from '../../look.js'
import { lossPanel } from './loss-panel.js'
import { metricPanel } from './metric-panel.js'
import { mistakesPanel } from './mistakes-panel.js'
import { chart, type Spec } from '../../spec.js'
import { belowAxis } from './table-panel.js'

/** Points in one chart, over all its lines: more are slow in a browser and finer than its pixels. */
const pointLimit = 5000

/** Points of one line: a lowest and a highest every 1.6 pixels. Twice as many look the same and take twice as long. */
const finest = 800

/** In the low panels below: a lowest and a highest every 2.5 pixels. */
const finestBelow = 512

/** Pixels between panels. */
const gap = 18

export interface LossChartOptions {
  title?: string
  /** The line below the title; default: where the run stands. */
  subtitle?: string
  /** Points of the whole chart; at most 5,000. */
  points?: number
  /** Points of one of its lines; at most 800. */
  linePoints?: number
  /** Pixels of a plot; default 640. A narrower chart has no mistakes below it, which are as wide as a whole one. */
  width?: number
  /** What the axes show: the recent part, with a word where values lie beyond; or all values. Default: 'recent'. */
  range?: 'recent' | 'all'
}

/**
 * The course of a run: the loss of each batch faint with its running mean over it, evaluations as points, metrics,
 * learning rate and gradient norm below on the same axis; every adjustment a labelled line through all of them, every
 * spike a mark with the examples of its batch; below all the worst examples of the newest evaluation.
 *
 * @example lossChart(run.view(), { title: 'first', width: 400 })
 */
export function lossChart(view: RunView, options: LossChartOptions = {}, lines = new HistoryLines()): Spec {
  const runs = [view, ...(view.beside ?? [])].map((run) => ({ ...run, name: cleanLine(run.name, 40) }))
  const budget = shares(view, runs.length, options)
  const width = options.width ?? whole
  const x = axis(runs, view, { width, whole: options.range === 'all' })
  const panels = [
    adjustmentLabels(view.adjustments, x.end, x.hidden, { gap, width }),
    lossPanel(view, runs, budget, x, lines),
    ...view.metrics.map((metric) => metricPanel(metric, runs, view.adjustments, budget.evaluations, x)),
    linePanel('learning rate', colours.rate, ratesOf(runs, budget.line, lines), view.adjustments, x),
    linePanel(
      'gradient norm',
      colours.gradient,
      runs.map(({ history }) => lines.extremes(history, 'gradientNorm', Math.min(finestBelow, budget.line))),
      view.adjustments,
      x,
      true,
    ),
  ].filter((panel) => panel !== undefined)
  const last = panels.at(-1)!
  last.encoding = { x: x.last }
  const mistakes = runs.length === 1 && width >= whole && view.mistakes && mistakesPanel(view.mistakes)
  return chart({
    title: { text: options.title ?? cleanLine(view.name, 80), subtitle: options.subtitle ?? subtitle(view) },
    spacing: gap,
    bounds: 'flush',
    vconcat: mistakes ? [...panels, belowAxis(52), mistakes] : panels,
    resolve: { scale: { color: 'independent' } },
  })
}

/** How the points are shared out: evaluations (a line and points for loss and each metric), then the lines. */
function shares(
  view: RunView,
  runs: number,
  options: LossChartOptions,
): { evaluations: number; line: number } {
  const points = Math.min(options.points ?? pointLimit, pointLimit)
  const linePoints = Math.min(options.linePoints ?? finest, finest)
  const panels = 1 + view.metrics.length
  const evaluations = Math.max(8, Math.floor((points * 0.3) / (2 * runs * panels)))
  const most = Math.max(view.evaluations.length, ...(view.beside ?? []).map((run) => run.evaluations.length))
  const taken = Math.min(evaluations, most) * 2 * runs * panels + countMarks(view) * (panels + 3)
  // Each batch, learning rate, and for every run a mean and its gradient norm.
  return {
    evaluations,
    line: Math.min(linePoints, Math.max(40, Math.floor((points - taken) / (2 + 2 * runs)))),
  }
}

function subtitle(view: RunView): string {
  const parts = view.live ? progress(view) : [`${formatCount(view.iteration)} iterations`]
  const { length, loss } = view.history
  if (length > 1 && lastCount(view.history) > 1)
    parts.push(`loss ${formatNumber(lastMean(view.history))}, mean of the last ${lastCount(view.history)}`)
  if (length > 0) parts.push(`last batch ${formatNumber(loss[length - 1]!)}`)
  const evaluation = view.evaluations.at(-1)
  if (evaluation) parts.push(`evaluation ${evaluationText(evaluation, view.metrics)}`)
  if (view.stopReason) parts.push(cleanLine(view.stopReason.message, 80))
  return parts.join(' · ')
}

function progress({ iteration, from, to, milliseconds }: RunView): string[] {
  if (to === undefined || to <= from) return [`iteration ${formatCount(iteration)}`]
  const done = iteration - from
  const parts = [
    `iteration ${formatCount(iteration)} of ${formatCount(to)} (${Math.round((100 * done) / (to - from))} %)`,
  ]
  if (done > 0 && to > iteration)
    parts.push(`${formatDuration((milliseconds / done) * (to - iteration))} left`)
  return parts
}
