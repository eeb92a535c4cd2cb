import type { EvaluationRow } from '../../views.js'
import * as tf from '@tensorflow/tfjs'
import type { Optimizer } from '../../backend/optimizers/optimizer.js'
import type { DataLike } from '../../data/from.js'
import type { Generated } from '../../data/generate.js'
import { describe, InputError } from '../../errors.js'
import { asBatchSizes, type BatchSchedule, type BatchSizes } from './batch-sizes.js'
import type { DropoutSetting } from '../model/dropout.js'
import type { ClassWeight, SampleWeight } from '../model/example-weights.js'
import type { LossFunction, LossWeights } from '../model/heads.js'
import type { LossName } from '../loss/losses.js'
import { metrics as knownMetrics, ofOutput, type Metric, type MetricName } from '../loss/metrics.js'
import { ownSchedule, type Schedule, type ScheduleFunction } from './schedules.js'
import { asRule, type PastIterations, type StopFunction, type StopRule } from './stops.js'
import type { Trainee } from '../model/trainee.js'
import { listNearest, named } from '../../suggest.js'

/**
 * A metric of one's own: its value for each example, [batch], or for each place in it, which are averaged. Named as the
 * function is; larger counts as better. Of one where smaller is better: `{ name: 'mape', larger: false, perExample }`.
 */
export type MetricFunction = (expected: tf.Tensor, predicted: tf.Tensor) => tf.Tensor

/** One metric, as it is given. */
export type MetricGiven = MetricName | (string & {}) | Metric | MetricFunction

/** Metrics of a model with one output; of several by their names, or in their order. */
export type MetricsGiven =
  | readonly MetricGiven[]
  | readonly (readonly MetricGiven[])[]
  | { readonly [output: string]: MetricGiven | readonly MetricGiven[] }

/** A row of the history, as a function of one's own gets it. */
export type PastRow = ReturnType<PastIterations['row']>

/** What a function that is called while a run trains gets of it. */
export interface SteeredRun {
  readonly name: string
  readonly iteration: number
  readonly learningRate: number
  /** As `run.set`: recorded, and taken back by undo. */
  set(changes: object, options?: { why?: string }): void
}

/** What every run takes. */
export interface RunOptions {
  /**
   * What iterations draw from: a Dataset, `{ x, y }` of typed arrays (one number an example) or tensors (first axis =
   * examples), or records; or what makes a batch for each: `generate(({ random }) => ({ x, y }))`. Required, but for an iteration
   * of one's own. `data: digits.train`
   */
  data: DataLike | Generated
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
  /**
   * By name, or functions (expected, predicted) => [batch]; of several outputs by theirs, `{ animal: ['accuracy'] }`, which gives
   * `animal_accuracy`. Default: none, the loss alone. `metrics: ['accuracy']`
   */
  metrics?: MetricsGiven
  /**
   * What each example counts in the loss: a field of the data with a number for each, or a function of the batch. As in Keras
   * the loss is the mean of losses times weights, also of evaluations whose data has the field. Default: all alike.
   * `sampleWeight: 'weight'`
   */
  sampleWeight?: SampleWeight
  /**
   * What the classes count in training, by index or name; those not named count 1. Of several outputs by theirs. Evaluations count
   * all alike. Default: all alike. `classWeight: { 0: 1, 1: 5 }`
   */
  classWeight?: ClassWeight
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
  /**
   * Called after each iteration with its row of the history; it may steer the run. What it returns is waited for, what it throws ends
   * the call. Its time is no part of `milliseconds`. Default: nothing. `onIteration: ({ iteration, loss }) => console.log(iteration, loss)`
   */
  onIteration?: (row: PastRow, run: SteeredRun) => unknown
  /** Called after each evaluation on `evaluateOn` with its row, as `onIteration` is. Default: nothing. `onEvaluation: ({ loss }, run) => loss > 1 && run.set({ learningRate: 1e-4 })` */
  onEvaluation?: (row: EvaluationRow, run: SteeredRun) => unknown
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

/** One loss, as it is given. */
export type LossGiven = LossName | (string & {}) | LossFunction

/** What a tf.LayersModel needs besides. */
export interface ModelOptions extends RunOptions {
  /** What iterations draw from, as every run has it. Required. `data: digits.train` */
  data: NonNullable<RunOptions['data']>
  /**
   * By name, or a function (expected, predicted) => the loss of each example, [batch], or their mean; of a model with several outputs
   * one for each, `{ price: 'meanSquaredError', animal: 'sparseCategoricalCrossentropy' }`. Required, but for a model that was
   * compiled with one.
   * `loss: 'sparseCategoricalCrossentropy'` for class indices, `loss: 'meanSquaredError'` for numbers
   */
  loss: LossGiven | readonly LossGiven[] | { readonly [output: string]: LossGiven }
  /** What the losses of several outputs are multiplied with before they are added. Default: 1 each. `lossWeights: { price: 0.5 }` */
  lossWeights?: LossWeights
  /**
   * What makes an update of gradients. Its rate is the peak of the schedule. Required, but for a model that was compiled with one.
   * `optimizer: adam({ learningRate: 1e-3 })`
   */
  optimizer: Optimizer
}

/** What a tf.LayersModel needs that was compiled with a loss and an optimizer: neither. */
export interface CompiledOptions extends RunOptions {
  loss?: undefined
  lossWeights?: LossWeights
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
  sampleWeight: SampleWeight | undefined
  classWeight: ClassWeight | undefined
  lossWeights: LossWeights | undefined
  schedule: Schedule | undefined
  clipNorm: number | undefined
  clipValue: number | undefined
  dropout: DropoutSetting | undefined
  stop: StopRule | undefined
  onIteration: RunOptions['onIteration']
  onEvaluation: RunOptions['onEvaluation']
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
const callable: Check = { ok: (value) => typeof value === 'function', expected: 'a function' }
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
  lossWeights: anything,
  metrics: {
    ok: (value) => typeof value === 'object' && value !== null,
    expected:
      "an array, e.g. ['accuracy']; of several outputs by their names, { price: ['meanAbsoluteError'] }",
  },
  sampleWeight: anything,
  classWeight: anything,
  optimizer: anything,
  schedule: {
    ok: (value) => typeof value === 'function' || typeof (value as Schedule | null)?.rate === 'function',
    expected: 'a schedule, e.g. cosine({ over: 2000 }), or a function (iteration, peak) => rate',
  },
  clipNorm: positive,
  clipValue: positive,
  dropout: anything,
  stop: anything,
  onIteration: callable,
  onEvaluation: callable,
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
    'A function of each iteration is onIteration, of each evaluation onEvaluation; rules that end a call are its stop. Or let the run stand still after await run.iterate(100): look, change, go on.',
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

/** @param outputs the names of a model's outputs, or of the parts of y, where there are several. */
export function findMetrics(given: MetricsGiven = [], outputs: readonly string[] = []): Metric[] {
  if (outputs.length === 0) {
    if (Array.isArray(given) && !given.some(Array.isArray)) return (given as MetricGiven[]).map(findMetric)
    throw new InputError({
      where: 'train(model, { metrics })',
      received: describe(given),
      expected: "for one output an array, e.g. ['accuracy']",
    })
  }
  if (!Array.isArray(given)) {
    const byOutput = named(
      given as { readonly [output: string]: MetricGiven | readonly MetricGiven[] },
      outputs,
      'train(model, { metrics })',
    )
    return Object.entries(byOutput).flatMap(([output, some]) =>
      [some].flat().map((one) => ofOutput(findMetric(one as MetricGiven), output)),
    )
  }
  const list = given as (MetricGiven | readonly MetricGiven[])[]
  if (list.some(Array.isArray)) {
    if (list.length === outputs.length)
      return outputs.flatMap((output, i) =>
        [list[i]!].flat().map((one) => ofOutput(findMetric(one as MetricGiven), output)),
      )
    throw new InputError({
      where: 'train(model, { metrics })',
      received: `metrics of ${list.length} outputs`,
      expected: `one list for each of ${outputs.join(', ')}; or by name, { ${outputs[0]}: […] }`,
    })
  }
  // As Keras has it, one list is for all of them; a name that begins with an output's is of this one.
  return (list as MetricGiven[]).flatMap((one) => {
    const output = typeof one === 'string' ? outputs.find((name) => isOf(one, name)) : undefined
    if (output !== undefined) return [ofOutput(findMetric((one as string).slice(output.length + 1)), output)]
    return outputs.map((name) => ofOutput(findMetric(one), name))
  })
}

const isOf = (metric: string, output: string) =>
  metric.startsWith(`${output}_`) && knownMetrics.has(metric.slice(output.length + 1))

/** Whether a metric of this name can be made again: those of one's own cannot. */
export function isKnownMetric(name: string): boolean {
  return knownMetrics.has(name) || [...knownMetrics.keys()].some((known) => name.endsWith(`_${known}`))
}

function findMetric(metric: MetricGiven): Metric {
  if (typeof metric === 'function') return ownMetric(metric)
  if (typeof metric === 'object' && metric !== null && typeof metric.perExample === 'function') return metric
  const row = typeof metric === 'string' ? knownMetrics.get(metric) : undefined
  if (row) return row
  throw new InputError({
    where: 'train(model, { metrics })',
    received: describe(metric),
    expected: `a known metric, nearest first: ${listNearest(String(metric), [...knownMetrics.keys()])}; or a function (expected, predicted) => [batch]`,
  })
}

export function asSchedule(schedule: Schedule | ScheduleFunction | undefined): Schedule | undefined {
  return typeof schedule === 'function' ? ownSchedule(schedule) : schedule
}

/** What the loss of several outputs says beside itself: that of each. */
export const saidBy = ({ several = [] }: Pick<Trainee, 'several'>): string[] =>
  several.map(({ name }) => `${name}_loss`)

/** What a run evaluates, for `checkRule`. */
export function aboutRules(run: {
  settings: Pick<Settings, 'metrics'>
  evaluateOn: unknown
  trainee: Pick<Trainee, 'saysMore' | 'several'>
}): { metrics: readonly Metric[]; evaluated: boolean; own: boolean; said: readonly string[] } {
  const { settings, evaluateOn, trainee } = run
  return {
    metrics: settings.metrics,
    evaluated: evaluateOn !== undefined,
    own: trainee.saysMore === true,
    said: saidBy(trainee),
  }
}

/** Refuses a rule that waits for what a loss of one's own might have said, and has not. */
export function checkWaited(
  rule: StopRule,
  row: EvaluationRow | undefined,
  { history, iteration }: { history: { readonly names: readonly string[] }; iteration: number },
): void {
  for (const metric of rule.metrics)
    if (!(row && metric in row) && !history.names.includes(metric))
      throw new InputError({
        where: `the rule ${rule.name}`,
        received: `'${metric}', which ${row ? 'the evaluation after' : 'the history at'} iteration ${iteration} has not`,
        expected: `one of ${listNearest(metric, row ? Object.keys(row).slice(1) : history.names)}`,
        fix: `A loss of your own says it by name: return { loss, ${metric} }, a scalar.`,
      })
}

/** Refuses rules that wait for what will never be there: without `evaluateOn`, for what only an evaluation says. */
export function checkRule(
  rule: StopRule | StopFunction,
  {
    metrics,
    evaluated,
    own,
    said,
    where,
  }: {
    metrics: readonly Metric[]
    evaluated: boolean
    /** Whether the loss is the user's own, which may say more: whether it does is known once it was called. */
    own: boolean
    /** What it is known to say beside itself. */
    said: readonly string[]
    where: string
  },
): StopRule {
  const checked = asRule(rule)
  const names = metrics.map(({ name }) => name)
  const columns = ['loss', ...said, ...(evaluated ? [] : ['gradientNorm'])]
  const known = evaluated ? [...columns, ...names] : columns
  for (const metric of checked.metrics) {
    if (known.includes(metric) || (own && !names.includes(metric))) continue
    if (!evaluated && (names.includes(metric) || knownMetrics.has(metric) || isKnownMetric(metric)))
      throw new InputError({
        where,
        received: `${checked.name}('${metric}') without evaluateOn`,
        expected: `held-out data to evaluate it on; or what is in the history: ${columns.join(', ')}`,
        fix: 'Pass evaluateOn: data.validation to train.',
      })
    throw new InputError({
      where,
      received: `the metric '${metric}'`,
      expected: `one that is evaluated: ${listNearest(metric, known)}`,
      fix: knownMetrics.has(metric) ? `Add it: metrics: ['${metric}'].` : undefined,
    })
  }
  return checked
}

/**
 * @param optimizer of the model where it brings its own.
 * @param model.own whether its loss is the user's own; `outputs`: their names where there are several; `said`: what the loss says beside
 *   itself, where that is known.
 */
export function settingsFrom(
  options: RunOptions & { lossWeights?: LossWeights },
  optimizer: Optimizer,
  { own, outputs, said }: { own: boolean; outputs: readonly string[]; said: readonly string[] },
): Settings {
  const metrics = findMetrics(options.metrics, outputs)
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
    sampleWeight: options.sampleWeight,
    classWeight: options.classWeight,
    lossWeights: options.lossWeights,
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
        said,
        where: 'train(model, { stop })',
      }),
    onIteration: options.onIteration,
    onEvaluation: options.onEvaluation,
    evaluateEvery: options.evaluateEvery,
    evaluationBatchSize: options.evaluationBatchSize ?? 256,
    freeze: options.freeze,
    progress: options.progress ?? true,
    save: options.save ?? true,
  }
}
