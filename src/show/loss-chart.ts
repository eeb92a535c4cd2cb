import type { Adjustment, EvaluationRow, HistoryColumns, RunView, SpikeView } from '../views.js'
import { adjustmentLabels, adjustmentLines } from './adjustment-marks.js'
import { cleanLine, cleanTitle } from './clean.js'
import { downsample, downsampleBends, short, type Point } from './downsample.js'
import { formatCount, formatDuration, formatNumber, words } from './format.js'
import { colours, series, width } from './look.js'
import { mistakesPanel } from './mistakes-panel.js'
import { runningMean } from './running-mean.js'
import { chart, type Part, type Spec } from './spec.js'
import { belowAxis } from './table-panel.js'

/** Points in one chart, over all its lines: more are slow in a browser and finer than its pixels. */
export const pointLimit = 5000

/** Points of one line: a lowest and a highest every 1.6 pixels. Twice as many look the same and take twice as long. */
const finest = 800

/** In the low panels below: a lowest and a highest every 2.5 pixels. */
const finestBelow = 512

/** A mean has no spikes. */
const finestMean = 240

/** Pixels between panels. */
const gap = 18

export interface LossChartOptions {
  title?: string
  /** The line below the title; default: where the run stands. */
  subtitle?: string
  /** Points of the whole chart; at most 5,000. */
  points?: number
}

/**
 * The course of a run: the loss of each batch faint with its running mean over it, evaluations as points, metrics,
 * learning rate and gradient norm below on the same axis; every adjustment a labelled line through all of them, every
 * spike a mark with the examples of its batch; below all the worst examples of the newest evaluation.
 */
export function lossChart(view: RunView, options: LossChartOptions = {}): Spec {
  const runs = [view, ...(view.beside ?? [])].map((run) => ({ ...run, name: cleanLine(run.name, 40) }))
  const budget = shares(view, runs.length, Math.min(options.points ?? pointLimit, pointLimit))
  const x = axis(runs, view)
  const panels = [
    adjustmentLabels(shownAdjustments(view), x.end, x.hidden, gap),
    lossPanel(view, runs, budget, x),
    ...view.metrics.map((metric) => metricPanel(metric, runs, shownAdjustments(view), budget.evaluations, x)),
    linePanel('learning rate', colours.rate, ratesOf(runs, budget.line), shownAdjustments(view), x),
    linePanel(
      'gradient norm',
      colours.gradient,
      [
        downsample(
          view.history.iteration,
          view.history.gradientNorm,
          Math.min(finestBelow, budget.line),
          view.history.length,
        ),
      ],
      shownAdjustments(view),
      x,
    ),
  ].filter((panel) => panel !== undefined)
  const last = panels.at(-1)!
  last.encoding = { x: x.last }
  const mistakes = runs.length === 1 && view.mistakes && mistakesPanel(view.mistakes)
  return chart({
    title: { text: options.title ?? cleanLine(view.name, 80), subtitle: options.subtitle ?? subtitle(view) },
    spacing: gap,
    bounds: 'flush',
    vconcat: mistakes ? [...panels, belowAxis(52), mistakes] : panels,
    resolve: { scale: { color: 'independent' } },
  })
}

/** How the points are shared out: evaluations (a line and points for loss and each metric), then the lines. */
function shares(view: RunView, runs: number, points: number): { evaluations: number; line: number } {
  const panels = 1 + view.metrics.length
  const evaluations = Math.max(8, Math.floor((points * 0.3) / (2 * runs * panels)))
  const most = Math.max(view.evaluations.length, ...(view.beside ?? []).map((run) => run.evaluations.length))
  const taken = Math.min(evaluations, most) * 2 * runs * panels + shownAdjustments(view).length * (panels + 3)
  // Each batch, learning rate, gradient norm, and a mean for every run.
  return { evaluations, line: Math.min(finest, Math.max(40, Math.floor((points - taken) / (3 + runs)))) }
}

/** A sweep of thousands of small changes would hide the chart behind its marks: the latest are drawn. */
const shownAdjustments = (view: RunView) => view.adjustments.slice(-100)

type Line = { name: string; history: HistoryColumns; evaluations: readonly EvaluationRow[] }

/** The iterations that all panels share, with labels below the last only. */
function axis(runs: readonly Line[], view: RunView): { end: number; hidden: Part; inner: Part; last: Part } {
  const end = Math.max(
    1,
    view.iteration,
    ...view.adjustments.map((adjustment) => adjustment.at),
    ...runs.map((run) => run.history.iteration[run.history.length - 1] ?? 0),
  )
  const scale = { domain: [0, end], nice: false }
  const title = 'iteration'
  return {
    end,
    hidden: { field: 'x', type: 'quantitative', scale, axis: null },
    inner: {
      field: 'x',
      type: 'quantitative',
      scale,
      axis: { labels: false, ticks: false, title: null, grid: true, tickCount: 8 },
    },
    last: {
      field: 'x',
      type: 'quantitative',
      scale,
      axis: { title, tickCount: 8, format: ',d', tickMinStep: 1 },
    },
  }
}

function subtitle(view: RunView): string {
  const parts = view.live ? progress(view) : [`${formatCount(view.iteration)} iterations`]
  const { length, loss } = view.history
  if (length > 0) parts.push(`batch loss ${formatNumber(loss[length - 1]!)}`)
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

export function evaluationText(row: EvaluationRow, metrics: readonly string[]): string {
  return ['loss', ...metrics]
    .filter((name) => row[name] !== undefined)
    .map((name) => `${words(cleanLine(name))} ${formatNumber(row[name]!)}`)
    .join(', ')
}

function lossPanel(
  view: RunView,
  runs: readonly Line[],
  budget: { evaluations: number; line: number },
  x: { inner: Part },
): Part {
  const { history } = view
  const several = runs.length > 1
  const names = several ? runs.map((run) => run.name) : ['each batch', 'running mean', 'evaluation']
  const range = several
    ? runs.map((_, i) => series[i % series.length]!)
    : ['#9cc7e0', colours.training, colours.evaluation]
  const layers: Part[] = [adjustmentLines(shownAdjustments(view))]
  const raw = downsample(history.iteration, history.loss, budget.line, history.length)
  layers.push(
    line(raw, several ? runs[0]!.name : names[0]!, { strokeWidth: 1, ...(several && { opacity: 0.3 }) }),
  )
  const log = spansDecades(raw)
  // Branches first: what they share with the run is drawn in the colour of the run.
  for (const run of runs.toReversed()) {
    const mean = runningMean(run.history, log)
    const name = several ? run.name : names[1]!
    if (run.history.length > 8)
      layers.push(
        line(downsample(mean.x, mean.y, Math.min(finestMean, budget.line), mean.y.length), name, {
          strokeWidth: run === runs[0] ? 2 : 1.5,
        }),
      )
    layers.push(...evaluationMarks(run, 'loss', several ? run.name : names[2]!, several, budget.evaluations))
  }
  if (view.spikes?.length) layers.push(spikeMarks(view.spikes, history, log))
  const shown = several
    ? names
    : names.filter((_, i) => i === 0 || (i === 1 ? history.length > 8 : view.evaluations.length > 0))
  return {
    width,
    height: 230,
    encoding: { x: x.inner },
    layer: onOneScale(layers, 'loss').map((layer) =>
      coloured(log ? onLogScale(layer) : layer, { domain: names, range }, shown),
    ),
  }
}

/** Spikes that are marked: the latest. */
const mostSpikes = 100

/** A triangle over each loss that stood out, saying which examples its batch had. */
function spikeMarks(spikes: readonly SpikeView[], history: HistoryColumns, log: boolean): Part {
  const last = history.iteration[history.length - 1] ?? 0
  const values = spikes
    .slice(-mostSpikes)
    .filter(({ iteration, loss }) => iteration <= last && Number.isFinite(loss) && (!log || loss > 0))
    .map(({ iteration, loss, expected, ids }) => ({
      x: iteration,
      y: short(loss),
      spike: `loss ${formatNumber(loss)} where ${formatNumber(expected)} was expected`,
      batch: batchText(ids),
    }))
  return {
    data: { values },
    mark: {
      type: 'point',
      shape: 'triangle-down',
      filled: true,
      size: 50,
      yOffset: -7,
      color: colours.ink,
      opacity: 1,
    },
    encoding: {
      y: { field: 'y', type: 'quantitative', title: 'loss' },
      tooltip: [
        { field: 'spike' },
        { field: 'x', title: 'iteration' },
        { field: 'batch', title: 'examples' },
      ],
    },
  }
}

/** The first ids of a batch, and how many there are. */
export function batchText(ids: readonly number[], most = 12): string {
  const more = ids.length > most ? `, … (${formatCount(ids.length)})` : ''
  return ids.slice(0, most).join(', ') + more
}

/** A loss that begins at 5,000 and ends at 0.3 would be a line along the floor. */
function spansDecades(points: readonly Point[]): boolean {
  if (points.length < 20) return false
  const sorted = points.map(({ y }) => y).toSorted((a, b) => a - b)
  return sorted[0]! > 0 && sorted.at(-1)! > 40 * sorted[sorted.length >> 1]!
}

function onLogScale(layer: Part): Part {
  const { y, ...encoding } = layer.encoding as { y?: Part }
  if (!y) return layer
  const { values } = layer.data as { values: readonly Point[] }
  return {
    ...layer,
    // Of a branch or an evaluation: the run's own are all above zero.
    data: { values: values.filter((point) => point.y > 0) },
    encoding: { ...encoding, y: { ...y, title: 'loss (log scale)', scale: { type: 'log', nice: true } } },
  }
}

/** Gives the marks that name a series their colour, and the panel one legend above it. */
function coloured(layer: Part, scale: Part, shown: readonly string[]): Part {
  const encoding = layer.encoding as Part | undefined
  if (!encoding?.color) return layer
  const legend = {
    title: null,
    orient: 'top-right',
    symbolOpacity: 1,
    fillColor: colours.ground,
    padding: 4,
    values: shown,
    symbolType: 'stroke',
    symbolStrokeWidth: 3,
    offset: 0,
  }
  return { ...layer, encoding: { ...encoding, color: { ...(encoding.color as Part), scale, legend } } }
}

function line(values: readonly Point[], name: string, mark: Part): Part {
  return {
    data: { values },
    mark: { type: 'line', ...mark },
    encoding: { y: yOf('loss', values), color: { datum: name } },
  }
}

/** From zero where the values come near it, else around the values, so a loss that falls from 2.3 to 2.1 is seen to fall. */
function yOf(title: string, values: readonly Point[], more: Part = {}): Part {
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
function onOneScale(layers: readonly Part[], title: string, scale?: Part): Part[] {
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

function evaluationMarks(run: Line, field: string, name: string, thin: boolean, most: number): Part[] {
  const values = thinned(run.evaluations, most)
    .filter((row) => Number.isFinite(row[field]))
    .map((row) => ({ x: row.iteration, y: short(row[field]!) }))
  if (values.length === 0) return []
  const encoding = { y: yOf(field, values), color: { datum: name } }
  const crowded = values.length > 60
  return [
    {
      data: { values },
      mark: { type: 'line', strokeWidth: 1.5, ...(thin && { strokeDash: [4, 3] }) },
      encoding,
    },
    {
      data: { values },
      mark: {
        type: 'point',
        filled: false,
        fill: colours.ground,
        size: crowded ? 12 : 40,
        strokeWidth: 1.8,
        opacity: 1,
      },
      encoding: {
        ...encoding,
        tooltip: [
          { field: 'x', title: 'iteration' },
          { field: 'y', title: words(cleanTitle(field, 30)) },
        ],
      },
    },
  ]
}

/** Evenly chosen rows, first and last always among them. */
function thinned<Row>(rows: readonly Row[], limit: number): readonly Row[] {
  if (rows.length <= limit) return rows
  return Array.from({ length: limit }, (_, i) => rows[Math.round((i * (rows.length - 1)) / (limit - 1))]!)
}

function metricPanel(
  metric: string,
  runs: readonly Line[],
  adjustments: readonly Adjustment[],
  most: number,
  x: { inner: Part },
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
    width,
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

/** Of the run and those beside it: a schedule takes as many points as it bends, and steps stay steps. */
const ratesOf = (runs: readonly Line[], most: number): Point[][] =>
  runs.map(({ history: { iteration, learningRate, length } }, i) =>
    downsampleBends(iteration, learningRate, i === 0 ? most : Math.min(100, most), length),
  )

/** Lines of the run and of those beside it, which have the colours they have in the panels above. */
function linePanel(
  title: string,
  color: string,
  lines: readonly (readonly Point[])[],
  adjustments: readonly Adjustment[],
  x: { inner: Part },
): Part | undefined {
  const values = lines.flat()
  if (values.length === 0) return undefined
  const colourOf = (i: number) => (lines.length === 1 ? color : series[i % series.length]!)
  return {
    width,
    height: 76,
    encoding: { x: x.inner },
    layer: [
      adjustmentLines(adjustments),
      ...lines
        .map((line, i) => ({
          data: { values: line },
          mark: { type: 'line', strokeWidth: 1.2, color: colourOf(i) },
          encoding: {
            y: yOf(title, values, {
              scale: { zero: true, nice: true },
              axis: { tickCount: 3 },
            }),
          },
        }))
        .toReversed(),
    ],
  }
}
