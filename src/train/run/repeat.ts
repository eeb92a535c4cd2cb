import { describe, InputError } from '../../errors.js'
import { meanInterval } from '../../mistakes/index.js'
import { seed as setSeed } from '../../seed.js'
import type { EvaluationRow } from '../../views.js'
import { aside } from './announce.js'
import type { Run, AnyRun } from './run.js'

/** One number of an evaluation, over the seeds. */
export interface RepeatRow {
  metric: string
  mean: number
  /** Standard deviation between seeds. */
  deviation: number
  /** Holds the true mean 19 times in 20 (Student's t, at any number of seeds). */
  from: number
  to: number
  values: number[]
}

/**
 * Trains the same thing with several seeds, and gives the mean, spread and interval of what each came to.
 *
 * @param seeds `seed(n)` is called with each before `make`.
 * @param make gives a trained run (its last evaluation counts) or an evaluation.
 * @example
 * await repeat([1, 2, 3, 4, 5], async (seed) => {
 *   const one = train(makeModel(), { data: data.train, loss: 'meanSquaredError', optimizer: adam({ learningRate: 1e-3 }), seed })
 *   await one.iterate(500)
 *   return one
 * })
 */
export async function repeat(
  seeds: readonly number[],
  make: (seed: number) => Promise<AnyRun | EvaluationRow> | AnyRun | EvaluationRow,
): Promise<RepeatRow[]> {
  if (!Array.isArray(seeds) || seeds.length < 2)
    throw new InputError({
      where: 'repeat(seeds, make)',
      received: describe(seeds),
      expected: 'at least two seeds, e.g. [1, 2, 3, 4, 5]',
    })
  if (typeof make !== 'function')
    throw new InputError({
      where: 'repeat(seeds, make)',
      received: describe(make),
      expected: '(seed) => a trained run, or its evaluation',
    })
  const rows: EvaluationRow[] = []
  for (const one of seeds) {
    setSeed(one)
    rows.push(await aside(async () => evaluationOf(await make(one))))
  }
  const metrics = Object.keys(rows[0]!).filter((name) => name !== 'iteration')
  return metrics.map((metric) =>
    spreadOf(
      metric,
      rows.map((row) => row[metric]!),
    ),
  )
}

async function evaluationOf(made: AnyRun | EvaluationRow): Promise<EvaluationRow> {
  if (typeof (made as Run)?.evaluate !== 'function') {
    if (typeof made?.iteration === 'number' && 'loss' in made) return made
    throw new InputError({
      where: 'repeat(seeds, make)',
      received: `${describe(made)} from make`,
      expected: 'a run, or what run.evaluate(…) gives',
    })
  }
  const run = made as Run
  const last = run.evaluations.at(-1)
  return last?.iteration === run.iteration ? last : run.evaluate()
}

/** Mean, spread and interval of some numbers. */
export function spreadOf(metric: string, values: number[]): RepeatRow {
  return { metric, ...meanInterval(values), values }
}
