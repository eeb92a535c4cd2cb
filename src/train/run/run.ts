import type * as tf from '@tensorflow/tfjs'
import type { DataLike } from '../../data/from.js'
import { describe, InputError } from '../../errors.js'
import type { Calibration, Confusion, MistakesBy, ResidualRow, SliceRow } from '../../mistakes/index.js'
import { atomically } from '../../settle.js'
import { named } from '../../suggest.js'
import type {
  Adjustment,
  EvaluationRow,
  LookRow,
  Note,
  Mistake,
  MistakesView,
  RoundsView,
  RunView,
  StopReason,
  StretchView,
} from '../../views.js'
import { exclude, explain, noteText, relabel, reweight, whyOf, type Why } from '../adjust/adjust.js'
import { announceRun, announceView, forgetRun } from './announce.js'
import { averagedModel } from '../step/averages.js'
import { copying } from '../model/copying.js'
import { branchOf } from './branch.js'
import { setChanges, type Changes } from '../adjust/changes.js'
import { correct } from '../adjust/correct.js'
import { prepareFocus } from '../adjust/focus.js'
import { checkAdjustments } from '../adjust/replay.js'
import { beginStage, type StageOptions } from '../adjust/stage.js'
import type { StageRecord } from '../state/fields.js'
import { checkRun, findLearningRate, type CheckRow, type RateRow } from './check.js'
import type { Core } from '../state/core.js'
import { distribute, distributionOf, type DistributeOptions, type Distribution } from './distribute.js'
import { exportCsv, exportParquet, exportTensorBoard } from '../disk/export.js'
import { Primitives, type BatchGradients } from './primitives.js'
import { readLikeAnArray, type HistoryRow } from '../state/history.js'
import { refuseMade, type Ids } from '../order/ids.js'
import { inspectNext, isInspected, type InspectedIteration } from './inspect.js'
import { Journal, type JournalOptions } from '../disk/journal.js'
import type { Course } from './course.js'
import { Live } from './live.js'
import { Analysis, type EvaluateOptions, type Looked } from './analysis.js'
import { makePlanned, stretch } from './loop.js'
import { aboutRules, checkCount, checkRule, optionChecks } from '../rules/options.js'
import type { SavedPoint } from '../disk/points.js'
import { rounds, type RoundsOptions } from './rounds.js'
import type { AskedColumns, MoreColumns, OptimizerName, ParameterName, RateOf } from './run-types.js'
import { stretchView, viewOf } from './run-view.js'
import type { Spike } from '../state/spikes.js'
import type { StopFunction, StopRule } from '../rules/stops.js'
import type { Subset } from '../rules/subsets.js'
import type { Move } from '../state/point.js'
import { Timeline } from './timeline.js'
import type { AnyBatch, Batch } from '../model/batch.js'
import { Turns } from './turns.js'

export interface IterateOptions {
  /** Ends the call as Stop does: at a whole iteration, with `Interrupted`. Default: none. `signal: AbortSignal.timeout(60_000)` */
  signal?: AbortSignal
}

/** A run, whatever its model and data are. */
export type AnyRun = Run<unknown, string, AnyBatch>

const cores = new WeakMap<object, Core>()

/** A class by name or index, a number, or the values of y. */
export type Label = string | number | ArrayLike<number>

/** What a run is made of: for the files beside this one, not for users. */
export const coreOf = (run: AnyRun): Core | undefined => cores.get(run)

/**
 * A model, its optimizer, the order of its data and its history: moves forward in iterations, and can go back.
 * Made by `train`.
 */
export class Run<Model = unknown, Metrics extends string = string, B extends AnyBatch = Batch> {
  readonly #core: Core
  readonly #live: Live
  readonly #course: Course
  readonly #timeline: Timeline
  readonly #primitives: Primitives
  readonly #journal: Journal
  readonly #turns: Turns
  readonly #analysis: Analysis

  /** @param saved points of the process before this one. */
  constructor(core: Core, at: JournalOptions, saved: readonly SavedPoint[] = []) {
    this.#core = core
    const journal = new Journal(core, at, () => {
      this.#turns.leave()
      forgetRun(this.#plain)
    })
    this.#journal = journal
    this.#live = new Live(core, (view) => {
      journal.keepUp()
      announceView(this.#plain, view)
    })
    this.#timeline = new Timeline(core)
    this.#timeline.adopt(saved)
    this.#primitives = new Primitives(core, journal)
    this.#course = { core, journal, live: this.#live, run: this.#plain, adjust: (work) => this.#adjust(work) }
    this.#turns = new Turns({
      course: this.#course,
      journal,
      timeline: this.#timeline,
      primitives: this.#primitives,
    })
    this.#analysis = new Analysis(this.#course)
    cores.set(this, core)
    core.supervisor?.made(core, () => journal.close())
    announceRun(this.#plain)
  }

  /** As those see it who know nothing of its model. */
  get #plain(): Run {
    return this as unknown as Run
  }

  /** The model as it was passed to `train`; of a branch, its own copy. */
  get model(): Model {
    return this.#core.trainee.model as Model
  }
  get name(): string {
    return this.#core.name
  }
  /** Updates made so far. */
  get iteration(): number {
    return this.#core.state.iteration
  }
  /** Of the next iteration. */
  get learningRate(): number {
    return this.#core.learningRate()
  }
  /** Of the next iteration, by optimizer, where an iteration of one's own has some; else none. */
  get learningRates(): { readonly [optimizer in OptimizerName<Model>]: number } {
    return this.#core.learningRates as { readonly [optimizer in OptimizerName<Model>]: number }
  }
  /** Examples of the next iteration. */
  get batchSize(): number {
    return this.#core.batchSize()
  }
  /** Rates of the model's dropouts by name, as of the next iteration. */
  get dropout(): { readonly [name: string]: number } {
    return this.#core.dropouts.rates
  }
  /** The run that it branched from, and at which iteration. */
  get parent(): { readonly name: string; readonly iteration: number } | undefined {
    return this.#core.parent
  }
  /** Where `goTo` can go: what each call or cell began from, and what was kept by name. */
  get points(): readonly { readonly iteration: number; readonly name?: string }[] {
    return this.#timeline.points
  }
  /** Names of the parameters, by their place in the model: `dense_1/kernel`. */
  get parameters(): readonly ParameterName<Model>[] {
    return this.#core.trainee.parameters.map(({ name }) => name as ParameterName<Model>)
  }
  get adjustments(): readonly Adjustment[] {
    return this.#core.state.adjustments
  }
  /** Why the last call ended; null after one that did all it was asked. */
  get stopReason(): StopReason | null {
    return this.#core.state.stopReason
  }
  /** One row an iteration, read like an array. */
  get history(): readonly HistoryRow<MoreColumns<Model>>[] {
    const core = this.#core
    return readLikeAnArray(
      () => core.state.history.length,
      (at) => core.state.history.row(at) as HistoryRow<MoreColumns<Model>>,
    )
  }
  /** Iterations whose loss stood out from those before, with the ids of their batch. */
  get spikes(): readonly Spike[] {
    return this.#core.state.spikes
  }
  /** One row a look at other data than `evaluateOn`: `run.evaluate(data.test)`. Undo does not take them back. */
  get looks(): readonly LookRow<Metrics>[] {
    return this.#core.state.looks as readonly LookRow<Metrics>[]
  }
  /** One row an evaluation on `evaluateOn`. */
  get evaluations(): readonly (EvaluationRow<Metrics> & AskedColumns<Model>)[] {
    return this.#core.state.evaluations as (EvaluationRow<Metrics> & AskedColumns<Model>)[]
  }

  /** What the model said at evaluations: of a GPT what `samples` lets it write. Undo takes them back. */
  get notes(): readonly Note[] {
    return this.#core.state.notes
  }

  /** The run as it stands, as plain data: what its chart is drawn from. */
  view(): RunView {
    const { undone } = this.#timeline
    return {
      ...viewOf(this.#core, { live: false, from: this.#core.state.iteration, started: performance.now() }),
      ...(undone && { undone }),
    }
  }

  /**
   * Trains in the background: the cell ends, others run meanwhile, and `set`, `exclude`, … take effect between two
   * iterations. `pause`, `resume`, `stop` steer it; its progress has a display of its own.
   */
  start(options: IterateOptions & { iterations?: number } = {}): void {
    const { iterations = Infinity, signal } = named(options, ['iterations', 'signal'], 'run.start(options)')
    if (iterations !== Infinity) checkCount(iterations, 'run.start({ iterations })', 'iterations')
    this.#turns.start(iterations, signal)
  }

  /** Whether the run trains in the background, or waits there for `resume`. */
  get state(): 'idle' | 'training' | 'paused' {
    return this.#turns.state
  }

  /** Lets the background training stand still; resolves at a whole iteration. */
  pause(): Promise<void> {
    return this.#turns.pause()
  }

  /** Lets it go on. */
  resume(): void {
    this.#turns.resume()
  }

  /** Ends the background training at a whole iteration. */
  stop(): Promise<void> {
    return this.#turns.stop()
  }

  /** Resolves when the background training has ended: its iterations are spent, or a rule is met. */
  finished(): Promise<void> {
    return this.#turns.finished()
  }

  /**
   * Trains for `n` more iterations. With `{ inspect: true }`, n = 1: one iteration, opened up, op by op, so that breakpoints in
   * the model are hit; `{ inspect: 'compiled' }` opens it up through a recorded graph, for those who do so again and again.
   */
  iterate(n?: number, options?: IterateOptions & { inspect?: false }): Promise<StretchView<Metrics>>
  iterate(
    n: 1,
    options: IterateOptions & { inspect: true | 'compiled' },
  ): Promise<InspectedIteration<ParameterName<Model>, B>>
  async iterate(
    n = 1,
    given: IterateOptions & { inspect?: boolean | 'compiled' } = {},
  ): Promise<StretchView | InspectedIteration<string, B>> {
    const { inspect = false, ...options } = named(given, ['inspect', 'signal'], 'run.iterate(n, options)')
    checkCount(n, 'run.iterate(n)', 'iterations')
    const compiled = inspect === 'compiled'
    if (isInspected(this.#core, n, inspect))
      return this.#turns.call(() => inspectNext<B>(this.#course, { compiled }))
    return this.#turns.call(() => stretch(this.#course, { iterations: n, spent: 'done', ...options }))
  }

  /**
   * From now on several workers train this run, by whichever call: its history, evaluations, undo and snapshots are as everywhere.
   * null: this process does, alone. What `every` means and what it costs is in docs/sweep.md.
   *
   * @example await run.distribute({ workers: 2, every: 100, engine: local() })
   * @throws InputError for what cannot be trained so, and naming what cannot be sent.
   */
  async distribute(options: DistributeOptions | null): Promise<void> {
    await this.#turns.byHand()
    await distribute(this.#core, options)
  }

  /** How several workers train it; undefined where they do not. */
  get distribution(): Distribution | undefined {
    return distributionOf(this.#core)
  }

  /** Trains for as many iterations as `n` times through the training data take. */
  async epochs(n = 1, options: IterateOptions = {}): Promise<StretchView<Metrics>> {
    checkCount(n, 'run.epochs(n)', 'epochs')
    const { signal } = named(options, ['signal'], 'run.epochs(n, options)')
    refuseMade(this.#core.source, 'run.epochs(n)', 'await run.iterate(n): there is no end to come to.')
    const iterations = this.#core.iterationsOf(n)
    return this.#turns.call(() => stretch(this.#course, { iterations, spent: 'done', signal }))
  }

  /** Trains until the rule is met, for `atMost` iterations. */
  async until(
    rule: StopRule | StopFunction,
    options: IterateOptions & { atMost?: number } = {},
  ): Promise<StretchView<Metrics>> {
    const { atMost = Infinity, signal } = named(options, ['atMost', 'signal'], 'run.until(rule, options)')
    if (atMost !== Infinity) checkCount(atMost, 'run.until(rule, { atMost })', 'iterations')
    const checked = this.#checkRule(rule, 'run.until(rule)')
    return this.#turns.call(() =>
      stretch(this.#course, { iterations: atMost, rule: checked, spent: 'iterations', signal }),
    )
  }

  /** Trains in rounds: a subset, some iterations on it, an evaluation, and the adjustments its errors ask for. */
  async rounds(
    n: number,
    options: RoundsOptions<Run<Model, Metrics, B>, Metrics, RateOf<Model>>,
  ): Promise<RoundsView<Metrics>> {
    checkCount(n, 'run.rounds(n)', 'rounds')
    named(options, ['iterations', 'subset', 'adjust', 'until', 'signal'], 'run.rounds(n, options)')
    const rule =
      options?.until === undefined ? undefined : this.#checkRule(options.until, 'run.rounds(n, { until })')
    return this.#turns.call(() =>
      rounds(this.#course, this.#plain, n, {
        ...(options as RoundsOptions<Run>),
        ...(rule && { rule }),
      }),
    )
  }

  #checkRule(rule: StopRule | StopFunction, where: string): StopRule {
    return checkRule(rule, { ...aboutRules(this.#core), where })
  }

  /** Draws the batch of the next iteration; the cursor moves on. Whoever gets it disposes it: `tf.dispose(batch)`. */
  async nextBatch(): Promise<B> {
    await this.#turns.byHand()
    await makePlanned(this.#course)
    return (await this.#primitives.nextBatch()) as B
  }

  /** Loss, loss by example, and gradients by parameter of a batch. Changes nothing. */
  async gradients(batch: AnyBatch): Promise<BatchGradients<ParameterName<Model>>> {
    return this.#primitives.gradients(batch)
  }

  /** Clips the gradients as the run's settings say, and makes the optimizer's update: one iteration. */
  async apply(gradients: { readonly [parameter in ParameterName<Model>]?: tf.Tensor }): Promise<
    StretchView<Metrics>
  > {
    await this.#turns.byHand()
    const started = performance.now()
    const from = this.iteration
    this.#primitives.apply(gradients, (before) => this.#turns.change(before))
    this.#turns.ended()
    return stretchView(this.#core, { from, started })
  }

  /**
   * Loss and metrics: on `evaluateOn` (written down as an evaluation of the run), or on data of your choice:
   * `run.evaluate(data.test)`. `run.evaluate({ ema: true })`: with the averages of the parameters in their place, which is a
   * look and no evaluation of the run; of other data `run.evaluate({ data: data.test, ema: true })`.
   */
  evaluate(data?: DataLike, options?: Pick<EvaluateOptions, 'ema'>): Promise<EvaluationRow<Metrics>>
  evaluate(options: EvaluateOptions): Promise<EvaluationRow<Metrics>>
  async evaluate(
    first?: DataLike | EvaluateOptions,
    second: Pick<EvaluateOptions, 'ema'> = {},
  ): Promise<EvaluationRow<Metrics>> {
    const row = await this.#analyse().evaluate(first, second)
    this.#journal.end()
    return row as EvaluationRow<Metrics>
  }

  /**
   * A copy of the model with the averages of its parameters (`train(model, { ema: 0.999 })`), to be used or saved: the run
   * trains on with its own.
   */
  emaModel(): Model {
    return averagedModel(this.#core, 'run.emaModel()') as Model
  }

  /**
   * The examples that go wrong, by the loss they have now. Of held-out data by default; `of: 'train'` gives ids that
   * `exclude`, `reweight` and `relabel` take.
   */
  async mistakes(options: { k?: number; of?: Looked; by?: MistakesBy } = {}): Promise<MistakesView> {
    return this.#analyse().mistakes(options)
  }

  /** Of a model that predicts numbers: what it is off by at each example, predicted - expected, the farthest first. */
  async residuals(options: { of?: Looked; output?: string } = {}): Promise<ResidualRow[]> {
    return this.#analyse().residuals(options)
  }

  /** How often each class was taken for each, with the ids behind each cell. */
  async confusion(options: { of?: Looked; output?: string } = {}): Promise<Confusion> {
    return this.#analyse().confusion(options)
  }

  /** How parts of the data do, with counts and intervals: `run.slices({ by: (row) => row.expected })`. */
  async slices(options: {
    by: (row: Mistake) => string | number | boolean
    of?: Looked
  }): Promise<SliceRow[]> {
    return this.#analyse().slices(options)
  }

  /** How sure predictions are, beside how often they are right. */
  async calibration(options: { of?: Looked; bins?: number; output?: string } = {}): Promise<Calibration> {
    return this.#analyse().calibration(options)
  }

  /**
   * Training examples whose label looks wrong, the most doubtful first: their loss stayed high while others of their
   * class were learned. Most telling after some epochs, before all is known by heart.
   */
  async doubtfulLabels(options: { k?: number } = {}): Promise<MistakesView> {
    return this.#analyse().doubtfulLabels(options)
  }

  /** What is worth knowing before a long training, one row a test; the run stays as it is. */
  async check(): Promise<CheckRow[]> {
    this.#turns.recover()
    return checkRun(this.#core)
  }

  /** Tries rates from `from` to `to` on a copy, and suggests the one at which the loss falls most steeply. */
  async findLearningRate(
    options: { from?: number; to?: number; iterations?: number } = {},
  ): Promise<{ suggested: number; rows: RateRow[] }> {
    this.#turns.recover()
    return findLearningRate(this.#core, options)
  }

  /** Looks, once what Stop left in the middle of an iteration is put right. */
  #analyse(): Analysis {
    this.#turns.recover()
    return this.#analysis
  }

  #adjust(work: () => void): void {
    this.#turns.adjust(work)
    announceView(this.#plain, undefined)
  }

  /** Changes settings from the next iteration on: `run.set({ learningRate: 3e-4 }, { why: 'loss is flat' })`. */
  set(changes: Changes, options: Why = {}): void {
    const why = whyOf(options, 'run.set(changes, { why })')
    this.#adjust(() => setChanges(this.#core, changes, why))
  }

  /**
   * Goes on as another stage, with other data, another objective over the same parameters, other settings: one history, with a mark where
   * the stage begins. `undo` goes back over it.
   *
   *     run.stage({ name: 'instructions', data: talks.train, evaluateOn: talks.validation, learningRate: 1e-4 })
   *     await run.iterate(200)
   *
   * @returns the run itself, whose `model` is the stage's.
   * @throws InputError for a model with other parameters, and all that `train` and `set` refuse. The run is as it was then.
   */
  stage<Other = Model>(options: StageOptions<Other>, given: Why = {}): Run<Other, Metrics> {
    const why = whyOf(given, 'run.stage(options, { why })')
    this.#adjust(() => beginStage(this.#core, options as StageOptions, why))
    return this as unknown as Run<Other, Metrics>
  }

  /** The stages that it went on with, in their order, and the iterations before each. */
  get stages(): readonly StageRecord[] {
    return this.#core.state.stages
  }

  /** Writes a note into the run's history: an adjustment that changes nothing, shown where the others are. */
  note(text: string): void {
    this.#adjust(() => noteText(this.#core, text))
  }

  /**
   * Writes down why an adjustment was made, after it: the newest, or another of `run.adjustments`.
   *
   *     run.set({ learningRate: 3e-4 })
   *     run.explain('the loss was flat')
   */
  explain(why: string, adjustment: Adjustment | undefined = this.adjustments.at(-1)): void {
    this.#journal.checkOwn()
    atomically(() => {
      const { at, what } = explain(this.#core, adjustment, why)
      this.#journal.event('why', { at, what, why })
      this.#journal.end()
    })
    announceView(this.#plain, undefined)
  }

  /**
   * Draws only from these training examples from now on: ids, a row of `run.slices({ by, of: 'train' })`, or a subset such as
   * `hardest(0.3)`; null: from all again.
   */
  async focus(on: Ids | Subset | null, options: Why = {}): Promise<void> {
    const why = whyOf(options, 'run.focus(on, { why })')
    this.#adjust(await prepareFocus(this.#core, on, why, () => this.#live.pause()))
  }

  /** Makes the adjustments of another run, each when this run comes to its iteration: `run.replay(other.adjustments)`. */
  replay(adjustments: readonly Adjustment[]): void {
    this.#journal.checkOwn()
    const planned = checkAdjustments(adjustments)
    atomically(() => {
      this.#journal.begin(this.#timeline.begin())
      this.#core.state.planned = [...this.#core.state.planned, ...planned].toSorted((a, b) => a.at - b.at)
      this.#journal.end()
    })
  }

  /** Leaves training examples out from now on. */
  exclude(ids: Ids, options: Why = {}): void {
    const why = whyOf(options, 'run.exclude(ids, { why })')
    this.#adjust(() => exclude(this.#core, ids, why, true))
  }

  /** Takes excluded examples back in. */
  include(ids: Ids, options: Why = {}): void {
    const why = whyOf(options, 'run.include(ids, { why })')
    this.#adjust(() => exclude(this.#core, ids, why, false))
  }

  /** Multiplies the weight of training examples' losses by `factor`. */
  reweight(ids: Ids, factor: number, options: Why = {}): void {
    const why = whyOf(options, 'run.reweight(ids, factor, { why })')
    this.#adjust(() => reweight(this.#core, ids, factor, why))
  }

  /** Corrects the label of a training example: a class by name or index, a number, or the values of y. */
  relabel(id: number, label: Label | { readonly [target: string]: Label }, options: Why = {}): void {
    const why = whyOf(options, 'run.relabel(id, label, { why })')
    this.#adjust(() => relabel(this.#core, id, label, why))
  }

  /**
   * Teaches a better answer in the place of one: of a training example of conversations, by its id in `run.mistakes({ of: 'train' })` or
   * by the conversation's own.
   *
   *     run.correct('returns 3', 'You have 30 days to return unopened goods.', { why: 'it said 14' })
   *
   * @throws InputError for ids that are held out, and an answer that does not fit in its row.
   */
  correct(id: number | string, answer: string, options: Why = {}): void {
    const why = whyOf(options, 'run.correct(id, answer, { why })')
    this.#adjust(() => correct(this.#core, id, answer, why))
  }

  /** Takes back all that the last cell (outside a notebook: the last call) did to the run. */
  async undo(): Promise<StretchView<Metrics>> {
    return this.#travel(() => this.#timeline.undo())
  }

  /** Makes what `undo` took back happen again, to the bit, without training. */
  async redo(): Promise<StretchView<Metrics>> {
    return this.#travel(() => this.#timeline.redo())
  }

  /** Goes to a point kept by name, or to one that a call or cell began from at this iteration. `undo` leads back. */
  async goTo(target: number | string): Promise<StretchView<Metrics>> {
    return this.#travel(() => this.#timeline.goTo(target))
  }

  async #travel(work: () => Move): Promise<StretchView<Metrics>> {
    const started = performance.now()
    const from = this.iteration
    await this.#turns.travel(work)
    announceView(this.#plain, undefined)
    return stretchView(this.#core, { from, started })
  }

  /** Begins anew: the values, data order and settings that the run was made with. `undo` leads back. */
  async fresh(): Promise<StretchView<Metrics>> {
    return this.#travel(() => this.#timeline.fresh())
  }

  /** Keeps the present under a name for `goTo`. */
  keep(name: string): void {
    this.#journal.checkOwn()
    atomically(() => {
      const { snapshot } = this.#timeline.name(name)
      this.#journal.keep(name, snapshot)
    })
  }

  /** Where the run is written as it goes; undefined where it is not, or has not trained. */
  get folder(): string | undefined {
    return this.#journal.folder
  }

  /** Writes the run as it stands: into its own folder, or a copy into another. `loadRun(folder, { model, data })` takes it up. */
  async save(folder?: string, options: { overwrite?: boolean } = {}): Promise<string> {
    const { overwrite = false } = named(options, ['overwrite'], 'run.save(folder, options)')
    await this.#journal.completeSoon()
    return this.#journal.save(folder, overwrite, this.#timeline)
  }

  /** Writes history and evaluations for TensorBoard: `tensorboard --logdir FOLDER`. Gives the file. */
  async exportTensorBoard(folder: string): Promise<string> {
    return exportTensorBoard(this.#core, folder)
  }

  /** Writes history and evaluations as CSV. Gives the file. */
  async exportCsv(file: string): Promise<string> {
    return exportCsv(this.#core, file)
  }

  /** Writes history and evaluations as Parquet, for pandas, DuckDB, arquero. Gives the file. */
  async exportParquet(file: string): Promise<string> {
    return exportParquet(this.#core, file)
  }

  /** How it prints. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    const { name, state } = this.#core
    const { history, iteration } = state
    const loss = history.length ? `, loss ${Number(history.last('loss').toPrecision(4))}` : ''
    return `Run '${name}' at iteration ${iteration}${loss}`
  }

  /** A second run that goes on from here with a copy of the model; this one stays as it is. */
  branch(name: string): Run<Model, Metrics, B> {
    const { ok, expected } = optionChecks.name!
    if (!ok(name)) throw new InputError({ where: 'run.branch(name)', received: describe(name), expected })
    const parent = { name: this.name, iteration: this.iteration }
    return copying(() => {
      const twin = branchOf(this.#core, name)
      return atomically(() => new Run(twin, { named: true, parent }))
    })
  }
}
