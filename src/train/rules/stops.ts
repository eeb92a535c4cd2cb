import { describe, InputError } from '../../errors.js'
import type { EvaluationRow, StopReason } from '../../views.js'
import { named, renamed } from '../../suggest.js'
import { recordOf } from './recorded.js'

/** The iterations so far, a row each, as a rule reads them. */
export interface PastIterations {
  readonly length: number
  /** Names of the columns: iteration, loss, learningRate, … */
  readonly names: readonly string[]
  /** The oldest is 0. */
  row(at: number): { readonly iteration: number; readonly loss: number; readonly [name: string]: number }
  /** A value of the last row; NaN before the first. */
  last(name: string): number
  column(name: string): Float64Array
}

/** What a stop rule looks at. */
export interface Progress {
  iteration: number
  /** The iteration at which the call began. */
  from: number
  history: PastIterations
  /** Those of the run; a rule takes the ones after `from`. */
  evaluations: readonly EvaluationRow[]
  /** The rows that have this metric: evaluations, or means of the history where only that has it. Default: the evaluations. */
  seen?(metric: string): readonly EvaluationRow[]
  /** Of the call, so far. */
  milliseconds: number
  /** Whether a larger value of this metric is better. */
  larger(metric: string): boolean
}

/** When to stop, as a value. */
export interface StopRule {
  readonly name: string
  readonly settings: { readonly [name: string]: unknown }
  /** Metrics of evaluations, or columns of the history, that it needs. */
  readonly metrics: readonly string[]
  /** The reason to stop now, undefined to go on. */
  met(progress: Progress): Pick<StopReason, 'kind' | 'message'> | undefined
}

export type StopFunction = (progress: Progress) => boolean | string | undefined | void

const round = (value: number) => Number(value.toPrecision(4))

function checkNumber(where: string, value: unknown, ok: (value: number) => boolean, expected: string): void {
  if (typeof value === 'number' && ok(value)) return
  throw new InputError({ where, received: describe(value), expected })
}

/**
 * Stops when an evaluation has the metric at `value` or better: `targetReached('accuracy', 0.97)`, `targetReached('loss', 0.1)`. What
 * only the history has, and without `evaluateOn` the loss too, is looked at as the mean of every `evaluateEvery` iterations.
 */
export function targetReached(metric: string, value: number): StopRule {
  if (typeof metric !== 'string')
    throw new InputError({
      where: 'targetReached(metric, value)',
      received: describe(metric),
      expected: "the name of a metric, e.g. targetReached('accuracy', 0.97)",
    })
  checkNumber(`targetReached('${metric}', value)`, value, Number.isFinite, 'a finite number')
  return {
    name: 'targetReached',
    settings: { metric, value },
    metrics: [metric],
    met({ iteration, evaluations, seen, larger }) {
      const last = (seen?.(metric) ?? evaluations).at(-1)
      if (last?.iteration !== iteration || last[metric] === undefined) return undefined
      const reached = larger(metric) ? last[metric] >= value : last[metric] <= value
      if (!reached) return undefined
      const sign = larger(metric) ? '>=' : '<='
      return { kind: 'target', message: `${metric} ${round(last[metric])} ${sign} ${value}` }
    },
  }
}

/**
 * Stops when the last `patience` evaluations of the call brought nothing better (by more than `minDelta`) than the best before.
 *
 * @example await run.until(plateau({ metric: 'accuracy', patience: 3, minDelta: 0.001 }), { atMost: 2000 })
 */
export function plateau(
  settings: {
    metric?: string
    /** Evaluations. Default: 5 */
    patience?: number
    /** What counts as better, in the unit of the metric. Default: 0, anything. */
    minDelta?: number
    /** @deprecated It is called `minDelta` now. */
    atLeast?: number
  } = {},
): StopRule {
  const now = renamed(settings, { atLeast: 'minDelta' }, 'plateau(settings)')
  const known = ['metric', 'patience', 'minDelta']
  const { metric = 'loss', patience = 5, minDelta = 0 } = named(now, known, 'plateau(settings)')
  checkNumber(
    'plateau.patience',
    patience,
    (n) => Number.isInteger(n) && n > 0,
    'a whole number of evaluations, at least 1',
  )
  checkNumber('plateau.minDelta', minDelta, (n) => n >= 0, 'a number, 0 or more')
  return {
    name: 'plateau',
    settings: { metric, patience, minDelta },
    metrics: [metric],
    met({ iteration, from, evaluations, seen, larger }) {
      const rows = (seen?.(metric) ?? evaluations).filter(
        (row) => row.iteration > from && row[metric] !== undefined,
      )
      if (rows.at(-1)?.iteration !== iteration || rows.length <= patience) return undefined
      const sign = larger(metric) ? 1 : -1
      const best = (some: readonly EvaluationRow[]) => Math.max(...some.map((row) => sign * row[metric]!))
      const before = best(rows.slice(0, -patience))
      if (best(rows.slice(-patience)) > before + minDelta) return undefined
      return {
        kind: 'plateau',
        message: `${metric} has not been better than ${round(sign * before)} in ${patience} evaluations`,
      }
    },
  }
}

/**
 * Stops when the call has taken this long.
 *
 * @example await run.until(timeSpent({ minutes: 5 }))
 */
export function timeSpent(limit: { seconds?: number; minutes?: number; hours?: number }): StopRule {
  const known = ['seconds', 'minutes', 'hours']
  const { seconds = 0, minutes = 0, hours = 0 } = named(limit, known, 'timeSpent(limit)')
  const total = seconds + 60 * minutes + 3600 * hours
  checkNumber('timeSpent', total, (n) => n > 0, 'a time above 0, e.g. timeSpent({ minutes: 5 })')
  return {
    name: 'timeSpent',
    settings: { seconds: total },
    metrics: [],
    met: ({ milliseconds }) =>
      milliseconds < total * 1000 ? undefined : { kind: 'time', message: `${round(total)} s are spent` },
  }
}

/**
 * Stops when the call has made `n` iterations.
 *
 * @example await run.until(any(iterationsSpent(500), plateau()))
 */
export function iterationsSpent(n: number): StopRule {
  checkNumber(
    'iterationsSpent(n)',
    n,
    (value) => Number.isInteger(value) && value > 0,
    'a whole number, at least 1',
  )
  return {
    name: 'iterationsSpent',
    settings: { n },
    metrics: [],
    met: ({ iteration, from }) =>
      iteration - from < n ? undefined : { kind: 'iterations', message: `${n} iterations are spent` },
  }
}

/**
 * Stops when the mean training loss of the last `over` iterations is `factor` times its lowest of the call, or not finite.
 *
 * @example run.set({ stop: diverged({ factor: 5 }) })
 */
export function diverged(settings: { factor?: number; over?: number } = {}): StopRule {
  const { factor = 3, over = 20 } = named(settings, ['factor', 'over'], 'diverged(settings)')
  checkNumber('diverged.factor', factor, (n) => n > 1, 'a number above 1')
  checkNumber(
    'diverged.over',
    over,
    (n) => Number.isInteger(n) && n > 0,
    'a whole number of iterations, at least 1',
  )
  return {
    name: 'diverged',
    settings: { factor, over },
    metrics: [],
    met({ iteration, from, history }) {
      const since = iteration - from
      if (since < 2 * over || since % over !== 0) return undefined
      const losses = history.column('loss').subarray(-since)
      const means: number[] = []
      for (let at = losses.length; at >= over; at -= over)
        means.push(losses.subarray(at - over, at).reduce((a, b) => a + b, 0) / over)
      const lowest = Math.min(...means)
      const now = means[0]!
      if (Number.isFinite(now) && (lowest <= 0 || now <= factor * lowest)) return undefined
      return { kind: 'diverged', message: `the loss rose from ${round(lowest)} to ${round(now)}` }
    },
  }
}

/**
 * Met when one of the rules is.
 *
 * @example await run.until(any(plateau(), timeSpent({ minutes: 5 })))
 */
export function any(...rules: (StopRule | StopFunction)[]): StopRule {
  const all = someRules(rules, 'any')
  return {
    name: 'any',
    settings: { rules: all.map(recordOf) },
    metrics: all.flatMap((rule) => rule.metrics),
    met(progress) {
      for (const rule of all) {
        const reason = rule.met(progress)
        if (reason) return reason
      }
      return undefined
    },
  }
}

/**
 * Met when all of the rules are, at the same iteration.
 *
 * @example await run.until(all(targetReached('accuracy', 0.9), targetReached('loss', 0.3)))
 */
export function all(...rules: (StopRule | StopFunction)[]): StopRule {
  const parts = someRules(rules, 'all')
  return {
    name: 'all',
    settings: { rules: parts.map(recordOf) },
    metrics: parts.flatMap((rule) => rule.metrics),
    met(progress) {
      const reasons = parts.map((rule) => rule.met(progress))
      if (reasons.length === 0 || reasons.some((reason) => !reason)) return undefined
      return { kind: reasons[0]!.kind, message: reasons.map((reason) => reason!.message).join(' and ') }
    },
  }
}

function someRules(rules: readonly (StopRule | StopFunction)[], where: string): StopRule[] {
  if (rules.length > 0) return rules.map(asRule)
  throw new InputError({
    where: `${where}(…)`,
    received: 'no rules',
    expected: `rules, one after the other: ${where}(plateau(), timeSpent({ minutes: 5 }))`,
  })
}

/** A rule, or a function of one's own as one: it gives true, or a text that says why, to stop. */
export function asRule(rule: StopRule | StopFunction): StopRule {
  if (typeof rule === 'object' && rule !== null && typeof rule.met === 'function') return rule
  if (typeof rule !== 'function')
    throw new InputError({
      where: 'stop',
      received: describe(rule),
      expected: "a stop rule, e.g. targetReached('accuracy', 0.97), or a function of the progress",
    })
  return {
    name: 'own',
    settings: { function: rule.name || 'own function' },
    metrics: [],
    met(progress) {
      const answer: unknown = rule(progress)
      if (!answer) return undefined
      // A promise, or a rule that its maker made because it was passed uncalled: both would stop at once, always.
      if (typeof answer === 'object')
        throw new InputError({
          where: `the stop rule ${rule.name || 'of your own'}`,
          received: `${describe(answer)} as its answer`,
          expected: 'true or a text to stop, else nothing, and at once',
          fix: 'met' in answer ? `Write ${rule.name || 'it'}(…), with its settings.` : undefined,
        })
      return {
        kind: 'target',
        message: typeof answer === 'string' ? answer : `${rule.name || 'the rule'} is met`,
      }
    },
  }
}
