import { describe, InputError } from '../errors.js'
import { metrics } from '../train/loss/metrics.js'
import type { EvaluationRow } from '../views.js'
import type { PassReport } from './engine.js'
import type { Branch } from './search/search.js'

/** A trial of a study as data. */
export interface Trial<Parameters = { readonly [name: string]: unknown }> {
  readonly number: number
  readonly parameters: Parameters
  /** 'waiting': it was broken off, and the next `run` takes it up. */
  readonly state: 'running' | 'waiting' | 'complete' | 'pruned' | 'failed'
  /** The objectives by name, means over the seeds. Of a pruned one, what it had. */
  readonly values: { readonly [objective: string]: number }
  /** What each seed came to. */
  readonly seeds: readonly SeedResult[]
  /** What its evaluations said, oldest first. */
  readonly reports: readonly PassReport[]
  /** Of its work, all seeds together. */
  readonly milliseconds: number
  /** Why it was pruned or failed. */
  readonly message?: string
  /** Of a member of a population: which, the trial that it goes on from, and the iteration at which it ends. */
  readonly branch?: Branch
  /** Where its runs lie; undefined where nothing is written. */
  readonly folder?: string
}

export interface SeedResult {
  readonly seed: number
  readonly values: { readonly [objective: string]: number }
}

/** What a study looks for. */
export interface Objective {
  readonly name: string
  /** Whether larger is better. */
  readonly larger: boolean
}

/** An objective by its name, whose direction is known for metrics, or with its direction. */
export type ObjectiveOption = string | { readonly minimize: string } | { readonly maximize: string }

/** @throws InputError for what names no number of an evaluation. */
export function objectivesFrom(given: unknown, where: string): readonly Objective[] {
  const list = Array.isArray(given) ? given : [given]
  const objectives = list.map((one: unknown): Objective => {
    if (typeof one === 'string' && one !== '') return { name: one, larger: metrics.get(one)?.larger ?? false }
    const { minimize, maximize, ...others } = (typeof one === 'object' && one !== null ? one : {}) as {
      minimize?: unknown
      maximize?: unknown
    }
    const name = minimize ?? maximize
    if (typeof name === 'string' && name !== '' && Object.keys(others).length === 0)
      if ((minimize === undefined) !== (maximize === undefined))
        return { name, larger: maximize !== undefined }
    throw new InputError({
      where,
      received: describe(one),
      expected:
        "the name of a number that evaluations have, or its direction: 'accuracy', { minimize: 'loss' }",
      fix: 'Several objectives are an array.',
    })
  })
  const names = objectives.map(({ name }) => name)
  if (objectives.length > 0 && new Set(names).size === names.length) return objectives
  throw new InputError({
    where,
    received: describe(given),
    expected: 'at least one objective, each of them once',
  })
}

/** How good it is, smaller is better. */
export const costOf = ({ name, larger }: Objective, values: { readonly [name: string]: number }): number =>
  larger ? -values[name]! : values[name]!

/** Whether no value of `a` is worse than that of `b`, and one is better. */
export function dominates(objectives: readonly Objective[], a: Trial, b: Trial): boolean {
  const differences = objectives.map((one) => costOf(one, a.values) - costOf(one, b.values))
  return differences.every((d) => d <= 0) && differences.some((d) => d < 0)
}

/** What a trial's function may give: a run, an evaluation, a number where there is one objective, numbers by name. */
export type Outcome =
  | { evaluations: readonly EvaluationRow[]; iteration: number }
  | { [name: string]: number }
  | number
  | void

/**
 * The objectives that a trial came to.
 *
 * @throws InputError where one of them is missing or not finite.
 */
export async function valuesOf(
  outcome: unknown,
  objectives: readonly Objective[],
  last: PassReport | undefined,
): Promise<{ [objective: string]: number }> {
  const where = 'trial(parameters, context)'
  const [first] = objectives as [Objective]
  const row: unknown =
    typeof outcome === 'number' && objectives.length === 1
      ? { [first.name]: outcome }
      : outcome === undefined
        ? last
        : await evaluationOf(outcome)
  if (row === undefined)
    throw new InputError({
      where,
      received: 'a trial that says nothing: it gives nothing back, and no run of it was evaluated',
      expected: `the run that it trained, or { ${objectives.map(({ name }) => name).join(', ')} }`,
    })
  return Object.fromEntries(
    objectives.map(({ name }) => {
      const value = (row as { [name: string]: unknown })[name]
      if (typeof value === 'number' && Number.isFinite(value)) return [name, value]
      const numbers = Object.keys(row as object).filter((key) => key !== 'iteration' && key !== 'seed')
      throw new InputError({
        where: `${where}, objective '${name}'`,
        received:
          value === undefined
            ? `an outcome without it (${numbers.join(', ') || 'it is empty'})`
            : describe(value),
        expected: 'a finite number',
        ...(value === undefined && { fix: `Give the run the metric, or return { ${name}: … }.` }),
      })
    }),
  )
}

/** The last evaluation of a run, made now where it has gone on since; another value as it is. */
async function evaluationOf(outcome: unknown): Promise<unknown> {
  const run = outcome as {
    evaluate?: () => Promise<unknown>
    evaluations?: readonly EvaluationRow[]
    iteration?: number
  }
  if (typeof run !== 'object' || run === null) return outcome
  if (typeof run.evaluate !== 'function' || !run.evaluations) return run
  const last = run.evaluations.at(-1)
  return last?.iteration === run.iteration ? last : run.evaluate()
}
