import { describe, InputError, Interrupted } from '../../errors.js'
import { maybeHost } from '../../host.js'
import { whileWaiting } from '../../settle.js'
import type { EvaluationRow, RunView, StopReason, StretchView } from '../../views.js'
import { maybeCompiled } from '../step/compiled.js'
import type { Core } from '../state/core.js'
import { evaluateRun } from '../step/evaluate.js'
import { tellChangedSince } from '../adjust/freeze.js'
import { iterateOnce } from '../step/iteration.js'
import type { Live } from './live.js'
import { metrics as knownMetrics } from '../loss/metrics.js'
import { findNotFinite, notFiniteReason } from '../step/not-finite.js'
import { iterateOwn } from '../step/own-iteration.js'
import { stretchView, viewOf } from './run-view.js'
import type { Progress, StopRule } from '../rules/stops.js'

export interface Stretch {
  /** Iterations to make at most. */
  iterations: number
  /** A rule for this call alone. */
  rule?: StopRule
  /** Ends the call as Stop does. */
  signal?: AbortSignal
  /** What `iterations` being spent means: all was done (iterate, epochs), or the rule was not met (until, rounds). */
  spent: 'done' | 'iterations'
  /** Part of a longer call: the view goes on and is not ended here. */
  within?: { from: number; to: number; started: number }
  /** True when the run should stand still at the next boundary, without an error (a pause in the background). */
  paused?: () => boolean
}

/** Trains: iterations, evaluations when they are due, rules, the live view, Stop. Each exit is at a whole iteration. */
export async function stretch(core: Core, live: Live, call: Stretch): Promise<StretchView> {
  if (call.signal !== undefined && typeof call.signal?.aborted !== 'boolean')
    throw new InputError({
      where: '{ signal }',
      received: describe(call.signal),
      expected: 'an AbortSignal, e.g. AbortSignal.timeout(60_000)',
    })
  const started = call.within?.started ?? performance.now()
  const from = core.iteration
  const to = from + call.iterations
  const rules = [call.rule, core.ruleSpent ? undefined : core.settings.stop]
  const view = (isLive: boolean): RunView =>
    viewOf(core, { live: isLive, started, ...(call.within ?? { from, to }) })
  const { owner } = core
  // The cell's own signal: the flag is for whichever cell runs now.
  const interrupt = maybeHost()?.interrupt
  const checkStop = () => {
    if (core.owner !== owner) throw new Interrupted(core.iteration, undefined)
    if (!maybeHost()?.interrupted && !interrupt?.aborted && !call.signal?.aborted) return
    core.stopReason = interruptedAt(core)
    const loss = core.history.length ? core.history.last('loss') : undefined
    throw new Interrupted(core.iteration, loss)
  }
  core.stopReason = null
  maybeCompiled(core)?.begin()
  tellChangedSince(core)
  if (!call.within) live.begin()
  let evaluation: EvaluationRow | undefined
  try {
    while (core.iteration < to && !core.stopReason) {
      checkStop()
      if (call.paused?.()) break
      if (core.planned.length > 0) await makePlanned(core)
      const outcome = core.trainee.iteration ? await iterateOwn(core) : iterateOnce(core)
      if (core.settings.progress) maybeCompiled(core)?.tell()
      if (!outcome.finite) {
        core.stopReason = notFiniteReason(core, findNotFinite(core, outcome))
        break
      }
      if (core.evaluateOn && core.iteration % core.evaluateEvery === 0) {
        evaluation = (
          await evaluateRun(
            core,
            async () => {
              checkStop()
              if (live.due) await live.turn(() => view(true))
            },
            owner,
          )
        ).row
      }
      core.stopReason = ruleMet(core, rules, { from, started })
      if (live.due) await live.turn(() => view(true))
    }
    if (!core.stopReason && call.spent === 'iterations' && core.iteration >= to)
      core.stopReason = {
        kind: 'iterations',
        iteration: core.iteration,
        message: `${call.iterations} iterations are spent`,
      }
  } finally {
    if (!call.within) live.end(view(false))
  }
  return stretchView(core, { from, started, evaluation })
}

/** Why a run that Stop was pressed for stands where it does. */
export function interruptedAt({ iteration }: Core): StopReason {
  return { kind: 'interrupted', iteration, message: `stopped at iteration ${iteration}` }
}

/** Makes the adjustments that were planned for where the run stands now. */
export async function makePlanned(core: Core): Promise<void> {
  while (core.planned.length > 0 && core.planned[0]!.at <= core.iteration) {
    const { planned, adjustments } = core
    const [next, ...rest] = planned
    // Stopped before it was made, it is still to be made.
    const isOver = whileWaiting(() => {
      if (core.planned === rest && core.adjustments === adjustments) core.planned = planned
    })
    core.planned = rest
    try {
      await core.makePlanned(next!)
    } catch (error) {
      isOver()
      throw error
    }
    isOver()
  }
}

/** The reason to stop that one of these rules gives, `own` of the call before `standing` of the run, which is spent then. */
export function ruleMet(
  core: Core,
  [own, standing]: (StopRule | undefined)[],
  call: { from: number; started: number },
): StopReason | null {
  if (!own && !standing) return null
  const progress = progressOf(core, call)
  for (const rule of [own, standing]) {
    const reason = rule?.met(progress)
    if (!reason) continue
    if (rule === standing) core.ruleSpent = true
    return { ...reason, iteration: core.iteration }
  }
  return null
}

/** What rules look at, in a call that began at iteration `from` and time `started`. */
export function progressOf(core: Core, { from, started }: { from: number; started: number }): Progress {
  return {
    iteration: core.iteration,
    from,
    history: core.history,
    evaluations: core.evaluations,
    milliseconds: performance.now() - started,
    larger: (metric) => largerIsBetter(core, metric),
  }
}

function largerIsBetter(core: Core, metric: string): boolean {
  const row = core.settings.metrics.find(({ name }) => name === metric) ?? knownMetrics.get(metric)
  return row?.larger ?? false
}
