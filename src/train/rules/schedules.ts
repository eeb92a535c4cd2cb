import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import { recordOf } from './recorded.js'

/** The learning rate as a function of the iteration: a value that can be recorded, plotted, and changed in the middle. */
export interface Schedule {
  readonly name: string
  readonly settings: { readonly [name: string]: unknown }
  /** The rate of this iteration, counting from 1. `peak` is the optimizer's rate. */
  rate(iteration: number, peak: number): number
}

export type ScheduleFunction = (iteration: number, peak: number) => number

/** Settings by name, none of them unknown, each of its kind. */
function check(where: string, settings: object | undefined, kinds: { [name: string]: Kind }): void {
  const known = Object.keys(kinds)
  if (settings === undefined)
    throw new InputError({
      where,
      received: 'undefined',
      expected: `options by name: { ${known.join(', ')} }`,
    })
  for (const [name, value] of Object.entries(named(settings, known, where))) {
    const kind = kinds[name]!
    if (value !== undefined && !(typeof value === 'number' && tests[kind](value)))
      throw new InputError({ where: `${where}.${name}`, received: describe(value), expected: words[kind] })
  }
}

type Kind = 'iterations' | 'rate' | 'share'
const tests: { [kind in Kind]: (value: number) => boolean } = {
  iterations: (value) => Number.isInteger(value) && value >= 0,
  rate: (value) => Number.isFinite(value) && value >= 0,
  share: (value) => value >= 0 && value <= 1,
}
const words: { [kind in Kind]: string } = {
  iterations: 'a whole number of iterations, 0 or more',
  rate: 'a learning rate, 0 or more',
  share: 'a share from 0 to 1',
}

/**
 * The optimizer's rate throughout. What a run does without a schedule.
 *
 * @example run.set({ schedule: constant() })
 */
export function constant(): Schedule {
  return { name: 'constant', settings: {}, rate: (_iteration, peak) => peak }
}

function warmed(iteration: number, warmup: number, peak: number): number | undefined {
  return iteration < warmup ? (peak * iteration) / warmup : undefined
}

/** From the peak to a lower rate. */
export type DecaySettings = {
  /** The iteration at which `to` is reached, the warm-up included. */
  over: number
  /** Iterations of a straight rise from 0 to the peak, at first. Default 0. */
  warmup?: number
  /** The rate at the end. Default 0. */
  to?: number
}

type Course = (from: number, to: number, done: number) => number

const alongCosine: Course = (from, to, done) => to + ((from - to) * (1 + Math.cos(Math.PI * done))) / 2
const straight: Course = (from, to, done) => from + (to - from) * done

function decay(name: string, settings: DecaySettings, course: Course): Schedule {
  check(name, settings, { over: 'iterations', warmup: 'iterations', to: 'rate' })
  const { over, warmup = 0, to = 0 } = settings
  checkOver(name, over, warmup)
  return {
    name,
    settings,
    rate(iteration, peak) {
      const done = Math.min(1, (iteration - warmup) / (over - warmup))
      return warmed(iteration, warmup, peak) ?? course(peak, to, done)
    },
  }
}

/**
 * Up to the peak in `warmup` iterations, then down along half a cosine to `to` at iteration `over`, and `to` from
 * there (Loshchilov & Hutter 2017, one cycle).
 *
 *     cosine({ warmup: 100, over: 2000, to: 1e-4 })
 */
export function cosine(settings: DecaySettings): Schedule {
  return decay('cosine', settings, alongCosine)
}

/**
 * Up to the peak in `warmup` iterations, then straight down to `to` at iteration `over`.
 *
 * @example run.set({ schedule: linear({ warmup: 100, over: 2000 }) })
 */
export function linear(settings: DecaySettings): Schedule {
  return decay('linear', settings, straight)
}

/**
 * Up to the peak in `over` iterations, then as `before` says: the schedule it comes before, which counts from the end of the warm-up.
 *
 * @example run.set({ schedule: warmUp({ over: 100, before: piecewise([{ from: 1000, times: 0.1 }]) }) })
 */
export function warmUp(settings: { over: number; before?: Schedule }): Schedule {
  const { over, before = constant() } = named(settings, ['over', 'before'], 'warmUp(settings)')
  check('warmUp', { over }, { over: 'iterations' })
  checkOver('warmUp', over, 0)
  if (typeof before?.rate !== 'function')
    throw new InputError({
      where: 'warmUp({ before })',
      received: describe(before),
      expected: 'a schedule, e.g. cosine({ over: 2000 })',
    })
  return {
    name: 'warmUp',
    settings: { over, before: recordOf(before) },
    rate: (iteration, peak) =>
      warmed(iteration, over, peak) ?? before.rate(Math.max(1, iteration - over), peak),
  }
}

/**
 * One cycle (Smith & Topin 2018): from `from` up to the peak in the first `share` of `over` iterations, down to `to` in
 * the rest, both along half a cosine. Default share 0.3, from peak / 25, to peak / 1e4, as PyTorch has it.
 *
 * @example run.set({ schedule: oneCycle({ over: 2000 }) })
 */
export function oneCycle(settings: { over: number; share?: number; from?: number; to?: number }): Schedule {
  check('oneCycle', settings, { over: 'iterations', share: 'share', from: 'rate', to: 'rate' })
  const { over, share = 0.3 } = settings
  if (!(over > 1))
    throw new InputError({
      where: 'oneCycle.over',
      received: describe(over),
      expected: 'at least 2 iterations: one up and one down',
    })
  const top = Math.max(1, share * over)
  return {
    name: 'oneCycle',
    settings,
    rate(iteration, peak) {
      const { from = peak / 25, to = from / 1e4 } = settings
      if (iteration <= top) return alongCosine(from, peak, top === 1 ? 1 : (iteration - 1) / (top - 1))
      return alongCosine(peak, to, Math.min(1, (iteration - top) / (over - top)))
    },
  }
}

/** Steps: from iteration `from` on, `times` the peak. `piecewise([{ from: 1000, times: 0.1 }, { from: 1500, times: 0.01 }])` */
export function piecewise(steps: readonly { from: number; times: number }[]): Schedule {
  if (!Array.isArray(steps) || steps.length === 0)
    throw new InputError({
      where: 'piecewise(steps)',
      received: describe(steps),
      expected: 'steps like [{ from: 1000, times: 0.1 }]',
    })
  for (const step of steps) {
    check('piecewise', step, { from: 'iterations', times: 'rate' })
    if (step.from === undefined || step.times === undefined)
      throw new InputError({
        where: 'piecewise(steps)',
        received: describe(step),
        expected: 'both of { from, times }',
      })
  }
  const ordered = steps.toSorted((a, b) => a.from - b.from)
  return {
    name: 'piecewise',
    settings: { steps: ordered },
    rate: (iteration, peak) => peak * (ordered.findLast((step) => iteration >= step.from)?.times ?? 1),
  }
}

function checkOver(where: string, over: number, warmup: number): void {
  if (over > warmup) return
  throw new InputError({
    where: `${where}.over`,
    received: describe(over),
    expected: warmup > 0 ? `more iterations than the warm-up's ${warmup}` : 'iterations, at least 1',
  })
}

/** A function of one's own as a schedule. */
export function ownSchedule(rate: ScheduleFunction): Schedule {
  const name = rate.name || 'own function'
  return {
    name: 'own',
    settings: { function: name },
    rate(iteration, peak) {
      const found: unknown = rate(iteration, peak)
      if (typeof found === 'number' && tests.rate(found)) return found
      throw new InputError({
        where: `the schedule ${name}`,
        received: `${describe(found)} for iteration ${iteration}`,
        expected: words.rate,
      })
    },
  }
}

/**
 * The rates of a schedule by iteration, to be looked at before use.
 *
 * @example rates(cosine({ over: 2000 }), { peak: 1e-3, over: 2000 })
 */
export function rates(
  schedule: Schedule | ScheduleFunction,
  settings: { peak: number; over: number },
): { iteration: number; learningRate: number }[] {
  check('rates', settings, { peak: 'rate', over: 'iterations' })
  const { peak, over } = settings
  if (peak === undefined || over === undefined)
    throw new InputError({
      where: 'rates(schedule, { peak, over })',
      received: describe(settings),
      expected: 'both',
    })
  const { rate } = typeof schedule === 'function' ? ownSchedule(schedule) : schedule
  if (typeof rate !== 'function')
    throw new InputError({
      where: 'rates(schedule)',
      received: describe(schedule),
      expected: 'a schedule, e.g. cosine({ over: 2000 }), or (iteration, peak) => rate',
    })
  return Array.from({ length: over }, (_, i) => ({ iteration: i + 1, learningRate: rate(i + 1, peak) }))
}
