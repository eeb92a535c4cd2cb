import { describe, InputError } from '../../errors.js'
import type { Adjustment } from '../../views.js'
import { checkChanges, type Changes } from '../adjust/changes.js'
import { maybePattern } from '../rules/optimizer-record.js'
import type { Recorded } from '../rules/recorded.js'
import { again, calledOf } from '../rules/registry.js'
import type { Subset } from '../rules/subsets.js'

/** What replaying does to a run: the same calls that made the adjustments. */
export interface Adjustable {
  set(changes: Changes, options?: { why?: string }): void
  exclude(ids: number[], options?: { why?: string }): void
  include(ids: number[], options?: { why?: string }): void
  reweight(ids: number[], factor: number, options?: { why?: string }): void
  relabel(id: number, label: never, options?: { why?: string }): void
  note(text: string): void
  focus(on: Iterable<number> | Subset | null, options?: { why?: string }): unknown
}

type Why = { why?: string }
type Make = (run: Adjustable, why: Why) => unknown

/** One row an adjustment that is not a plain value to set: how it is made again. It throws where it cannot be. */
const makers: { readonly [what: string]: (to: any) => Make } = {
  exclude: ({ ids }) => byIds('exclude', ids),
  include: ({ ids }) => byIds('include', ids),
  reweight({ ids, factor }) {
    const some = listed('reweight', ids)
    return (run, why) => run.reweight(some, factor, why)
  },
  relabel:
    ({ id, label }) =>
    (run, why) =>
      run.relabel(id, label as never, why),
  note: (text) => (run) => run.note(text),
  focus(to) {
    if (to === 'all') return (run, why) => run.focus(null, why)
    const on = again('subset', { name: to.maker, settings: to.settings }) ?? listed('focus', to.ids)
    return (run, why) => run.focus(on, why)
  },
  schedule: (to) => set({ schedule: to && required('schedule', to) }),
  batchSchedule: (to) => set({ batchSchedule: to && (required('batchSchedule', to) as never) }),
  stop: (to) => set({ stop: to && required('stop', to) }),
  freeze: (to) => set({ freeze: patternOf(to) }),
  optimizer: ({ name, ...settings }) => set({ optimizer: required('optimizer', { name, settings }) }),
}

/** What can be set to nothing. */
const nullable = ['schedule', 'batchSchedule', 'stop', 'freeze']

const set =
  (changes: Changes): Make =>
  (run, why) =>
    run.set(changes, why)

function byIds(what: 'exclude' | 'include', ids: unknown): Make {
  const some = listed(what, ids)
  return (run, why) => run[what](some, why)
}

/** Ids that were written down one by one. */
function listed(what: string, ids: unknown): number[] {
  if (Array.isArray(ids)) return ids
  throw new InputError({
    where: 'run.replay(adjustments)',
    received: `${what} of ${typeof ids === 'string' ? `${ids}, too many to be written out` : describe(ids)}`,
    expected: 'ids, or a subset whose record says all',
    fix: `Leave it out, and run.${what}(…) where it belongs.`,
  })
}

/** How an adjustment is made on another run. */
function makerOf({ what, to }: Adjustment): Make {
  const make = Object.hasOwn(makers, what) ? makers[what]! : undefined
  if (!make) {
    checkChanges({ [what]: to }, 'run.replay(adjustments)')
    return set({ [what]: to } as Changes)
  }
  return make(to ?? (nullable.includes(what) ? null : {}))
}

function required<Kind extends 'schedule' | 'batchSchedule' | 'stop' | 'optimizer'>(
  kind: Kind,
  record: Recorded,
): NonNullable<ReturnType<typeof again<Kind>>> {
  const made = again(kind, record)
  if (made !== undefined) return made
  throw new InputError({
    where: 'run.replay(adjustments)',
    received: `a ${calledOf(kind)} that is a function of your own`,
    expected: `one of gradbook's, whose record says all`,
    fix: `Leave it out, and run.set({ … }) it where it belongs.`,
  })
}

function patternOf(to: unknown): RegExp | string[] | null {
  return (typeof to === 'string' ? maybePattern(to) : undefined) ?? (to as string[] | null)
}

/** Checks adjustments and puts them in order. */
export function checkAdjustments(adjustments: readonly Adjustment[]): Adjustment[] {
  if (!Array.isArray(adjustments))
    throw new InputError({
      where: 'run.replay(adjustments)',
      received: describe(adjustments),
      expected: 'adjustments of a run: run.replay(other.adjustments)',
    })
  for (const one of adjustments) {
    if (typeof one?.at !== 'number' || typeof one.what !== 'string')
      throw new InputError({
        where: 'run.replay(adjustments)',
        received: describe(one),
        expected: '{ at, what, to }',
      })
    makerOf(one)
  }
  return adjustments.toSorted((a, b) => a.at - b.at)
}

export function makeAdjustment(run: Adjustable, adjustment: Adjustment): unknown {
  const { why } = adjustment
  return makerOf(adjustment)(run, why === undefined ? {} : { why })
}
