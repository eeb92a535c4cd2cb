import type { RunView } from '../../../views.js'
import { adjustmentLines, shownAdjustments } from './adjustment-marks.js'
import { onOneScale, yOf, type Axis, type Course } from './axes.js'
import type { Point } from '../downsample.js'
import { evaluationMarks } from './evaluation-marks.js'
import { finestMean, type HistoryLines } from './history-lines.js'
import { colours, series } from '../../look.js'
import type { Part } from '../../spec.js'
import { spikeMarks } from './spike-marks.js'

/** The loss of each batch, its running mean, evaluations, spikes; of several runs each in its colour. */
export function lossPanel(
  view: RunView,
  runs: readonly Course[],
  budget: { evaluations: number; line: number },
  x: Axis,
  lines: HistoryLines,
): Part {
  const { history } = view
  const several = runs.length > 1
  const names = several ? runs.map((run) => run.name) : ['each batch', 'running mean', 'evaluation']
  const range = several
    ? runs.map((_, i) => series[i % series.length]!)
    : ['#9cc7e0', colours.training, colours.evaluation]
  const layers: Part[] = [adjustmentLines(shownAdjustments(view))]
  const raw = lines.extremes(history, 'loss', budget.line)
  layers.push(
    line(raw, several ? runs[0]!.name : names[0]!, { strokeWidth: 1, ...(several && { opacity: 0.3 }) }),
  )
  const log = spansDecades(raw)
  // Branches first: what they share with the run is drawn in the colour of the run.
  for (const run of runs.toReversed()) {
    const name = several ? run.name : names[1]!
    const mean = lines.mean(run.history, Math.min(finestMean, budget.line), log)
    if (run.history.length > 8) layers.push(line(mean, name, { strokeWidth: run === runs[0] ? 2 : 1.5 }))
    layers.push(...evaluationMarks(run, 'loss', several ? run.name : names[2]!, several, budget.evaluations))
  }
  if (view.spikes?.length) layers.push(spikeMarks(view.spikes, history, log))
  const shown = several
    ? names
    : names.filter((_, i) => i === 0 || (i === 1 ? history.length > 8 : view.evaluations.length > 0))
  return {
    width: x.width,
    height: 230,
    encoding: { x: x.inner },
    layer: onOneScale(layers, 'loss').map((layer) =>
      coloured(log ? onLogScale(layer) : layer, { domain: names, range }, shown),
    ),
  }
}

/** A loss that begins at 5,000 and ends at 0.3 would be a line along the floor. */
function spansDecades(points: readonly Point[]): boolean {
  if (points.length < 20) return false
  let low = Infinity
  let high = -Infinity
  for (const { y } of points) {
    if (y < low) low = y
    if (y > high) high = y
  }
  // The middle is no lower than the lowest: most runs need no sorting.
  if (!(low > 0) || high <= 40 * low) return false
  return high > 40 * points.map(({ y }) => y).toSorted((a, b) => a - b)[points.length >> 1]!
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
