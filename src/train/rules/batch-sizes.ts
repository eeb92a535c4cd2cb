import { createRandom } from '../../data/random.js'
import { describe, InputError } from '../../errors.js'
import { keyOf } from '../order/key.js'
import { recordOf } from './recorded.js'
import type { Schedule } from './schedules.js'

/**
 * Batch sizes by rule: a schedule (`linear({ over: 1000, to: 256 })` from `batchSize` on), sizes to be mixed, or a function
 * (iteration, batchSize) => size.
 */
export type BatchSchedule = Schedule | readonly number[] | ((iteration: number, batchSize: number) => number)

/** The rule as a run uses it. */
export interface BatchSizes {
  readonly name: string
  readonly settings: { readonly [name: string]: unknown }
  size(iteration: number, at: { batchSize: number; seed: number }): number
}

/** Each size is a graph of its own, so a rule may have this many. */
export const mostSizes = 8
/** Iterations whose sizes are looked at before a function of one's own is taken. */
const lookedAhead = 100_000

export function asBatchSizes(
  rule: BatchSchedule | BatchSizes | undefined,
  batchSize: number,
  where: string,
): BatchSizes | undefined {
  if (rule === undefined || rule === null) return undefined
  if (isBatchSizes(rule)) return rule
  if (Array.isArray(rule)) return mixed(rule, where)
  if (typeof rule === 'function') return own(rule, batchSize, where)
  if (typeof (rule as Schedule).rate === 'function') return scheduled(rule as Schedule)
  throw new InputError({
    where,
    received: describe(rule),
    expected:
      'a schedule such as linear({ over: 1000, to: 256 }), sizes like [16, 64], or (iteration, batchSize) => size',
  })
}

const isBatchSizes = (rule: object): rule is BatchSizes => typeof (rule as BatchSizes).size === 'function'

function checkSize(size: unknown, where: string): number {
  if (Number.isInteger(size) && (size as number) > 0) return size as number
  throw new InputError({
    where,
    received: describe(size),
    expected: 'a batch size: a whole number, at least 1',
  })
}

/** Each iteration draws one of the sizes, by the run's seed. */
export function mixed(sizes: readonly number[], where: string): BatchSizes {
  if (sizes.length === 0 || new Set(sizes).size > mostSizes)
    throw new InputError({
      where,
      received: `${sizes.length} sizes`,
      expected: `1 to ${mostSizes} different ones, as each is compiled by itself`,
    })
  for (const size of sizes) checkSize(size, where)
  return {
    name: 'mixed',
    settings: { sizes },
    size: (iteration, { seed }) =>
      sizes[Math.floor(createRandom(keyOf(seed, 'batch size', iteration)).next() * sizes.length)]!,
  }
}

/** What a schedule gives, taken to `batchSize` times or divided by a power of two: few sizes, however it is curved. Steps are taken as they are. */
export function scheduled(schedule: Schedule): BatchSizes {
  const exact = schedule.name === 'piecewise'
  return {
    name: 'scheduled',
    settings: { schedule: recordOf(schedule) },
    size(iteration, { batchSize }) {
      const wanted = Math.max(1, schedule.rate(iteration, batchSize))
      const size = exact ? wanted : batchSize * 2 ** Math.round(Math.log2(wanted / batchSize))
      return Math.max(1, Math.round(size))
    },
  }
}

function own(
  rule: (iteration: number, batchSize: number) => number,
  batchSize: number,
  where: string,
): BatchSizes {
  const sizes = new Set<number>()
  for (let iteration = 1; iteration <= lookedAhead && sizes.size <= mostSizes; iteration++)
    sizes.add(checkSize(rule(iteration, batchSize), where))
  if (sizes.size > mostSizes)
    throw new InputError({
      where,
      received: `a function with more than ${mostSizes} sizes (${[...sizes].slice(0, 4).join(', ')}, …)`,
      expected: `at most ${mostSizes} different ones, as each is compiled by itself`,
      fix: 'Round them: 2 ** Math.round(Math.log2(size)).',
    })
  return {
    name: 'own',
    settings: { function: rule.name || 'own function' },
    size: (iteration, at) => checkSize(rule(iteration, at.batchSize), where),
  }
}
