import type { EvaluationRow } from '../../views.js'
import * as tf from '@tensorflow/tfjs'
import type { Optimizer } from '../../backend/optimizers/optimizer.js'
import type { DataLike } from '../../data/from.js'
import type { Generated } from '../../data/generate.js'
import { describe, InputError } from '../../errors.js'
import { asBatchSizes, type BatchSchedule, type BatchSizes } from './batch-sizes.js'
import type { DropoutSetting } from '../model/dropout.js'
import type { LossFunction } from '../model/layers.js'
import type { LossName } from '../loss/losses.js'
import { metrics as knownMetrics, type Metric, type MetricName } from '../loss/metrics.js'
import { ownSchedule, type Schedule, type ScheduleFunction } from './schedules.js'
import { asRule, type StopFunction, type StopRule } from './stops.js'
import { listNearest, named } from '../../suggest.js'

/**
 * A metric of one's own: its value for each example, [batch], or for each place in it, which are averaged. Named as the
 * function is; larger counts as better. Of one where smaller is better: `{ name: 'mape', larger: false, perExample }`.
 */
export type MetricFunction = (expected: tf.Tensor, predicted: tf.Tensor) => tf.Tensor

/** What every run takes. */
export interface RunOptions {
  /**
   * What iterations draw from: a Dataset, `{ x, y }` of typed arrays (one number an example) or tensors (first axis =
   * examples), or records; or what makes a batch for each: `generate(({ random }) => ({ x, y }))`. Required, but for an iteration
   * of one's own. `data: digits.train`
   */
  data?: DataLike | Generated
  /**
   * Held-out data, looked at while steering. Default: none, so there are no evaluations, and rules about metrics are
   * refused. `evaluateOn: digits.validation`
   */
  evaluateOn?: DataLike
  /** Examples an iteration. An epoch's last batch is as long as what is left. Default: 32; of a model with stateful layers, its own. `batchSize: 64` */
  batchSize?: number
  /**
   * Batch sizes (examples) that change by rule: a schedule from `batchSize` on, `linear({ over: 1000, to: 256 })`, taken to
   * powers of two times `batchSize`; sizes to be mixed by the seed, `[16, 64]`; or (iteration, batchSize) => size. At most 8
   * different ones. Default: `batchSize` throughout. `batchSchedule: [16, 64]`
   */
  batchSchedule?: BatchSchedule
  /**
   * Batches whose gradients make one update: their mean by examples, clipped as one. 4 batches of 16 update as one of 64
   * does; an iteration is still one batch. Default: 1. `accumulate: 4`
   */
  accumulate?: number
  /**
   * Keeps a moving average of each parameter, of which this share (0 to 1) is kept at each update. `run.evaluate({ ema: true })`
   * looks at it, `run.emaModel()` gives it. Default: none. `ema: 0.999`
   */
  ema?: number
  /** Any number: fixes the order of the data, dropout and noise. Default: drawn at random, and kept in the run's record. `seed: 1` */
  seed?: number
  /** By name, or functions (expected, predicted) => [batch]. Default: none, the loss alone. `metrics: ['accuracy']` */
  metrics?: readonly (MetricName | (string & {}) | Metric | MetricFunction)[]
  /**
   * What makes an update of gradients. Its rate is the peak of the schedule. Required, but for a model that brings its own.
   * `optimizer: adam({ learningRate: 1e-3 })`
   */
  optimizer?: Optimizer
  /** The rate by iteration, or (iteration, peak) => rate. Default: constant. `schedule: cosine({ warmup: 100, over: 2000 })` */
  schedule?: Schedule | ScheduleFunction
  /** Gradients are scaled down together to this Euclidean norm. Default: never. `clipNorm: 1` */
  clipNorm?: number
  /** Gradient entries are cut to -clipValue … clipValue. Default: never. `clipValue: 0.5` */
  clipValue?: number
  /** Rates of dropout (0 to less than 1): one for all, or by name. Default: the layers' own. `dropout: { dropout_1: 0.2 }` */
  dropout?: DropoutSetting
  /** Ends the call in which it is met. Default: none. `stop: targetReached('accuracy', 0.97)` */
  stop?: StopRule | StopFunction
  /** Iterations from one evaluation to the next, counted from the run's start. Default: one epoch's worth; 100 where batches are made. `evaluateEvery: 125` */
  evaluateEvery?: number
  /** Examples at a time while evaluating: memory, not results, depends on it. Default: 256. `evaluationBatchSize: 1000` */
  evaluationBatchSize?: number
  /** Names the run, its line on charts and its folder, `runs/NAME`. Default: 'run', in `.gradbook/runs`. `name: 'first'` */
  name?: string
  /** Parameters that stay as they are: a pattern on their names, or names. Default: none. `freeze: /^embedding/` */
  freeze?: RegExp | readonly string[]
  /** Shows progress while it trains. Default: true. `progress: false` */
  progress?: boolean
  /** Takes up the run of this name where it is on disk, as it stood, in place of beginning another. Default: false. `resume: true` */
  resume?: boolean
  /** Whether the run is written to disk as it goes. Default: true. `save: false` */
  save?: boolean
}

/** What a tf.LayersModel needs besides. */
export interface ModelOptions extends RunOptions {
  /**
   * By name, or a function (expected, predicted) => the loss of each example, [batch], or their mean. Required.
   * `loss: 'sparseCategoricalCrossentropy'` for class indices, `loss: 'meanSquaredError'` for numbers
   */
  loss: LossName | (string & {}) | LossFunction
  /** What makes an update of gradients. Its rate is the peak of the schedule. Required. `optimizer: adam({ learningRate: 1e-3 })` */
  optimizer: Optimizer
}

/** Options as the run uses them. */
export interface Settings {
  /** Of an own iteration with several of them the first. */
  optimizer: Optimizer
  batchSize: number
  batchSchedule: BatchSizes | undefined
  accumulate: number | undefined
  ema: number | undefined
  seed: number
  metrics: Metric[]
  schedule: Schedule | undefined
  clipNorm: number | undefined
  clipValue: number | undefined
  dropout: DropoutSetting | undefined
  stop: StopRule | undefined
  evaluateEvery: number | undefined
  evaluationBatchSize: number
  freeze: RegExp | readonly string[] | undefined
  progress: boolean
  save: boolean
}

type Check = { ok(value: unknown): boolean; expected: string }

const whole: Check = {
  ok: (value) => Number.isInteger(value) && (value as number) > 0,
  expected: 'a whole number, at least 1',
}
const positive: Check = {
  ok: (value) => typeof value === 'number' && value > 0 && Number.isFinite(value),
  expected: 'a finite number above 0',
}
const truth: Check = { ok: (value) => typeof value === 'boolean', expected: 'true or false' }
const anything: Check = { ok: () => true, expected: 'anything' }

/** One row an option: what it has to be. `anything` is checked where it is used. */
export const optionChecks: { readonly [option: string]: Check } = {
  data: anything,
  evaluateOn: anything,
  batchSize: whole,
  batchSchedule: anything,
  accumulate: whole,
  ema: {
    ok: (value) => typeof value === 'number' && value >= 0 && value < 1,
    expected: 'the share of the average that is kept, from 0 to less than 1',
  },
  seed: {
    ok: (value) => typeof value === 'number' && Number.isFinite(value),
    expected: 'a finite number',
  },
  loss: anything,
  metrics: {
    ok: Array.isArray,
    expected: "an array, e.g. ['accuracy']",
  },
  optimizer: anything,
  schedule: {
    ok: (value) => typeof value === 'function' || typeof (value as Schedule | null)?.rate === 'function',
    expected: 'a schedule, e.g. cosine({ over: 2000 }), or a function (iteration, peak) => rate',
  },
  clipNorm: positive,
  clipValue: positive,
  dropout: anything,
  stop: anything,
  evaluateEvery: whole,
  evaluationBatchSize: whole,
  name: {
    ok: (value) => typeof value === 'string' && /^[\p{L}\p{N}][\p{L}\p{N} ._-]*$/u.test(value),
    expected: 'a name of letters, digits, spaces, dots, dashes and underscores, as it names a folder too',
  },
  freeze: {
    ok: (value) =>
      value instanceof RegExp || (Array.isArray(value) && value.every((v) => typeof v === 'string')),
    expected: 'a pattern like /^embedding/ or a list of parameter names',
  },
  progress: truth,
  resume: truth,
  save: truth,
}

/** Checks options by name and kind. `where` begins the messages, e.g. 'train(model, options)'. */
/** What other libraries have as options of training. */
const instead = {
  epochs: 'A run is told how far to go when it goes: await run.epochs(5).',
  iterations: 'A run is told how far to go when it goes: await run.iterate(200).',
  steps: 'A run is told how far to go when it goes: await run.iterate(200).',
  callbacks:
    'A run stands still after await run.iterate(100): look, change, go on. Rules that end a call are its stop.',
  shuffle: 'Each epoch has an order of its own, drawn from seed. Leave this out.',
  validationSplit:
    'Split the data: const parts = split(data, { validation: 0.2 }), and pass parts.train and parts.validation.',
  learningRate: "It is the optimizer's: optimizer: adam({ learningRate: 1e-3 }).",
  lr: "It is the optimizer's: optimizer: adam({ learningRate: 1e-3 }).",
}

export function checkOptions(options: unknown, where: string): RunOptions & { loss?: unknown } {
  if (typeof options !== 'object' || options === null)
    throw new InputError({
      where,
      received: describe(options),
      expected: 'options, e.g. { data, loss, optimizer: adam({ learningRate: 1e-3 }) }',
    })
  named(options, Object.keys(optionChecks), where, instead)
  for (const [name, value] of Object.entries(options)) {
    const check = optionChecks[name]!
    if (value !== undefined && !check.ok(value))
      throw new InputError({
        where: where.replace('options', `{ ${name} }`),
        received: describe(value),
        expected: check.expected,
      })
  }
  return options as RunOptions
}

export function checkOptimizer(optimizer: unknown, where: string): Optimizer {
  const value = optimizer as Partial<Optimizer> | undefined | null
  const fix = 'E.g. optimizer: adam({ learningRate: 1e-3 }).'
  if (typeof value !== 'object' || value === null || typeof value.update !== 'function') {
    const tfjs = typeof (optimizer as { minimize?: unknown } | undefined)?.minimize === 'function'
    throw new InputError({
      where,
      received: tfjs ? "one of tfjs's optimizers" : describe(optimizer),
      expected: "one of gradbook's optimizers, whose state can be saved and taken back",
      fix,
    })
  }
  checkRate(value.learningRate, where)
  return value as Optimizer
}

/** An average is kept by the run or by its optimizer, not by both. */
export function checkOneAverage(optimizer: Optimizer, settings: Settings, where: string): void {
  for (const [name, kept] of [
    ['ema', settings.ema],
    ['accumulate', settings.accumulate],
  ] as const)
    if (kept !== undefined && optimizer.settings[name] !== undefined)
      throw new InputError({
        where,
        received: `${name} twice: of the run and of the optimizer`,
        expected: 'one of them',
        fix: `Leave out ${name}(…) around the optimizer.`,
      })
}

export function checkRate(rate: unknown, where: string): number {
  if (typeof rate === 'number' && Number.isFinite(rate) && rate >= 0) return rate
  throw new InputError({ where, received: describe(rate), expected: 'a finite learning rate, 0 or more' })
}

/** Refuses what is no number of iterations, epochs or rounds to make. */
export function checkCount(n: unknown, where: string, what: string): asserts n is number {
  if (typeof n === 'number' && Number.isInteger(n) && n >= 0) return
  throw new InputError({
    where,
    received: describe(n),
    expected: `a whole number of ${what}, 0 or more`,
    ...(typeof n === 'number' && n < 0 && { fix: 'To go back, use run.undo() or run.goTo(iteration).' }),
  })
}

function ownMetric(metric: MetricFunction): Metric {
  const name = metric.name || 'metric'
  return {
    name,
    larger: true,
    perExample(expected, predicted) {
      const values: unknown = metric(expected, predicted)
      if (values instanceof tf.Tensor) return values
      throw new InputError({
        where: `the metric ${name}`,
        received: describe(values),
        expected: 'a tensor: its value for each example, [batch]',
      })
    },
  }
}

export function findMetrics(given: readonly (string | Metric | MetricFunction)[] = []): Metric[] {
  return given.map((metric) => {
    if (typeof metric === 'function') return ownMetric(metric)
    if (typeof metric === 'object' && metric !== null && typeof metric.perExample === 'function')
      return metric
    const row = typeof metric === 'string' ? knownMetrics.get(metric) : undefined
    if (row) return row
    throw new InputError({
      where: 'train(model, { metrics })',
      received: describe(metric),
      expected: `a known metric, nearest first: ${listNearest(String(metric), [...knownMetrics.keys()])}; or a function (expected, predicted) => [batch]`,
    })
  })
}

export function asSchedule(schedule: Schedule | ScheduleFunction | undefined): Schedule | undefined {
  return typeof schedule === 'function' ? ownSchedule(schedule) : schedule
}

/** What a run evaluates, for `checkRule`. */
export function aboutRules(run: {
  settings: Pick<Settings, 'metrics'>
  evaluateOn: unknown
  trainee: { saysMore?: boolean }
}): { metrics: readonly Metric[]; evaluated: boolean; own: boolean } {
  const { settings, evaluateOn, trainee } = run
  return { metrics: settings.metrics, evaluated: evaluateOn !== undefined, own: trainee.saysMore === true }
}

/** Refuses a rule that waits for what a loss of one's own might have said, and has not. */
export function checkWaited(rule: StopRule, row: EvaluationRow): void {
  for (const metric of rule.metrics)
    if (!(metric in row))
      throw new InputError({
        where: `the rule ${rule.name}`,
        received: `'${metric}', which the evaluation after iteration ${row.iteration} has not`,
        expected: `one of ${listNearest(metric, Object.keys(row).slice(1))}`,
        fix: `A loss of your own says it by name: return { loss, ${metric} }, a scalar.`,
      })
}

/** Refuses rules that wait for what will never be evaluated. */
export function checkRule(
  rule: StopRule | StopFunction,
  {
    metrics,
    evaluated,
    own,
    where,
  }: {
    metrics: readonly Metric[]
    evaluated: boolean
    /** Whether the loss is the user's own, which may say more: whether it does is known once it was evaluated. */
    own: boolean
    where: string
  },
): StopRule {
  const checked = asRule(rule)
  const known = ['loss', ...metrics.map(({ name }) => name)]
  for (const metric of checked.metrics) {
    if (!evaluated)
      throw new InputError({
        where,
        received: `${checked.name}('${metric}') without evaluateOn`,
        expected: 'held-out data to evaluate it on',
        fix: 'Pass evaluateOn: data.validation to train.',
      })
    if (!own && !known.includes(metric))
      throw new InputError({
        where,
        received: `the metric '${metric}'`,
        expected: `one that is evaluated: ${listNearest(metric, known)}`,
        fix: knownMetrics.has(metric) ? `Add it: metrics: ['${metric}'].` : undefined,
      })
  }
  return checked
}

/** @param optimizer of the model where it brings its own. @param own whether its loss is the user's own. */
export function settingsFrom(options: RunOptions, optimizer: Optimizer, own: boolean): Settings {
  const metrics = findMetrics(options.metrics)
  return {
    optimizer,
    batchSize: options.batchSize ?? 32,
    batchSchedule: asBatchSizes(
      options.batchSchedule,
      options.batchSize ?? 32,
      'train(model, { batchSchedule })',
    ),
    accumulate: options.accumulate,
    ema: options.ema,
    seed: options.seed ?? Math.floor(Math.random() * 2 ** 31),
    metrics,
    schedule: asSchedule(options.schedule),
    clipNorm: options.clipNorm,
    clipValue: options.clipValue,
    dropout: options.dropout,
    stop:
      options.stop &&
      checkRule(options.stop, {
        metrics,
        evaluated: options.evaluateOn !== undefined,
        own,
        where: 'train(model, { stop })',
      }),
    evaluateEvery: options.evaluateEvery,
    evaluationBatchSize: options.evaluationBatchSize ?? 256,
    freeze: options.freeze,
    progress: options.progress ?? true,
    save: options.save ?? true,
  }
}
