import type { Optimizer } from '../backend/optimizer.js'
import { describe, InputError } from '../errors.js'
import type { Adjustment } from '../views.js'
import { asBatchSizes, batchSizesRecord, type BatchSchedule } from './batch-sizes.js'
import type { Core } from './core.js'
import type { DropoutSetting } from './dropout.js'
import { asSchedule, checkOneAverage, checkOptimizer, checkRate, checkRule, optionChecks } from './options.js'
import { scheduleRecord, type Schedule, type ScheduleFunction } from './schedules.js'
import { restoreSnapshot, takeSnapshot } from './snapshots.js'
import { averageOf, disposeSlots } from './step.js'
import { ruleRecord, type StopFunction, type StopRule } from './stops.js'
import type { Subset } from './subsets.js'
import { listNearest, nearestFirst } from '../suggest.js'

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

/** One row a change: how it reads in a record, and how it is made. */
type Row = { read(core: Core, value?: unknown): unknown; write(core: Core, value: any): void }

const rows: { readonly [what in keyof Changes]-?: Row } = {
  learningRate: {
    read: ratesRead,
    write: ratesWrite,
  },
  batchSize: setting('batchSize'),
  batchSchedule: {
    read: ({ settings }) => (settings.batchSchedule ? batchSizesRecord(settings.batchSchedule) : null),
    write({ settings }, value) {
      const where = 'run.set({ batchSchedule })'
      settings.batchSchedule = asBatchSizes(value ?? undefined, settings.batchSize, where)
    },
  },
  accumulate: {
    read: ({ settings }) => settings.accumulate ?? 1,
    write(core, value) {
      if (core.trainee.iteration) throw ownUpdates('accumulate')
      core.settings.accumulate = checked('accumulate', value)
      core.ensureSlots()
      core.changed()
    },
  },
  ema: {
    read: ({ settings }) => settings.ema ?? null,
    write(core, value) {
      core.settings.ema = checked('ema', value)
      if (core.settings.ema === undefined) disposeSlots(core.slots, isAverage)
      core.ensureSlots()
      core.changed()
    },
  },
  schedule: {
    read: ({ settings }) => (settings.schedule ? scheduleRecord(settings.schedule) : null),
    write: (core, value) => void (core.settings.schedule = asSchedule(checked('schedule', value))),
  },
  clipNorm: setting('clipNorm'),
  clipValue: setting('clipValue'),
  dropout: {
    read: ({ dropouts }, value) => dropouts.record(value),
    write: (core, value) =>
      void (core.settings.dropout = core.dropouts.checked(value, 'run.set({ dropout })')),
  },
  stop: {
    read: ({ settings }) => (settings.stop ? ruleRecord(settings.stop) : null),
    write(core, value) {
      const { settings, evaluateOn } = core
      const where = 'run.set({ stop })'
      const evaluated = evaluateOn !== undefined
      settings.stop = value ? checkRule(value, { metrics: settings.metrics, evaluated, where }) : undefined
      core.ruleSpent = false
    },
  },
  evaluateEvery: setting('evaluateEvery'),
  freeze: {
    read: ({ settings }) =>
      (settings.freeze instanceof RegExp ? String(settings.freeze) : settings.freeze) ?? null,
    write(core, value) {
      core.settings.freeze = checked('freeze', value)
      checkFrozen(core, 'run.set({ freeze })')
      core.ensureSlots()
      core.changed()
    },
  },
  optimizer: {
    read: ({ optimizer }) => ({ name: optimizer.name, ...optimizer.settings }),
    write(core, value) {
      if (core.trainee.iteration) throw ownUpdates('optimizer')
      core.optimizer = checkOptimizer(value, 'run.set({ optimizer })')
      checkOneAverage(core.optimizer, core.settings, 'run.set({ optimizer })')
      core.peak = core.optimizer.learningRate
      core.updates = 0
      const own = new Set(core.trainee.parameters.map(({ name }) => name))
      disposeSlots(core.slots, (key) => own.has(key))
      core.ensureSlots()
      core.changed()
    },
  },
}

/** Something has to be left to train, and what is named has to be there. */
export function checkFrozen({ settings: { freeze }, trainee, parameters }: Core, where: string): void {
  if (!freeze || (Array.isArray(freeze) && freeze.length === 0)) return
  const names = trainee.parameters.map(({ name }) => name)
  const unknown = Array.isArray(freeze) ? freeze.find((name) => !names.includes(name)) : undefined
  const received =
    unknown !== undefined
      ? `the parameter '${unknown}'`
      : parameters.length === names.length
        ? `${freeze}, which matches no parameter`
        : parameters.length === 0
          ? `${freeze}, which matches every parameter`
          : undefined
  if (received === undefined) return
  throw new InputError({
    where,
    received,
    expected:
      parameters.length === 0
        ? 'at least one parameter to train'
        : `a pattern on, or a list of, the names ${listNearest(unknown ?? String(freeze), names)}`,
  })
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
  if (typeof value !== 'object' || value === null) return core.peak
  return Object.fromEntries(Object.keys(value).map((name) => [name, core.peaks[name] ?? core.peak]))
}

function ratesWrite(core: Core, value: unknown): void {
  const where = 'run.set({ learningRate })'
  const names = Object.keys(core.peaks)
  const byName = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!byName && names.length > 1)
    throw new InputError({
      where,
      received: `${describe(value)} for ${names.length} optimizers`,
      expected: 'rates by the names of the optimizers',
      fix: `run.set({ learningRate: { ${names.map((name) => `${name}: …`).join(', ')} } }), of those that shall change.`,
    })
  if (!byName) {
    core.peak = checkRate(value, where)
    for (const name of names) core.peaks = { [name]: core.peak }
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
    core.peaks = { ...core.peaks, [name]: checkRate(rate, `run.set({ learningRate: { ${name} } })`) }
  }
  core.peak = core.peaks[names[0]!]!
}

function setting(name: 'batchSize' | 'clipNorm' | 'clipValue' | 'evaluateEvery'): Row {
  return {
    read: ({ settings }) => settings[name] ?? null,
    write: ({ settings }, value) => void ((settings as any)[name] = checked(name, value)),
  }
}

function checked(name: string, value: any): any {
  if (value === null || value === undefined) return undefined
  const { ok, expected } = optionChecks[name]!
  if (ok(value)) return value
  throw new InputError({ where: `run.set({ ${name} })`, received: describe(value), expected })
}

export const isChangeable = (name: string) => Object.hasOwn(rows, name)

/** Of these changes, those that would change something. The run stays as it is. */
export function differing(core: Core, changes: Changes): Changes {
  const before = takeSnapshot(core)
  try {
    const found = Object.entries(changes).filter(([name, value]) => {
      const { read, write } = rows[name as keyof Changes]
      const from = JSON.stringify(read(core, value))
      write(core, value)
      return JSON.stringify(read(core, value)) !== from
    })
    return Object.fromEntries(found)
  } finally {
    restoreSnapshot(core, before)
  }
}

/** Whether all that is to be changed can be. */
export function checkChanges(changes: unknown, where: string): void {
  const known = Object.keys(rows)
  if (typeof changes !== 'object' || changes === null)
    throw new InputError({
      where,
      received: describe(changes),
      expected: 'changes, e.g. { learningRate: 3e-4 }',
    })
  for (const name of Object.keys(changes))
    if (!known.includes(name))
      throw new InputError({
        where,
        received: `'${name}'`,
        expected: `one of ${listNearest(name, known)}`,
        fix: `Did you mean '${nearestFirst(name, known)[0]}'?`,
      })
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

/** Writes an adjustment down. */
export function note(core: Core, { what, from, to, why }: Omit<Adjustment, 'at'>): void {
  const adjustment: Adjustment = { at: core.iteration, what, from, to, ...(why !== undefined && { why }) }
  core.adjustments = [...core.adjustments, adjustment]
}

/** Examples by id: one, several, or what carries theirs, as a row of `run.slices({ by, of: 'train' })` does. */
export type Ids = number | Iterable<number> | { readonly ids: Iterable<number> }

/** The ids as a list, not yet looked up. */
function idsOf(given: Ids, where: string): number[] {
  if (typeof given === 'number') return [given]
  const some = typeof given === 'object' && given !== null && 'ids' in given ? given.ids : given
  if (typeof some === 'object' && typeof some?.[Symbol.iterator] === 'function') return [...some]
  throw new InputError({
    where,
    received: describe(given),
    expected: "an id, a list of ids, or a row of run.slices({ by, of: 'train' })",
  })
}

/** Positions of training examples; refuses ids that are held out or unknown. */
export function trainingPositions(core: Core, ids: Ids, where: string): number[] {
  return idsOf(ids, where).map((id) => {
    const position = core.data.positionOf(id)
    if (position !== undefined) return position
    const split =
      core.data.splitOf(id) ??
      (core.evaluateOn?.positionOf(id) === undefined ? undefined : core.evaluateOn.split)
    throw new InputError({
      where,
      received: split ? `the id ${id}, which is held out (${split})` : `the id ${describe(id)}`,
      expected: 'ids of training examples',
      fix: split
        ? "Training examples that go wrong: await run.mistakes({ of: 'train' })."
        : typeof id === 'number'
          ? 'Ids stand in the rows of run.mistakes() and in batch.ids.'
          : 'Of rows of mistakes: rows.map(({ id }) => id).',
    })
  })
}

/** How many ids are written out in a record; more are counted. */
const listed = 1000

function idsRecord(core: Core, positions: readonly number[]): number[] | string {
  if (positions.length > listed) return `${positions.length} examples`
  return positions.map((position) => core.data.ids[position]!)
}

export function exclude(core: Core, ids: Ids, why: string | undefined, out: boolean): void {
  const what = out ? 'exclude' : 'include'
  const positions = trainingPositions(core, ids, `run.${what}(ids)`)
  const before = core.order.state()
  const left = core.order.included
  core.order.exclude(positions, out)
  const now = core.order.included
  if (now === 0) {
    core.order.restore(before)
    throw new InputError({
      where: 'run.exclude(ids)',
      received: 'ids of all examples that were left',
      expected: 'at least one example to train on',
    })
  }
  note(core, { what, from: left, to: { ids: idsRecord(core, positions), left: now }, why })
}

/** Draws from a subset from now on; null: from everything. `record`: how the subset is chosen anew where it is replayed. */
export function focus(
  core: Core,
  subset: { name: string; positions: Int32Array; chances?: Float32Array } | null,
  record: Subset['record'],
  why: string | undefined,
): void {
  const from = core.order.subset?.name ?? 'all'
  core.order.focus(subset)
  const how = record ?? (subset && { ids: idsRecord(core, Array.from(subset.positions)) })
  note(core, {
    what: 'focus',
    from,
    to: subset ? { subset: subset.name, count: subset.positions.length, ...how } : 'all',
    why,
  })
}

/** Multiplies the weight of these examples' losses. */
export function reweight(core: Core, ids: Ids, factor: number, why?: string): void {
  if (typeof factor !== 'number' || !Number.isFinite(factor) || factor < 0)
    throw new InputError({
      where: 'run.reweight(ids, factor)',
      received: describe(factor),
      expected: 'a factor, 0 or more',
      fix: 'run.exclude(ids) leaves examples out altogether.',
    })
  const positions = trainingPositions(core, ids, 'run.reweight(ids, factor)')
  const weights = core.weights?.slice() ?? new Float32Array(core.data.length).fill(1)
  for (const position of positions) weights[position]! *= factor
  core.weights = weights.every((weight) => weight === 1) ? undefined : weights
  note(core, { what: 'reweight', from: 1, to: { ids: idsRecord(core, positions), factor }, why })
}

/** Corrects the label of one example: a class name or index, a number, or the values of y. */
export function relabel(core: Core, id: number, label: unknown, why?: string): void {
  const [position] = trainingPositions(core, id, 'run.relabel(id, label)')
  const { classes, y } = core.data
  const size = y.shape.reduce((a, b) => a * b, 1)
  const count = size === 1 ? (classes?.length ?? core.trainee.classes) : undefined
  const value = classes && size === 1 && typeof label === 'string' ? classes.indexOf(label) : label
  const values =
    typeof value === 'number'
      ? [value]
      : Array.isArray(value) || ArrayBuffer.isView(value)
        ? Array.from(value as ArrayLike<number>)
        : []
  const fits =
    values.length === size &&
    values.every((entry) => typeof entry === 'number' && Number.isFinite(entry)) &&
    (count === undefined || (Number.isInteger(values[0]) && values[0]! >= 0 && values[0]! < count)) &&
    (!core.trainee.binary || values.every((entry) => entry >= 0 && entry <= 1))
  if (!fits)
    throw new InputError({
      where: 'run.relabel(id, label)',
      received: describe(label),
      expected:
        count !== undefined
          ? classes
            ? `a class: ${classes.slice(0, 20).join(', ')}, or its index`
            : `a class index from 0 to ${count - 1}`
          : `${size === 1 ? 'a number' : `${size} numbers`}${core.trainee.binary ? ' from 0 to 1' : ''}`,
    })
  const from = Array.from(
    core.labels.get(position!) ?? (core.data.valuesAt(position!).y as ArrayLike<number>),
  )
  core.labels = new Map([...core.labels, [position!, values]])
  const named = (entry: number[]) =>
    entry.length === 1 ? (count !== undefined && classes?.[entry[0]!]) || entry[0] : entry
  note(core, { what: 'relabel', from: named(from), to: { id, label: named(values) }, why })
}
