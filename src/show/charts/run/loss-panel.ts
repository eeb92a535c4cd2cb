import type { RunView, UndoneView } from '../../../views.js'
import { adjustmentLines } from './adjustment-marks.js'
import { beyondText, scaled, yOf, type Axis, type Course } from './axes.js'
import { downsample, type Point } from '../downsample.js'
import { evaluatedOf, evaluationMarks } from './evaluation-marks.js'
import { finestMean, type HistoryLines } from './history-lines.js'
import { colours, series } from '../../look.js'
import { fitScale } from '../../scale.js'
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
  const raw = lines.extremes(history, 'loss', budget.line)
  const evaluated = runs.map((run) => scaled(evaluatedOf(run, 'loss', budget.evaluations)))
  const { log } = fitScale([scaled(raw, true)])
  const means = runs.map((run) => lines.mean(run.history, Math.min(finestMean, budget.line), log))
  const fit = fitScale([scaled(raw, true), ...means.map((mean) => scaled(mean)), ...evaluated], {
    log,
    whole: x.whole,
  })
  const y = yOf('loss', fit)
  const line = (values: readonly Point[], name: string, mark: Part): Part => ({
    // Of a branch or an evaluation on a logarithmic axis: the run's own are all above zero.
    data: { values: log ? values.filter((point) => point.y > 0) : values },
    mark: { type: 'line', clip: true, ...mark },
    encoding: { y, color: { datum: name } },
  })
  const layers: Part[] = [adjustmentLines(view.adjustments), ...beyondText(fit)]
  if (view.undone) layers.push(undoneLine(view.undone, y, budget.line))
  layers.push(
    line(raw, several ? runs[0]!.name : names[0]!, { strokeWidth: 1, ...(several && { opacity: 0.3 }) }),
  )
  // Branches first: what they share with the run is drawn in the colour of the run.
  for (const [i, run] of [...runs.entries()].toReversed()) {
    const name = several ? run.name : names[1]!
    if (run.history.length > 8) layers.push(line(means[i]!, name, { strokeWidth: run === runs[0] ? 2 : 1.5 }))
    const marks = evaluationMarks(run, 'loss', several ? run.name : names[2]!, {
      thin: several,
      y,
      most: budget.evaluations,
    })
    layers.push(...(log ? marks.map(onlyPositive) : marks))
  }
  if (view.spikes?.length) layers.push(spikeMarks(view.spikes, history, { y, fit }))
  const shown = several
    ? names
    : names.filter((_, i) => i === 0 || (i === 1 ? history.length > 8 : view.evaluations.length > 0))
  return {
    width: x.width,
    height: 230,
    encoding: { x: x.inner },
    layer: layers.map((layer) => coloured(layer, { domain: names, range }, shown)),
  }
}

function onlyPositive(layer: Part): Part {
  const { values } = layer.data as { values: readonly Point[] }
  return { ...layer, data: { values: values.filter((point) => point.y > 0) } }
}

/** What was taken back, in grey: `redo` brings it again until the run trains on. */
function undoneLine(undone: UndoneView, y: Part, most: number): Part {
  return {
    data: { values: downsample(undone.iteration, undone.loss, most) },
    mark: {
      type: 'line',
      clip: true,
      strokeWidth: 1,
      color: colours.quiet,
      opacity: 0.4,
    },
    encoding: { y },
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
