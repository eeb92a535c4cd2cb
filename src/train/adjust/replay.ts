import { describe, InputError } from '../../errors.js'
import type { Adjustment } from '../../views.js'
import type { Core } from '../state/core.js'
import { correct } from './correct.js'
import { exclude, noteText, relabel, reweight, whyOf } from './adjust.js'
import { checkChanges, setChanges, type Changes } from './changes.js'
import { prepareFocus } from './focus.js'
import { maybePattern } from '../rules/optimizer-record.js'
import type { Recorded } from '../rules/recorded.js'
import { again, calledOf } from '../rules/registry.js'

/**
 * Makes one adjustment: at first what takes its time and changes nothing, then, by the function that it gives, the change.
 * `pause` gives what is to be awaited between batches.
 */
type Make = (
  core: Core,
  why: string | undefined,
  pause: () => () => Promise<void>,
) => (() => void) | Promise<() => void>

/** One row an adjustment that is not a plain value to set: how it is made again. It throws where it cannot be. */
const makers: { readonly [what: string]: (to: any) => Make } = {
  exclude: ({ ids }) => byIds('exclude', ids),
  include: ({ ids }) => byIds('include', ids),
  reweight({ ids, factor }) {
    const some = listed('reweight', ids)
    return (core, why) => () => reweight(core, some, factor, why)
  },
  relabel:
    ({ id, label }) =>
    (core, why) =>
    () =>
      relabel(core, id, label, why),
  stage(name) {
    throw new InputError({
      where: 'run.replay(adjustments)',
      received: `the beginning of the stage '${String(name)}', whose data and model no record holds`,
      expected: 'adjustments of one stage',
      fix: 'Leave it out, and run.stage({ … }) where it belongs.',
    })
  },
  correct:
    ({ id, answer }) =>
    (core, why) =>
    () =>
      correct(core, id, answer, why),
  note: (text) => (core) => () => noteText(core, text),
  focus(to) {
    const on =
      to === 'all'
        ? null
        : (again('subset', { name: to.maker, settings: to.settings }) ?? listed('focus', to.ids))
    return (core, why, pause) => prepareFocus(core, on, why, pause)
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
  (core, why) =>
  () =>
    setChanges(core, changes, why)

function byIds(what: 'exclude' | 'include', ids: unknown): Make {
  const some = listed(what, ids)
  return (core, why) => () => exclude(core, some, why, what === 'exclude')
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

/** Prepares an adjustment for where the run stands now; the function that it gives makes it. */
export function prepareAdjustment(
  core: Core,
  adjustment: Adjustment,
  pause: () => () => Promise<void>,
): (() => void) | Promise<() => void> {
  const { why } = adjustment
  return makerOf(adjustment)(core, whyOf(why === undefined ? {} : { why }, 'run.replay(adjustments)'), pause)
}
