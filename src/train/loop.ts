import { describe, InputError, Interrupted } from '../errors.js'
import { maybeHost } from '../host.js'
import { mistakesOf, type EvaluationDetail } from '../mistakes/index.js'
import type { EvaluationRow, MistakesView, RunView, StopReason, StretchView } from '../views.js'
import { maybeCompiled } from './compiled.js'
import type { Core } from './core.js'
import { evaluate, type Evaluation } from './evaluate.js'
import { iterateOnce } from './iteration.js'
import { iterateOwn } from './own-iteration.js'
import type { Live } from './live.js'
import { findNotFinite, notFiniteReason } from './not-finite.js'
import { metrics as knownMetrics } from './metrics.js'
import type { Progress, StopRule } from './stops.js'

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
    const reason = { iteration: core.iteration, message: `stopped at iteration ${core.iteration}` }
    core.stopReason = { kind: 'interrupted', ...reason }
    const loss = core.history.length ? core.history.last('loss') : undefined
    throw new Interrupted(core.iteration, loss)
  }
  core.stopReason = null
  maybeCompiled(core)?.begin()
  if (!call.within) live.begin()
  let evaluation: EvaluationRow | undefined
  try {
    while (core.iteration < to && !core.stopReason) {
      checkStop()
      if (call.paused?.()) break
      if (core.planned.length > 0) await makePlanned(core)
      const outcome = core.trainee.iteration ? await iterateOwn(core) : iterateOnce(core)
      if (!outcome.finite) {
        core.stopReason = notFiniteReason(core, findNotFinite(core, outcome))
        break
      }
      if (core.evaluateOn && core.iteration % core.evaluateEvery === 0) {
        evaluation = (
          await evaluateRun(core, async () => {
            checkStop()
            if (live.due) await live.turn(() => view(true))
          })
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

/** What a call came to. */
export function stretchView(
  core: Core,
  { from, started, evaluation }: { from: number; started: number; evaluation?: EvaluationRow | undefined },
): StretchView {
  return {
    kind: 'stretch',
    run: core.name,
    from,
    to: core.iteration,
    loss: core.history.last('loss'),
    milliseconds: performance.now() - started,
    ...(evaluation && { evaluation }),
    stopReason: core.stopReason,
  }
}

export function checkCount(n: unknown, where: string, what: string): asserts n is number {
  if (typeof n === 'number' && Number.isInteger(n) && n >= 0) return
  throw new InputError({
    where,
    received: describe(n),
    expected: `a whole number of ${what}, 0 or more`,
    ...(typeof n === 'number' && n < 0 && { fix: 'To go back, use run.undo() or run.goTo(iteration).' }),
  })
}

/** Makes the adjustments that were planned for where the run stands now. */
export async function makePlanned(core: Core): Promise<void> {
  while (core.planned.length > 0 && core.planned[0]!.at <= core.iteration) {
    const [next, ...rest] = core.planned
    core.planned = rest
    await core.makePlanned(next!)
  }
}

export function ruleMet(
  core: Core,
  [own, standing]: (StopRule | undefined)[],
  { from, started }: { from: number; started: number },
): StopReason | null {
  if (!own && !standing) return null
  const progress: Progress = {
    iteration: core.iteration,
    from,
    history: core.history,
    evaluations: core.evaluations,
    milliseconds: performance.now() - started,
    larger: (metric) => largerIsBetter(core, metric),
  }
  for (const rule of [own, standing]) {
    const reason = rule?.met(progress)
    if (!reason) continue
    if (rule === standing) core.ruleSpent = true
    return { ...reason, iteration: core.iteration }
  }
  return null
}

export function largerIsBetter(core: Core, metric: string): boolean {
  const row = core.settings.metrics.find(({ name }) => name === metric) ?? knownMetrics.get(metric)
  return row?.larger ?? false
}

/** Evaluates on `evaluateOn` and writes it down. The same iteration again replaces its row. */
export async function evaluateRun(core: Core, pause: () => Promise<void>): Promise<Evaluation> {
  const found = await evaluate(core, core.evaluateOn!, pause)
  const earlier = core.details.findLast(({ iteration }) => iteration < found.row.iteration)
  const everRight = earlier && everRightAt(earlier)
  if (everRight) found.detail.everRight = everRight
  const again = core.evaluations.at(-1)?.iteration === found.row.iteration
  core.evaluations = [...core.evaluations.slice(0, again ? -1 : undefined), found.row]
  core.onEvent('evaluation', found.row)
  core.details = [...core.details.slice(again ? 0 : -1, again ? -1 : undefined), found.detail]
  return found
}

/** Which examples were right in this evaluation or one before it. */
function everRightAt({ right, everRight }: EvaluationDetail): Uint8Array | undefined {
  return everRight && right ? right.map((one, i) => one | everRight[i]!) : right
}

/** Of an evaluation: a view comes five times a second, an evaluation now and then. */
const mistakesSeen = new WeakMap<EvaluationDetail, MistakesView>()

/** Examples of the newest evaluation that a view carries. */
const mistakesInView = 8

function newestMistakes(core: Core): { mistakes?: MistakesView } {
  const detail = core.details.at(-1)
  // After an undo the evaluation may belong to weights that were taken back.
  if (!detail || detail.iteration > core.iteration) return {}
  let mistakes = mistakesSeen.get(detail)
  if (!mistakes) {
    if (!detail.losses.some((loss) => !Number.isNaN(loss))) return {}
    mistakes = mistakesOf({ detail, of: 'evaluation', k: mistakesInView })
    mistakesSeen.set(detail, mistakes)
  }
  return { mistakes }
}

export function viewOf(
  core: Core,
  at: { live: boolean; from: number; to?: number; started: number },
): RunView {
  return {
    kind: 'run',
    name: core.name,
    live: at.live,
    iteration: core.iteration,
    from: at.from,
    ...(at.to !== undefined && Number.isFinite(at.to) && { to: at.to }),
    history: core.history.columns(),
    evaluations: core.evaluations,
    adjustments: core.adjustments,
    metrics: core.settings.metrics.map(({ name }) => name),
    stopReason: core.stopReason,
    milliseconds: performance.now() - at.started,
    ...(core.spikes.length > 0 && { spikes: core.spikes }),
    ...newestMistakes(core),
  }
}
