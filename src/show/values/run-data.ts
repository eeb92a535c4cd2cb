/** A run as `application/vnd.gradbook.run+json`: what the JupyterLab extension draws. Plain JSON of cleaned text. */
import type { EvaluationRow, MistakesView, RunView } from '../../views.js'
import { groupAdjustments } from '../charts/run/adjustment-groups.js'
import { adjustmentText } from '../charts/run/adjustment-text.js'
import { cleanLine, cleanText } from '../clean.js'
import { downsample } from '../charts/downsample.js'
import { lastCount, lastMean } from '../charts/run/last-mean.js'
import { finestMean, HistoryLines, type Line } from '../charts/run/history-lines.js'
import { shownMistake, type ShownMistake } from '../charts/shown-mistake.js'

/** Drawn by the JupyterLab extension; every other front end takes the chart or the picture beside it. */
export const runMime = 'application/vnd.gradbook.run+json'

/** Points, `x` in iterations. */
export interface RunLine {
  x: readonly number[]
  y: readonly number[]
}

export interface RunData extends Pick<
  RunView,
  | 'kind'
  | 'name'
  | 'live'
  | 'iteration'
  | 'from'
  | 'to'
  | 'milliseconds'
  | 'metrics'
  | 'stopReason'
  | 'evaluations'
> {
  /** Of each batch, before its update. */
  loss: RunLine
  /** Running mean of the loss. */
  mean: RunLine
  /** The loss in numbers: the mean of the last `over` batches, and that of the very last. */
  newest?: { mean: number; over: number; last: number }
  /** What was taken back. */
  undone?: RunLine
  learningRate: RunLine
  gradientNorm: RunLine
  /** Those of one kind and reason at one place as one: `count` of them, some of them in `each`. */
  adjustments: readonly {
    at: number
    text: string
    why?: string
    count?: number
    each?: readonly string[]
  }[]
  /** Batches whose loss stood out. `count` examples, some of them by id. */
  spikes?: readonly { at: number; loss: number; expected: number; count: number; ids: readonly number[] }[]
  /** The worst examples of the newest evaluation. */
  mistakes?: {
    iteration: number
    examined: number
    wrong?: number
    rows: readonly ShownMistake[]
  }
  /** Branches drawn in the same chart. */
  beside?: readonly { name: string; mean: RunLine; evaluations: readonly EvaluationRow[] }[]
}

/** More evaluations or adjustments than these are left out, the oldest first. */
const rowLimit = 400
/** Spikes, and ids of one, that are told of. */
const mostSpikes = 100
const mostIds = 32
/** Of many adjustments told as one, those that are told by themselves too. */
const mostEach = 12
/** Pixels of a mistake's picture: a live run sends them again and again. */
const pictureSide = 40

const lineOf = (points: Line): RunLine => ({
  x: points.map(({ x }) => x),
  y: points.map(({ y }) => y),
})

/** Evaluations with the names of their metrics cleaned as `metrics` are. */
function rowsOf(rows: readonly EvaluationRow[]): readonly EvaluationRow[] {
  const shown = rows.slice(-rowLimit)
  const cleaned = new Map<string, string>()
  for (const row of shown) for (const name in row) if (!cleaned.has(name)) cleaned.set(name, cleanLine(name))
  if ([...cleaned].every(([name, clean]) => name === clean)) return shown
  return shown.map(
    (row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [cleaned.get(name), value]),
      ) as EvaluationRow,
  )
}

/** Of the same mistakes once: a live view brings them again and again. */
const shown = new WeakMap<MistakesView, readonly ShownMistake[]>()

function mistakesOf(view: MistakesView): NonNullable<RunData['mistakes']> {
  let rows = shown.get(view)
  if (!rows) shown.set(view, (rows = view.rows.map((row) => shownMistake(row, pictureSide))))
  const { iteration, examined, wrong } = view
  return { iteration, examined, ...(wrong !== undefined && { wrong }), rows }
}

const spikesOf = (spikes: NonNullable<RunView['spikes']>): NonNullable<RunData['spikes']> =>
  spikes.slice(-mostSpikes).map(({ iteration, loss, expected, ids }) => ({
    at: iteration,
    loss,
    expected,
    count: ids.length,
    ids: ids.slice(0, mostIds),
  }))

/** Each line has at most `points` points, chosen so that no spike is lost. */
export function runData(view: RunView, points = 1200, lines = new HistoryLines()): RunData {
  const { history, beside, to, stopReason } = view
  // Of a run that is over people zoom in.
  const meanPoints = view.live ? Math.min(finestMean, points) : points
  return {
    kind: 'run',
    name: cleanLine(view.name, 80),
    live: view.live,
    iteration: view.iteration,
    from: view.from,
    ...(to !== undefined && { to }),
    milliseconds: view.milliseconds,
    metrics: view.metrics.map((name) => cleanLine(name)),
    stopReason: stopReason && { ...stopReason, message: cleanLine(stopReason.message, 120) },
    loss: lineOf(lines.extremes(history, 'loss', points)),
    mean: lineOf(lines.mean(history, meanPoints)),
    ...(history.length > 0 && {
      newest: {
        mean: lastMean(history),
        over: lastCount(history),
        last: history.loss[history.length - 1]!,
      },
    }),
    ...(view.undone && { undone: lineOf(downsample(view.undone.iteration, view.undone.loss, points)) }),
    learningRate: lineOf(lines.rates(history, points)),
    gradientNorm: lineOf(lines.extremes(history, 'gradientNorm', points)),
    evaluations: rowsOf(view.evaluations),
    adjustments: groupAdjustments(view.adjustments)
      .slice(-rowLimit)
      .map(({ at, text, why, records }) => ({
        at,
        text,
        ...(why && { why: cleanText(why, 400) }),
        ...(records.length > 1 && {
          count: records.length,
          each: records.slice(0, mostEach).map(adjustmentText),
        }),
      })),
    ...(view.spikes?.length && { spikes: spikesOf(view.spikes) }),
    ...(view.mistakes?.rows.length && { mistakes: mistakesOf(view.mistakes) }),
    ...(beside && {
      beside: beside.map((run) => ({
        name: cleanLine(run.name, 80),
        mean: lineOf(lines.mean(run.history, meanPoints)),
        evaluations: rowsOf(run.evaluations),
      })),
    }),
  }
}
