import * as tf from '@tensorflow/tfjs'
import { describe, InputError, Interrupted } from '../../errors.js'
import { maybeHost } from '../../host.js'
import { whileWaiting } from '../../settle.js'
import type { EvaluationRow, RunView, StopReason, StretchView } from '../../views.js'
import { maybeCompiled } from '../step/compiled.js'
import type { Core } from '../state/core.js'
import { evaluateRun } from '../step/evaluate-run.js'
import { tellChangedSince } from '../adjust/freeze.js'
import { prepareAdjustment } from '../adjust/replay.js'
import { tensorsOf } from '../model/batch.js'
import { iterateOnce } from '../step/iteration.js'
import { iterateMade } from '../step/made.js'
import { maybeIterateSeveral } from '../step/several.js'
import type { Course } from './course.js'
import { metrics as knownMetrics } from '../loss/metrics.js'
import { findNotFinite, notFiniteReason } from '../step/not-finite.js'
import { iterateOwn } from '../step/own-iteration.js'
import { iterateTogether } from '../step/together.js'
import { ownUpdates } from '../step/own-updates.js'
import { stretchView, viewOf } from './run-view.js'
import { checkWaited } from '../rules/options.js'
import { say } from '../../say.js'
import type { HistoryRow } from '../state/history.js'
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
export async function stretch(course: Course, call: Stretch): Promise<StretchView> {
  const { core, journal, live } = course
  if (call.signal !== undefined && typeof call.signal?.aborted !== 'boolean')
    throw new InputError({
      where: '{ signal }',
      received: describe(call.signal),
      expected: 'an AbortSignal, e.g. AbortSignal.timeout(60_000)',
    })
  const started = call.within?.started ?? performance.now()
  const from = core.state.iteration
  const { until = Infinity } = core.supervisor ?? {}
  const made = core.supervisor?.begin(core, call.iterations) ?? 0
  const to = Math.max(from, Math.min(until, from + call.iterations - made))
  const rules = [call.rule, core.state.ruleSpent ? undefined : core.settings.stop]
  const view = (isLive: boolean): RunView =>
    viewOf(core, { live: isLive, started, ...(call.within ?? { from, to }) })
  const { owner } = core
  // The cell's own signal: the flag is for whichever cell runs now.
  const interrupt = maybeHost()?.interrupt
  const checkStop = () => {
    if (core.owner !== owner) throw new Interrupted(core.state.iteration, undefined)
    if (!maybeHost()?.interrupted && !interrupt?.aborted && !call.signal?.aborted)
      if (!core.supervisor?.signal.aborted) return
    core.state.stopReason = interruptedAt(core)
    const loss = core.state.history.length ? core.state.history.last('loss') : undefined
    throw new Interrupted(core.state.iteration, loss)
  }
  // Who looks after each iteration, a function or a rule, is asked after each.
  const isLookedAt = core.settings.onIteration !== undefined || rules.some((rule) => rule !== undefined)
  core.state.stopReason = null
  maybeCompiled(core)?.begin()
  if (core.trainee.iteration) ownUpdates(core).begin()
  tellChangedSince(core)
  if (!call.within) live.begin()
  let evaluation: EvaluationRow | undefined
  /** By functions of the user's, in milliseconds. */
  let spent = 0
  try {
    while (core.state.iteration < to && !core.state.stopReason) {
      checkStop()
      if (call.paused?.()) break
      if (core.state.planned.length > 0) await makePlanned(course)
      const outcome = core.together
        ? await iterateTogether(core, journal, untilNext(core, to), call.signal)
        : core.trainee.iteration
          ? await iterateOwn(core, journal)
          : core.source
            ? await iterateMade(core, journal)
            : (maybeIterateSeveral(core, journal, isLookedAt ? 0 : untilNext(core, to)) ??
              iterateOnce(core, journal))
      if (core.settings.progress) {
        maybeCompiled(core)?.tell()
        if (core.trainee.iteration) ownUpdates(core).tell(core.name)
      }
      if (!outcome.finite) {
        core.state.stopReason = notFiniteReason(core, findNotFinite(core, outcome))
        if (outcome.batch) tf.dispose(tensorsOf(outcome.batch))
        break
      }
      const hooked = ownFunction(course, 'onIteration', () =>
        core.state.history.row(core.state.history.length - 1),
      )
      if (hooked) {
        spent += await hooked
        checkStop()
      }
      const isLast = core.state.iteration === until
      if (core.evaluateOn && (isLast || core.state.iteration % core.evaluateEvery === 0)) {
        evaluation = (
          await evaluateRun(
            core,
            journal,
            async () => {
              checkStop()
              if (live.due) await live.refresh(() => view(true))
            },
            owner,
          )
        ).row
        const seen = evaluation
        const looked = ownFunction(course, 'onEvaluation', () => seen)
        if (looked) spent += await looked
        core.supervisor?.evaluated(core, seen)
      }
      core.state.stopReason = ruleMet(core, rules, { from, started })
      if (live.due) await live.refresh(() => view(true))
    }
    if (!core.state.stopReason && call.spent === 'iterations' && core.state.iteration >= to)
      core.state.stopReason = {
        kind: 'iterations',
        iteration: core.state.iteration,
        message: `${call.iterations} iterations are spent`,
      }
  } finally {
    if (!call.within) live.end(view(false))
  }
  if (core.state.iteration >= until && made < call.iterations) throw core.supervisor!.halted!(core)
  core.supervisor?.ended(core)
  tellSpent(core, spent, performance.now() - started)
  return stretchView(core, { from, started, evaluation })
}

/** Iterations until something is to be done between two: an evaluation, an adjustment, the end. */
function untilNext({ state: { iteration, planned }, evaluateOn, evaluateEvery }: Core, to: number): number {
  const evaluation = evaluateOn ? evaluateEvery - (iteration % evaluateEvery) : Infinity
  return Math.min(to - iteration, evaluation, planned.length > 0 ? planned[0]!.at - iteration : Infinity)
}

/** Calls a function of the user's, where there is one; gives how long it took. */
function ownFunction(
  { core, run }: Course,
  name: 'onIteration' | 'onEvaluation',
  row: () => HistoryRow | EvaluationRow,
): Promise<number> | undefined {
  const own = core.settings[name]
  if (!own) return undefined
  const started = performance.now()
  const given: unknown = own(row() as HistoryRow, run)
  return Promise.resolve(given).then(() => performance.now() - started)
}

/** Of the time of a call, from where a function of the user's is spoken of. */
const muchOfIt = 0.25

function tellSpent({ name, settings }: Core, spent: number, all: number): void {
  if (all < 2000 || spent < muchOfIt * all) return
  const functions = (['onIteration', 'onEvaluation'] as const).filter((one) => settings[one])
  say(
    `Of ${(all / 1000).toFixed(1)} s of the run '${name}' ${functions.join(' and ')} took ${(spent / 1000).toFixed(1)} s.`,
  )
}

/** Why a run that Stop was pressed for stands where it does. */
export function interruptedAt({ state: { iteration } }: Core): StopReason {
  return { kind: 'interrupted', iteration, message: `stopped at iteration ${iteration}` }
}

/** Makes the adjustments that were planned for where the run stands now. */
export async function makePlanned({ core, live, adjust }: Course): Promise<void> {
  const { state } = core
  while (state.planned.length > 0 && state.planned[0]!.at <= state.iteration) {
    const { planned, adjustments } = state
    const [next, ...rest] = planned
    // Stopped before it was made, it is still to be made.
    const isOver = whileWaiting(() => {
      if (state.planned === rest && state.adjustments === adjustments) state.planned = planned
    })
    state.planned = rest
    try {
      const prepared = prepareAdjustment(core, next!, () => live.pause())
      adjust(typeof prepared === 'function' ? prepared : await prepared)
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
  const row = core.state.evaluations.at(-1)
  for (const rule of [own, standing]) {
    if (rule && (row?.iteration === core.state.iteration || !core.evaluateOn))
      checkWaited(rule, row, core.state)
    const reason = rule?.met(progress)
    if (!reason) continue
    if (rule === standing) core.state.ruleSpent = true
    return { ...reason, iteration: core.state.iteration }
  }
  return null
}

/** What rules look at, in a call that began at iteration `from` and time `started`. */
export function progressOf(core: Core, { from, started }: { from: number; started: number }): Progress {
  return {
    iteration: core.state.iteration,
    from,
    history: core.state.history,
    evaluations: core.state.evaluations,
    milliseconds: performance.now() - started,
    larger: (metric) => largerIsBetter(core, metric),
    seen: (metric) => seenOf(core, metric),
  }
}

/**
 * The rows that have this: evaluations; or of the history, where only that has it, the mean of every `evaluateEvery` iterations, since
 * one batch says little.
 */
function seenOf(core: Core, metric: string): readonly EvaluationRow[] {
  const { evaluations, history, iteration } = core.state
  if (evaluations.some((row) => metric in row) || !history.names.includes(metric)) return evaluations
  const every = core.evaluateEvery
  if (iteration % every !== 0) return []
  const values = history.column(metric)
  const rows: EvaluationRow[] = []
  for (let end = values.length, at = iteration; end >= every; end -= every, at -= every) {
    const means = values.subarray(end - every, end).reduce((a, b) => a + b, 0) / every
    rows.unshift({ iteration: at, [metric]: means } as EvaluationRow)
  }
  return rows
}

function largerIsBetter(core: Core, metric: string): boolean {
  const row = core.settings.metrics.find(({ name }) => name === metric) ?? knownMetrics.get(metric)
  return row?.larger ?? false
}
