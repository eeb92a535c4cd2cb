import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'

/** What a pruner sees of a trial: how good it was by iteration, smaller is better. */
export interface Course {
  readonly number: number
  readonly state: 'running' | 'waiting' | 'complete' | 'pruned' | 'failed'
  readonly reports: readonly { readonly iteration: number; readonly value: number }[]
}

/** A way to end trials early that are worse than others were at the same iteration, as a value. */
export interface Pruner {
  readonly name: string
  readonly settings: { readonly [name: string]: unknown }
  /** Why the trial shall end after its last report; undefined to let it go on. */
  verdict(trial: Course, others: readonly Course[]): string | undefined
}

function checkCount(where: string, value: unknown, least: number): void {
  if (!Number.isInteger(value) || (value as number) < least)
    throw new InputError({
      where,
      received: describe(value),
      expected: `a whole number of at least ${least}`,
    })
}

/** The value at the first report from this iteration on. */
const valueFrom = ({ reports }: Course, iteration: number): number | undefined =>
  reports.find((report) => report.iteration >= iteration)?.value

/**
 * Asynchronous successive halving: at `from` iterations, and at `factor` times as many again and again, only the best `1/factor` of
 * those that came so far goes on; nobody waits for others.
 * L. Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020 (ASHA), in the form that stops trials.
 *
 * @param settings `from`: iterations of the first look; `factor`: default 3.
 * @example const study = sweep({ space: { x: uniform(0, 1) }, trial: ({ x }) => x ** 2, pruner: asha({ from: 100 }) })
 */
export function asha(settings: { from: number; factor?: number }): Pruner {
  const { from, factor = 3 } = named(settings, ['from', 'factor'], 'asha(settings)')
  checkCount('asha({ from })', from, 1)
  if (typeof factor !== 'number' || !(factor > 1) || !Number.isFinite(factor))
    throw new InputError({
      where: 'asha({ factor })',
      received: describe(factor),
      expected: 'a number above 1',
    })
  return {
    name: 'asha',
    settings: { from, factor },
    verdict(trial, others) {
      const [last, before] = [trial.reports.at(-1)!, trial.reports.at(-2)]
      for (let rung = from; rung <= last.iteration; rung *= factor) {
        if (before && before.iteration >= rung) continue
        const values = others.flatMap((other) => valueFrom(other, rung) ?? [])
        const better = values.filter((value) => value < last.value).length
        const most = Math.max(1, Math.floor((values.length + 1) / factor))
        if (better >= most || Number.isNaN(last.value))
          return `at ${last.iteration} iterations ${better} of ${values.length + 1} were better, and ${most} go on`
      }
      return undefined
    },
  }
}

/**
 * Ends a trial whose best so far is worse than the median of what others had at the same iteration
 * (D. Golovin et al., Google Vizier, KDD 2017, there of running averages).
 *
 * @param settings `after`: trials that are let be, default 5; `from`: iterations before the first look, default 0.
 * @example const study = sweep({ space: { x: uniform(0, 1) }, trial: ({ x }) => x ** 2, pruner: median() })
 */
export function median(settings: { after?: number; from?: number } = {}): Pruner {
  const { after = 5, from = 0 } = named(settings, ['after', 'from'], 'median(settings)')
  checkCount('median({ after })', after, 1)
  checkCount('median({ from })', from, 0)
  return {
    name: 'median',
    settings: { after, from },
    verdict(trial, others) {
      const { iteration } = trial.reports.at(-1)!
      if (iteration < from) return undefined
      const values = others
        .filter(({ state }) => state === 'complete' || state === 'pruned')
        .flatMap((other) => valueFrom(other, iteration) ?? [])
        .toSorted((a, b) => a - b)
      if (values.length < after) return undefined
      const middle = (values[(values.length - 1) >> 1]! + values[values.length >> 1]!) / 2
      const best = Math.min(...trial.reports.map(({ value }) => value))
      // NaN is not better than anything.
      if (best <= middle) return undefined
      return `its best by ${iteration} iterations is worse than the median of ${values.length} others`
    },
  }
}
