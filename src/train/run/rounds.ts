import { describe, InputError } from '../../errors.js'
import { whileWaiting } from '../../settle.js'
import { named } from '../../suggest.js'
import type { EvaluationRow, RoundsView } from '../../views.js'
import { checkChanges, type Changes } from '../adjust/changes.js'
import { choosePart } from '../adjust/focus.js'
import type { Core } from '../state/core.js'
import { evaluateRun } from '../step/evaluate-run.js'
import type { Course } from './course.js'
import { progressOf, ruleMet, stretch } from './loop.js'
import { aboutRules, checkRule } from '../rules/options.js'
import { viewOf } from './run-view.js'
import { asRule, type StopFunction, type StopRule } from '../rules/stops.js'
import { checkSubset, uniform, type Subset } from '../rules/subsets.js'

/** A row of a table of adjustments: when the rule is met at a round's end, make the change. */
export interface AdjustmentRule<Run, Rate = number> {
  /** Looked at after each round's evaluation. Required. `when: plateau({ patience: 2 })` */
  when: StopRule | StopFunction
  /**
   * Changes for `run.set`, where a function gets the present value; or code. Required.
   * `change: { learningRate: (rate) => rate / 2 }`
   */
  change: ChangesFrom<Rate> | ((run: Run) => unknown)
  /** The reason that the adjustment is written down with. Default: what the rule says. `why: 'flat'` */
  why?: string
}

/** Changes whose functions get the present value; undefined where nothing is set. */
type ChangesFrom<Rate> = {
  [name in keyof Changes]: name extends FunctionName
    ? Changes[name]
    : Changes[name] | ((now: Present<name, Rate>) => Changes[name])
}

type Present<Name extends keyof Changes, Rate> = Name extends 'learningRate'
  ? Rate
  : Name extends 'batchSize'
    ? number
    : Exclude<Changes[Name], null>

export interface RoundsOptions<Run, Metrics extends string = string, Rate = number> {
  /** Iterations of each round. Required. `iterations: 100` */
  iterations: number
  /** What a round's iterations draw from, chosen anew at its beginning. Default: everything. `subset: hardest(0.5)` */
  subset?: Subset
  /**
   * What the errors ask for, after each round's evaluation: code, or a table of rules. Without `evaluateOn` the code is given
   * the mean loss of the round's batches. Default: nothing.
   * `adjust: [{ when: plateau(), change: { learningRate: (rate) => rate / 2 } }]`
   */
  adjust?: ((evaluation: EvaluationRow<Metrics>, run: Run) => unknown) | readonly AdjustmentRule<Run, Rate>[]
  /** Ends the rounds before all are done. Default: none. `until: targetReached('accuracy', 0.99)` */
  until?: StopRule | StopFunction
  /** Ends the call as Stop does, at a whole iteration. Default: none. `signal: AbortSignal.timeout(60_000)` */
  signal?: AbortSignal
}

/** Some iterations on a subset, one evaluation, and the adjustments its errors ask for; again and again. */
export async function rounds<Run extends { set(changes: Changes, options?: { why?: string }): void }>(
  course: Course,
  run: Run,
  n: number,
  options: RoundsOptions<Run> & { rule?: StopRule },
): Promise<RoundsView> {
  const { core, live } = course
  const { iterations, subset = uniform(), adjust, rule, signal } = options
  checkSubset(subset, 'run.rounds(n, { subset })')
  checkAdjust(core, adjust)
  if (!Number.isInteger(iterations) || iterations < 1)
    throw new InputError({
      where: 'run.rounds(n, { iterations })',
      received: describe(iterations),
      expected: 'a whole number of iterations a round, at least 1',
    })
  const started = performance.now()
  const from = core.state.iteration
  const within = { from, to: from + n * iterations, started }
  const pause = async () => {
    if (live.due) await live.refresh(() => viewOf(core, { live: true, ...within }))
  }
  const rows: RoundsView['rows'][number][] = []
  const starts: number[] = []
  const outer = core.state.order.subset
  const giveBack = () => core.state.order.focus(outer)
  const isOver = whileWaiting(giveBack, core)
  live.begin()
  core.state.stopReason = null
  const call = core.owner
  try {
    let before = core.evaluateOn && n > 0 ? await current(course, pause, call) : undefined
    for (let round = 1; round <= n && !core.state.stopReason; round++) {
      const begun = core.state.iteration
      const noted = core.state.adjustments.length
      starts.push(begun)
      core.state.order.focus(await choosePart(core, subset, starts, pause))
      await stretch(course, { iterations, rule, signal, spent: 'done', within })
      const after = core.evaluateOn ? await current(course, pause, call) : undefined
      core.state.stopReason ??= ruleMet(core, [rule, core.state.ruleSpent ? undefined : core.settings.stop], {
        from,
        started,
      })
      await makeAdjustments(core, run, adjust, after ?? ownLoss(core, begun), { from, started })
      rows.push({
        round,
        subset: subset.name,
        from: begun,
        to: core.state.iteration,
        ...(before && { before }),
        ...(after && { after }),
        adjustments: core.state.adjustments.slice(noted),
      })
      before = after
    }
    core.state.stopReason ??= {
      kind: 'iterations',
      iteration: core.state.iteration,
      message: `${n} rounds of ${iterations} iterations are spent`,
    }
  } finally {
    if (isOver()) giveBack()
    live.end(viewOf(core, { live: false, ...within }))
  }
  return { kind: 'rounds', run: core.name, rows, stopReason: core.state.stopReason }
}

/** The evaluation of the run as it stands: made now, unless it has been. */
async function current(
  { core, journal }: Course,
  pause: () => Promise<void>,
  call: object | undefined,
): Promise<EvaluationRow> {
  const last = core.state.evaluations.at(-1)
  if (last?.iteration === core.state.iteration) return last
  const { row } = await evaluateRun(core, journal, pause, call)
  core.supervisor?.evaluated(core, row)
  return row
}

/** How a round did by its own batches, where nothing is held out: their mean loss. */
function ownLoss(core: Core, begun: number): EvaluationRow {
  let sum = 0
  for (let at = begun; at < core.state.history.length; at++) sum += core.state.history.row(at).loss
  return { iteration: core.state.iteration, loss: sum / Math.max(1, core.state.history.length - begun) }
}

async function makeAdjustments<Run extends { set(changes: Changes, options?: { why?: string }): void }>(
  core: Core,
  run: Run,
  adjust: RoundsOptions<Run>['adjust'],
  evaluation: EvaluationRow,
  call: { from: number; started: number },
): Promise<void> {
  if (typeof adjust === 'function') return void (await adjust(evaluation, run))
  for (const row of adjust ?? []) {
    const met = asRule(row.when).met(progressOf(core, call))
    if (!met) continue
    if (typeof row.change === 'function') await row.change(run)
    else run.set(resolved(core, row.change), { why: row.why ?? met.message })
  }
}

/** A table is looked at before the first round: what is wrong in it would be seen rounds later, or never. */
function checkAdjust<Run>(core: Core, adjust: RoundsOptions<Run>['adjust']): void {
  if (adjust === undefined || typeof adjust === 'function') return
  const where = 'run.rounds(n, { adjust })'
  if (!Array.isArray(adjust))
    throw new InputError({
      where,
      received: describe(adjust),
      expected:
        '(evaluation, run) => …, or rows { when: plateau(), change: { learningRate: (rate) => rate / 2 } }',
    })
  for (const row of adjust as readonly AdjustmentRule<Run>[]) {
    const { when, change } = named(row, ['when', 'change', 'why'], where)
    checkRule(when, { ...aboutRules(core), where })
    if (typeof change !== 'function') checkChanges(change, `${where}.change`)
  }
}

/** What a function is a value of, and not a way to one. */
type FunctionName = 'schedule' | 'batchSchedule' | 'stop'
const functions: readonly string[] = ['schedule', 'batchSchedule', 'stop'] satisfies FunctionName[]

/** Changes whose functions have been given the present value. */
function resolved(core: Core, changes: { [name: string]: unknown }): Changes {
  const now: { [name: string]: unknown } = {
    learningRate: Object.keys(core.state.peaks).length > 1 ? core.state.peaks : core.state.peak,
    ...core.settings,
  }
  return Object.fromEntries(
    Object.entries(changes).map(([name, value]) => [
      name,
      typeof value === 'function' && !functions.includes(name) ? value(now[name]) : value,
    ]),
  )
}
