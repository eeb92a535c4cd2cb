import { describe, InputError } from '../errors.js'
import type { Adjustment } from '../views.js'
import type { Changes } from './adjust.js'
import { batchSizesFrom } from './batch-sizes.js'
import { scheduleFrom } from './schedules.js'
import { ruleFrom } from './stops.js'

/** What replaying does to a run: the same calls that made the adjustments. */
export interface Adjustable {
  set(changes: Changes, options?: { why?: string }): void
  exclude(ids: number[], options?: { why?: string }): void
  include(ids: number[], options?: { why?: string }): void
  reweight(ids: number[], factor: number, options?: { why?: string }): void
  relabel(id: number, label: never, options?: { why?: string }): void
  note(text: string): void
}

type Make = (run: Adjustable, to: any, why: { why?: string }) => void

/** One row an adjustment that is not a setting; a missing row is one. */
const makers: { readonly [what: string]: Make } = {
  exclude: (run, { ids }, why) => run.exclude(ids, why),
  include: (run, { ids }, why) => run.include(ids, why),
  reweight: (run, { ids, factor }, why) => run.reweight(ids, factor, why),
  relabel: (run, { id, label }, why) => run.relabel(id, label as never, why),
  note: (run, text) => run.note(text),
  schedule: (run, to, why) => run.set({ schedule: to && required(scheduleFrom(to), 'schedule') }, why),
  batchSchedule: (run, to, why) =>
    run.set(
      { batchSchedule: to && (required(batchSizesFrom(to, scheduleFrom), 'rule for sizes') as never) },
      why,
    ),
  stop: (run, to, why) => run.set({ stop: to && required(ruleFrom(to), 'stop rule') }, why),
  freeze: (run, to, why) => run.set({ freeze: patternOf(to) }, why),
}

function required<T>(value: T | undefined, what: string): T {
  if (value !== undefined) return value
  throw new InputError({
    where: 'run.replay(adjustments)',
    received: `a ${what} that is a function of your own`,
    expected: `one of gradbook's, whose record says all`,
    fix: `Leave it out, and run.set({ … }) it where it belongs.`,
  })
}

function patternOf(to: unknown): RegExp | string[] | null {
  const [, source, flags] = /^\/(.*)\/([a-z]*)$/s.exec(String(to)) ?? []
  if (typeof to === 'string' && source !== undefined) return new RegExp(source, flags)
  return to as string[] | null
}

/** Checks adjustments and puts them in order. */
export function checkAdjustments(adjustments: readonly Adjustment[]): Adjustment[] {
  if (!Array.isArray(adjustments))
    throw new InputError({
      where: 'run.replay(adjustments)',
      received: describe(adjustments),
      expected: 'adjustments of a run: run.replay(other.adjustments)',
    })
  for (const one of adjustments)
    if (
      typeof one?.at !== 'number' ||
      typeof one.what !== 'string' ||
      Array.isArray(one.to) ||
      typeof one.to?.ids === 'string'
    )
      throw new InputError({
        where: 'run.replay(adjustments)',
        received:
          typeof one?.to?.ids === 'string'
            ? `${one.what} of ${one.to.ids}, too many to be written out`
            : describe(one),
        expected: '{ at, what, to }',
      })
  return adjustments.toSorted((a, b) => a.at - b.at)
}

export function makeAdjustment(run: Adjustable, { what, to, why }: Adjustment): void {
  const note = why === undefined ? {} : { why }
  const make = makers[what]
  if (make) make(run, to, note)
  else run.set({ [what]: to } as Changes, note)
}
