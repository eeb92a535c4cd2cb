import type { Optimizer } from '../../backend/optimizers/optimizer.js'
import { describe, InputError } from '../../errors.js'
import { during } from '../../settle.js'
import { note } from './adjust.js'
import { asBatchSizes, type BatchSchedule } from '../rules/batch-sizes.js'
import type { Core } from '../state/core.js'
import type { DropoutSetting } from '../model/dropout.js'
import { checkFrozen } from './freeze.js'
import {
  asSchedule,
  checkOneAverage,
  checkOptimizer,
  checkRate,
  aboutRules,
  checkRule,
  optionChecks,
} from '../rules/options.js'
import { checkSizes } from '../model/recurrent.js'
import { refuseMade } from '../order/ids.js'
import { recordOf } from '../rules/recorded.js'
import type { Schedule, ScheduleFunction } from '../rules/schedules.js'
import { restoreSnapshot, takeSnapshot } from '../state/snapshots.js'
import { averageOf } from '../state/slots.js'
import type { StopFunction, StopRule } from '../rules/stops.js'
import { listNearest, named } from '../../suggest.js'

/** What can be changed while training. */
export interface Changes {
  /**
   * The optimizer's rate: with a schedule, its peak. Of several optimizers by their names, those that change. Default: as it
   * is. `learningRate: 3e-4`, `learningRate: { g: 1e-4 }`
   */
  learningRate?: number | { readonly [optimizer: string]: number }
  /** Examples an iteration. Default: as it is. `batchSize: 128` */
  batchSize?: number
  /** Batch sizes by rule; null: `batchSize` from here on. Default: as it is. `batchSchedule: [16, 64]` */
  batchSchedule?: BatchSchedule | null
  /** Batches an update; null: 1. Default: as it is. `accumulate: 4` */
  accumulate?: number | null
  /** Share that the average of the parameters keeps; it begins at their present values. null: no average. Default: as it is. `ema: 0.999` */
  ema?: number | null
  /** The rate by iteration; null: constant from here on. Default: as it is. `schedule: cosine({ over: 2000 })` */
  schedule?: Schedule | ScheduleFunction | null
  /** Euclidean norm that gradients are scaled down to; null: never. Default: as it is. `clipNorm: 1` */
  clipNorm?: number | null
  /** Gradient entries are cut to -clipValue … clipValue; null: never. Default: as it is. `clipValue: 0.5` */
  clipValue?: number | null
  /** Rates of dropout: one for all, or by name; null: those the model was made with. Default: as they are. `dropout: { dropout_1: 0.3 }` */
  dropout?: DropoutSetting | null
  /** A rule that counts anew, even if it was met before; null: none. Default: as it is. `stop: plateau({ patience: 5 })` */
  stop?: StopRule | StopFunction | null
  /** Iterations from one evaluation to the next. Default: as it is. `evaluateEvery: 50` */
  evaluateEvery?: number
  /** Parameters that stay as they are: a pattern on their names, or names; null: none. Default: as it is. `freeze: /^embedding/` */
  freeze?: RegExp | readonly string[] | null
  /** Another optimizer, whose slots and count begin anew. Default: as it is. `optimizer: sgd({ learningRate: 0.05 })` */
  optimizer?: Optimizer
}

const asMade = 'Make as many examples in the function of generate as you want.'

/** One row a change: how it reads in a record, and how it is made. */
type Row = { read(core: Core, value?: unknown): unknown; write(core: Core, value: any): void }

const rows: { readonly [what in keyof Changes]-?: Row } = {
  learningRate: {
    read: ratesRead,
    write: ratesWrite,
  },
  batchSize: setting('batchSize'),
  batchSchedule: {
    read: ({ settings }) => (settings.batchSchedule ? recordOf(settings.batchSchedule) : null),
    write({ settings, trainee, source }, value) {
      const where = 'run.set({ batchSchedule })'
      refuseMade(source, where, asMade)
      const batchSchedule = asBatchSizes(value ?? undefined, settings.batchSize, where)
      checkSizes(trainee, { batchSchedule }, () => where)
      settings.batchSchedule = batchSchedule
    },
  },
  accumulate: {
    read: ({ settings }) => settings.accumulate ?? 1,
    write(core, value) {
      if (core.trainee.iteration) throw ownUpdates('accumulate')
      core.settings.accumulate = checked('accumulate', value)
      core.remakeSlots()
    },
  },
  ema: {
    read: ({ settings }) => settings.ema ?? null,
    write(core, value) {
      core.settings.ema = checked('ema', value)
      core.remakeSlots(core.settings.ema === undefined ? isAverage : undefined)
    },
  },
  schedule: {
    read: ({ settings }) => (settings.schedule ? recordOf(settings.schedule) : null),
    write(core, value) {
      core.settings.schedule = asSchedule(checked('schedule', value))
      core.state.scheduleFrom = 0
    },
  },
  clipNorm: setting('clipNorm'),
  clipValue: setting('clipValue'),
  dropout: {
    read: ({ dropouts }, value) => dropouts.record(value),
    write: (core, value) =>
      void (core.settings.dropout = core.dropouts.checked(value, 'run.set({ dropout })')),
  },
  stop: {
    read: ({ settings }) => (settings.stop ? recordOf(settings.stop) : null),
    write(core, value) {
      const where = 'run.set({ stop })'
      core.settings.stop = value ? checkRule(value, { ...aboutRules(core), where }) : undefined
      core.state.ruleSpent = false
    },
  },
  evaluateEvery: setting('evaluateEvery'),
  freeze: {
    read: ({ settings }) =>
      (settings.freeze instanceof RegExp ? String(settings.freeze) : settings.freeze) ?? null,
    write(core, value) {
      core.settings.freeze = checked('freeze', value)
      checkFrozen(core, 'run.set({ freeze })')
      core.remakeSlots()
    },
  },
  optimizer: {
    read: ({ settings: { optimizer } }) => ({ name: optimizer.name, ...optimizer.settings }),
    write(core, value) {
      if (core.trainee.iteration) throw ownUpdates('optimizer')
      core.settings.optimizer = checkOptimizer(value, 'run.set({ optimizer })')
      checkOneAverage(core.settings.optimizer, core.settings, 'run.set({ optimizer })')
      core.state.peak = core.settings.optimizer.learningRate
      core.state.updates = 0
      const own = new Set(core.trainee.parameters.map(({ name }) => name))
      core.remakeSlots((key) => own.has(key))
    },
  },
}

const isAverage = (key: string) => key.startsWith(averageOf(''))

function ownUpdates(what: string): InputError {
  return new InputError({
    where: `run.set({ ${what} })`,
    received: 'a run whose iteration is your own',
    expected: 'one whose updates are the run’s',
    fix: 'What the updates are made of is said in your iteration.',
  })
}

/** The rates by name where there are several optimizers; else the one. */
function ratesRead(core: Core, value?: unknown): unknown {
  if (typeof value !== 'object' || value === null) return core.state.peak
  return Object.fromEntries(
    Object.keys(value).map((name) => [name, core.state.peaks[name] ?? core.state.peak]),
  )
}

function ratesWrite(core: Core, value: unknown): void {
  const where = 'run.set({ learningRate })'
  const names = Object.keys(core.state.peaks)
  const byName = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!byName && names.length > 1)
    throw new InputError({
      where,
      received: `${describe(value)} for ${names.length} optimizers`,
      expected: 'rates by the names of the optimizers',
      fix: `run.set({ learningRate: { ${names.map((name) => `${name}: …`).join(', ')} } }), of those that shall change.`,
    })
  if (!byName) {
    core.state.peak = checkRate(value, where)
    for (const name of names) core.state.peaks = { [name]: core.state.peak }
    return
  }
  if (names.length === 0)
    throw new InputError({
      where,
      received: describe(value),
      expected: 'a number: this run has one optimizer',
    })
  for (const [name, rate] of Object.entries(value)) {
    if (!names.includes(name))
      throw new InputError({
        where,
        received: `a rate for '${name}'`,
        expected: `names of its optimizers: ${listNearest(name, names)}`,
      })
    core.state.peaks = {
      ...core.state.peaks,
      [name]: checkRate(rate, `run.set({ learningRate: { ${name} } })`),
    }
  }
  core.state.peak = core.state.peaks[names[0]!]!
}

function setting(name: 'batchSize' | 'clipNorm' | 'clipValue' | 'evaluateEvery'): Row {
  return {
    read: ({ settings }) => settings[name] ?? null,
    write({ settings, trainee, source }, value) {
      if (name === 'batchSize') refuseMade(source, 'run.set({ batchSize })', asMade)
      const next = checked(name, value)
      checkSizes(trainee, { [name]: next }, (option) => `run.set({ ${option} })`)
      ;(settings as any)[name] = next
    },
  }
}

function checked(name: string, value: any): any {
  if (value === null || value === undefined) return undefined
  const { ok, expected } = optionChecks[name]!
  if (ok(value)) return value
  throw new InputError({ where: `run.set({ ${name} })`, received: describe(value), expected })
}

export const changeNames: readonly string[] = Object.keys(rows)

export const isChangeable = (name: string) => Object.hasOwn(rows, name)

/** Of these changes, those that would change something. The run stays as it is. */
export function differing(core: Core, changes: Changes): Changes {
  const before = takeSnapshot(core)
  const takeBack = () => restoreSnapshot(core, before)
  return during(takeBack, () => {
    const found = Object.entries(changes).filter(([name, value]) => {
      const { read, write } = rows[name as keyof Changes]
      const from = JSON.stringify(read(core, value))
      write(core, value)
      return JSON.stringify(read(core, value)) !== from
    })
    return Object.fromEntries(found)
  })
}

/** Whether all that is to be changed can be. */
export function checkChanges(changes: unknown, where: string): void {
  if (typeof changes !== 'object' || changes === null)
    throw new InputError({
      where,
      received: describe(changes),
      expected: 'changes, e.g. { learningRate: 3e-4 }',
    })
  named(changes, Object.keys(rows), where)
}

/** Makes changes and writes each down. */
export function setChanges(core: Core, changes: Changes, why: string | undefined): void {
  checkChanges(changes, 'run.set(changes)')
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) continue
    const { read, write } = rows[name as keyof Changes]
    const from = read(core, value)
    if (name === 'batchSize' && value === null) checked(name, Number.NaN)
    write(core, value)
    note(core, { what: name, from, to: read(core, value), why })
  }
}
