/**
 * All that a run can write down of itself beside numbers, and read back: one row a kind, with what each of its kind is made by.
 * A function of the user's own is recorded as 'own', by its name: it is none of the makers, and is passed again.
 */
import type { Optimizer } from '../../backend/optimizers/optimizer.js'
import { mixed, scheduled, type BatchSizes } from './batch-sizes.js'
import { optimizerFrom } from './optimizer-record.js'
import type { Recorded } from './recorded.js'
import { constant, cosine, linear, oneCycle, piecewise, warmUp, type Schedule } from './schedules.js'
import {
  all,
  any,
  diverged,
  iterationsSpent,
  plateau,
  targetReached,
  timeSpent,
  type StopRule,
} from './stops.js'
import { byLoss, bySource, curriculum, hardest, uniform, unlike, type Subset } from './subsets.js'

/** What makes each one of a kind anew of its settings; undefined where a part of it was a function of the user's own. */
type Makers<T> = { readonly [name: string]: (settings: any) => T | undefined }

const schedules: Makers<Schedule> = {
  constant,
  cosine,
  linear,
  oneCycle,
  piecewise: ({ steps }) => piecewise(steps),
  warmUp({ over, before: record }) {
    const before = again('schedule', record)
    return before && warmUp({ over, before })
  },
}

const stops: Makers<StopRule> = {
  targetReached: ({ metric, value }) => targetReached(metric, value),
  plateau,
  timeSpent,
  iterationsSpent: ({ n }) => iterationsSpent(n),
  diverged,
  any: ({ rules }) => joined(any, rules),
  all: ({ rules }) => joined(all, rules),
}

function joined(join: typeof any, records: readonly Recorded[]): StopRule | undefined {
  const rules = records.map((record) => again('stop', record))
  return rules.every((rule) => rule !== undefined) ? join(...rules) : undefined
}

const batchSchedules: Makers<BatchSizes> = {
  mixed: ({ sizes }) => mixed(sizes, 'the sizes on disk'),
  scheduled({ schedule: record }) {
    const schedule = again('schedule', record)
    return schedule && scheduled(schedule)
  },
}

const subsets: Makers<Subset> = { uniform, hardest, byLoss, bySource, curriculum, unlike }

const made =
  <T>(makers: Makers<T>) =>
  ({ name, settings }: Recorded): T | undefined =>
    Object.hasOwn(makers, name) ? makers[name]!(settings) : undefined

export interface Kinds {
  schedule: Schedule
  batchSchedule: BatchSizes
  stop: StopRule
  subset: Subset
  optimizer: Optimizer
}

/** One row a kind: what it is called in messages, how it is passed again, and how it is made again. */
const registry: {
  readonly [kind in keyof Kinds]: {
    called: string
    /** How one of the user's own is written where it is passed again. */
    own(record: Recorded): string
    again(record: Recorded): Kinds[kind] | undefined
  }
} = {
  schedule: { called: 'schedule', own: () => '(iteration, peak) => …', again: made(schedules) },
  batchSchedule: {
    called: 'rule for sizes',
    own: () => '(iteration, batchSize) => …',
    again: made(batchSchedules),
  },
  stop: { called: 'stop rule', own: () => '(progress) => …', again: made(stops) },
  subset: { called: 'subset', own: () => 'where((row) => …)', again: made(subsets) },
  optimizer: { called: 'optimizer', own: ({ name }) => `${name}({ … })`, again: optimizerFrom },
}

/** What was recorded, made anew; undefined where only the user has it. How each is recorded: `recordOf`. */
export function again<Kind extends keyof Kinds>(kind: Kind, record: Recorded): Kinds[Kind] | undefined {
  return registry[kind].again(record)
}

export const calledOf = (kind: keyof Kinds): string => registry[kind].called

/** What a user writes to pass again one that no file can hold. */
export const ownOf = (kind: keyof Kinds, record: Recorded): string => registry[kind].own(record)
