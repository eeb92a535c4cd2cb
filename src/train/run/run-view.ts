/** What is seen of a run: plain data for its chart, its progress bar and the line that a call leaves. */
import type { EvaluationRow, MistakesView, RunView, StretchView } from '../../views.js'
import type { Core } from '../state/core.js'
import { worstOf } from '../step/worst.js'

function newestMistakes(core: Core): { mistakes?: MistakesView } {
  const detail = core.state.details.at(-1)
  // After an undo the evaluation may belong to weights that were taken back.
  if (!detail || detail.iteration > core.state.iteration) return {}
  const mistakes = worstOf(core, detail)
  return mistakes ? { mistakes } : {}
}

/** Metrics, and what else the evaluations have: what the loss says beside, and what `evaluated` gives. */
function chartedColumns({ settings, state }: Core): string[] {
  const metrics = settings.metrics.map(({ name }) => name)
  const all = new Set([...metrics, ...Object.keys(state.evaluations.at(-1) ?? {})])
  return [...all].filter((name) => name !== 'iteration' && name !== 'loss')
}

export function viewOf(
  core: Core,
  at: { live: boolean; from: number; to?: number; started: number },
): RunView {
  return {
    kind: 'run',
    name: core.name,
    live: at.live,
    iteration: core.state.iteration,
    from: at.from,
    ...(at.to !== undefined && Number.isFinite(at.to) && { to: at.to }),
    history: core.state.history.columns(),
    evaluations: core.state.evaluations,
    adjustments: core.state.adjustments,
    metrics: chartedColumns(core),
    stopReason: core.state.stopReason,
    milliseconds: performance.now() - at.started,
    ...(core.state.spikes.length > 0 && { spikes: core.state.spikes }),
    ...newestMistakes(core),
  }
}

/** What a call came to. */
export function stretchView(
  core: Core,
  { from, started, evaluation }: { from: number; started: number; evaluation?: EvaluationRow | undefined },
): StretchView {
  return {
    kind: 'stretch',
    run: core.name,
    from,
    to: core.state.iteration,
    loss: core.state.history.last('loss'),
    milliseconds: performance.now() - started,
    ...(evaluation && { evaluation }),
    stopReason: core.state.stopReason,
  }
}
