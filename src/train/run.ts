import type { Dataset } from '../data/dataset.js'
import { toDataset, type DataLike } from '../data/from.js'
import { describe, InputError } from '../errors.js'
import {
  calibrationOf,
  confusionOf,
  labelDoubts,
  mistakesOf,
  slicesOf,
  type Calibration,
  type SliceRow,
  type Confusion,
  type EvaluationDetail,
  type MistakesBy,
} from '../mistakes/index.js'
import { maybeHost } from '../host.js'
import type {
  Adjustment,
  ComparisonView,
  EvaluationRow,
  Mistake,
  MistakesView,
  RoundsView,
  RunView,
  StopReason,
  StretchView,
} from '../views.js'
import { exclude, note, relabel, reweight, setChanges, type Changes } from './adjust.js'
import { announceRun, announceView } from './announce.js'
import { Background, type Piece } from './background.js'
import { branchOf } from './branch.js'
import { compareCores } from './compare.js'
import { checkRun, findLearningRate, type CheckRow, type RateRow } from './check.js'
import type { Core } from './core.js'
import { exportCsv, exportTensorBoard } from './export.js'
import { evaluate } from './evaluate.js'
import { Hand, isOwn, type BatchGradients } from './hand.js'
import { readLikeAnArray, type HistoryRow } from './history.js'
import { inspectOnce, type InspectedIteration } from './inspect.js'
import { Journal } from './journal.js'
import { Live } from './live.js'
import { checkCount, evaluateRun, stretch, stretchView, viewOf } from './loop.js'
import { checkRule } from './options.js'
import { checkAdjustments, makeAdjustment } from './replay.js'
import { focusOn, rounds, type RoundsOptions } from './rounds.js'
import { restoreSnapshot, takeSnapshot, type Snapshot } from './snapshots.js'
import type { Spike } from './spikes.js'
import type { StopFunction, StopRule } from './stops.js'
import type { Subset } from './subsets.js'
import { restoreAll } from './temporary.js'
import { Timeline } from './timeline.js'
import type { Batch } from './trainee.js'

export interface IterateOptions {
  /** Ends the call as Stop does: at a whole iteration, with `Interrupted`. */
  signal?: AbortSignal
}

const cores = new WeakMap<Run, Core>()

/** What a run is made of: for the files beside this one, not for users. */
export const coreOf = (run: Run): Core | undefined => cores.get(run)

/**
 * A model, its optimizer, the order of its data and its history: moves forward in iterations, and can go back.
 * Made by `train`.
 */
export class Run {
  readonly #core: Core
  readonly #live: Live
  readonly #timeline: Timeline
  readonly #hand: Hand
  readonly #journal: Journal
  #background: Background | undefined
  /** The call that trained last, and the signal of the cell that made it. */
  #last: { interrupt: AbortSignal | undefined; ended: Promise<unknown> } | undefined
  /** The evaluation that mistakes were last looked up in, and of which version of the values. */
  #looked: { version: number; detail: EvaluationDetail } | undefined

  constructor(core: Core, journal: Journal) {
    this.#core = core
    this.#journal = journal
    this.#live = new Live(core, (view) => {
      journal.turn()
      announceView(this, view)
    })
    this.#timeline = new Timeline(core)
    this.#hand = new Hand(core)
    core.onEvent = (type, data) => journal.event(type, data)
    core.makePlanned = (adjustment) => makeAdjustment(this, adjustment)
    cores.set(this, core)
    announceRun(this)
  }

  /** The model as it was passed to `train`; of a branch, its own copy. */
  get model(): any {
    return this.#core.trainee.model
  }
  get name(): string {
    return this.#core.name
  }
  /** Updates made so far. */
  get iteration(): number {
    return this.#core.iteration
  }
  /** Of the next iteration. */
  get learningRate(): number {
    return this.#core.learningRate()
  }
  /** Examples of the next iteration. */
  get batchSize(): number {
    return this.#core.settings.batchSize
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
  get parameters(): readonly string[] {
    return this.#core.trainee.parameters.map(({ name }) => name)
  }
  get adjustments(): readonly Adjustment[] {
    return this.#core.adjustments
  }
  /** Why the last call ended; null after one that did all it was asked. */
  get stopReason(): StopReason | null {
    return this.#core.stopReason
  }
  /** One row an iteration, read like an array. */
  get history(): readonly HistoryRow[] {
    const core = this.#core
    return readLikeAnArray(
      () => core.history.length,
      (at) => core.history.row(at),
    )
  }
  /** Iterations whose loss stood out from those before, with the ids of their batch. */
  get spikes(): readonly Spike[] {
    return this.#core.spikes
  }
  /** One row an evaluation on `evaluateOn`. */
  get evaluations(): readonly EvaluationRow[] {
    return this.#core.evaluations
  }

  /** The run as it stands, as plain data: what its chart is drawn from. */
  view(): RunView {
    return viewOf(this.#core, { live: false, from: this.#core.iteration, started: performance.now() })
  }

  /**
   * Trains in the background: the cell ends, others run meanwhile, and `set`, `exclude`, … take effect between two
   * iterations. `pause`, `resume`, `stop` steer it; its progress has a display of its own.
   */
  start({ iterations = Infinity, signal }: IterateOptions & { iterations?: number } = {}): void {
    if (iterations !== Infinity) checkCount(iterations, 'run.start({ iterations })', 'iterations')
    this.#refuseSecond()
    this.#hand.forget()
    this.#journal.begin()
    this.#timeline.begin()
    this.#live.background = true
    const piece: Piece = async (paused, left) => {
      try {
        return await stretch(this.#core, this.#live, { iterations: left, spent: 'done', signal, paused })
      } finally {
        this.#ended()
      }
    }
    this.#background = new Background(piece, iterations, () => this.iteration)
  }

  /** Whether the run trains in the background, or waits there for `resume`. */
  get state(): 'idle' | 'training' | 'paused' {
    const state = this.#background?.state
    if (state === 'training' || state === 'paused') return state
    return this.#timeline.busy ? 'training' : 'idle'
  }

  /** Lets the background training stand still; resolves at a whole iteration. */
  async pause(): Promise<void> {
    await this.#background?.pause()
  }

  /** Lets it go on. */
  resume(): void {
    if (!this.#background || this.#background.state === 'over')
      throw new InputError({
        where: 'run.resume()',
        received: 'a run that is not paused',
        expected: 'run.start() and run.pause() before it',
        fix: 'run.start() trains in the background, await run.iterate(n) here.',
      })
    this.#background.resume()
  }

  /** Ends the background training at a whole iteration. */
  async stop(): Promise<void> {
    const background = this.#background
    this.#background = undefined
    this.#live.background = false
    await background?.pause()
  }

  /** Resolves when the background training has ended: its iterations are spent, or a rule is met. */
  async finished(): Promise<void> {
    await this.#background?.ended()
  }

  /** One thing trains at a time. Background training that is over, or stands still, gives way. */
  #refuseSecond(): void {
    const training = this.#background?.state === 'training'
    if (!training && !this.#timeline.busy) {
      this.#background = undefined
      this.#live.background = false
      return
    }
    throw new InputError({
      where: `run ${this.name}`,
      received: training ? 'a call while it trains in the background' : 'a second call while one is training',
      expected: 'one at a time',
      fix: training
        ? 'First: await run.pause(), or await run.stop().'
        : 'Put await before the first: await run.iterate(…).',
    })
  }

  /** The call as one step for undo; what was begun by hand is over. */
  async #call<T>(work: () => Promise<T>): Promise<T> {
    await this.#outlast()
    this.#refuseSecond()
    this.#hand.forget()
    this.#journal.begin()
    const interrupt = maybeHost()?.interrupt
    const ended = this.#timeline.during(work).finally(() => this.#ended())
    this.#last = { interrupt, ended: ended.catch(() => {}) }
    return ended
  }

  /** Waits for a call whose cell was stopped to come to its iteration boundary. */
  async #outlast(): Promise<void> {
    this.#recover()
    if (!this.#core.owner || !this.#last?.interrupt?.aborted) return
    await Promise.race([this.#last.ended, new Promise((resolve) => setTimeout(resolve, 1000))])
    if (!this.#core.owner) return
    // Its JavaScript was ended while it waited for something: it will not come back.
    this.#core.abandoned?.undo()
    this.#core.abandoned = undefined
    this.#timeline.abandon()
  }

  /** Puts right what Stop left where it ended the JavaScript in the middle of an iteration. */
  #recover(): void {
    const { working } = this.#core
    if (!working) return
    restoreAll()
    if (working.finish) working.finish()
    else working.undo()
    this.#core.working = undefined
    if (this.#last?.interrupt?.aborted) this.#timeline.abandon()
  }

  /** A call that changed the run is over. */
  #ended(): void {
    if (this.stopReason) this.#journal.event('stop', { ...this.stopReason })
    this.#journal.end()
  }

  /** Trains for `n` more iterations. With `{ inspect: true }`, n = 1: one iteration, opened up. */
  iterate(n: 1, options: IterateOptions & { inspect: true }): Promise<InspectedIteration>
  iterate(n?: number, options?: IterateOptions & { inspect?: false }): Promise<StretchView>
  async iterate(
    n = 1,
    { inspect = false, ...options }: IterateOptions & { inspect?: boolean } = {},
  ): Promise<StretchView | InspectedIteration> {
    checkCount(n, 'run.iterate(n)', 'iterations')
    if (inspect) return this.#inspect(n)
    return this.#call(() => stretch(this.#core, this.#live, { iterations: n, spent: 'done', ...options }))
  }

  #inspect(n: number): Promise<InspectedIteration> {
    if (n !== 1)
      throw new InputError({
        where: 'run.iterate(n, { inspect: true })',
        received: `n = ${n}`,
        expected: '1: one iteration is opened up at a time',
      })
    if (this.#core.trainee.iteration) throw isOwn('run.iterate(1, { inspect: true })')
    return this.#call(async () => {
      const inspected = inspectOnce(this.#core)
      if (inspected) return inspected
      // The same iteration on the usual path says what is wrong.
      await stretch(this.#core, this.#live, { iterations: 1, spent: 'done' })
      throw new InputError({
        where: 'run.iterate(1, { inspect: true })',
        received: this.stopReason?.message ?? 'an update that is not finite',
        expected: 'a finite one',
      })
    })
  }

  /** Trains for as many iterations as `n` times through the training data take. */
  async epochs(n = 1, options: IterateOptions = {}): Promise<StretchView> {
    checkCount(n, 'run.epochs(n)', 'epochs')
    const iterations = n * this.#core.iterationsPerEpoch
    return this.#call(() => stretch(this.#core, this.#live, { iterations, spent: 'done', ...options }))
  }

  /** Trains until the rule is met, for `atMost` iterations. */
  async until(
    rule: StopRule | StopFunction,
    { atMost = Infinity, ...options }: IterateOptions & { atMost?: number } = {},
  ): Promise<StretchView> {
    if (atMost !== Infinity) checkCount(atMost, 'run.until(rule, { atMost })', 'iterations')
    const checked = this.#checkRule(rule, 'run.until(rule)')
    return this.#call(() =>
      stretch(this.#core, this.#live, { iterations: atMost, rule: checked, spent: 'iterations', ...options }),
    )
  }

  /** Trains in rounds: a subset, some iterations on it, an evaluation, and the adjustments its errors ask for. */
  async rounds(n: number, options: RoundsOptions<Run>): Promise<RoundsView> {
    checkCount(n, 'run.rounds(n)', 'rounds')
    const rule =
      options?.until === undefined ? undefined : this.#checkRule(options.until, 'run.rounds(n, { until })')
    return this.#call(() => rounds(this.#core, this.#live, this, n, { ...options, ...(rule && { rule }) }))
  }

  #checkRule(rule: StopRule | StopFunction, where: string): StopRule {
    const { settings, evaluateOn } = this.#core
    return checkRule(rule, { metrics: settings.metrics, evaluated: evaluateOn !== undefined, where })
  }

  /** Draws the batch of the next iteration; the cursor moves on. Whoever gets it disposes it: `tf.dispose(batch)`. */
  async nextBatch(): Promise<Batch> {
    await this.#outlast()
    return this.#hand.nextBatch()
  }

  /** Loss, loss by example, and gradients by parameter of a batch. Changes nothing. */
  async gradients(batch: Batch): Promise<BatchGradients> {
    return this.#hand.gradients(batch)
  }

  /** Clips the gradients as the run's settings say, and makes the optimizer's update: one iteration. */
  async apply(gradients: BatchGradients['gradients']): Promise<StretchView> {
    const started = performance.now()
    const from = this.iteration
    this.#hand.apply(gradients, (before?: Snapshot) => {
      this.#journal.begin()
      this.#timeline.begin(before)
    })
    this.#ended()
    return stretchView(this.#core, { from, started })
  }

  /** Loss and metrics: on `evaluateOn` (written down as an evaluation of the run), or on data of your choice. */
  async evaluate(data?: DataLike): Promise<EvaluationRow> {
    const core = this.#core
    this.#recover()
    const pause = this.#pause()
    if (data === undefined || data === core.evaluateOn) {
      if (!core.evaluateOn) throw this.#withoutEvaluateOn('run.evaluate()', 'run.evaluate(data.validation)')
      return { ...(await evaluateRun(core, pause)).row }
    }
    const dataset: Dataset = toDataset(data, { name: 'evaluate' })
    core.trainee.checkData(dataset, 'run.evaluate(data)')
    const { row } = await evaluate(core, dataset, pause)
    // Each look at data that was set apart is part of the record.
    this.#journal.event('look', { split: dataset.split, ...row })
    return row
  }

  #pause(): () => Promise<void> {
    this.#live.begin()
    return () => this.#live.breathe()
  }

  #withoutEvaluateOn(where: string, instead: string): InputError {
    return new InputError({
      where,
      received: 'a run without evaluateOn',
      expected: 'data to evaluate on',
      fix: `Use ${instead}, or pass evaluateOn to train.`,
    })
  }

  /** What is seen of each example now; looked up again only when the model has changed. */
  async #look(of: 'train' | 'evaluation', where: string): Promise<EvaluationDetail> {
    this.#recover()
    const core = this.#core
    if (of !== 'train' && of !== 'evaluation')
      throw new InputError({ where, received: describe(of), expected: "of: 'train' or 'evaluation'" })
    const dataset = of === 'train' ? core.data : core.evaluateOn
    if (!dataset) throw this.#withoutEvaluateOn(where, "of: 'train'")
    const known = this.#looked
    if (known?.version === core.version && known.detail.dataset === dataset) return known.detail
    const { detail } = await evaluate(core, dataset, this.#pause())
    this.#looked = { version: core.version, detail }
    return detail
  }

  /**
   * The examples that go wrong, by the loss they have now. Of held-out data by default; `of: 'train'` gives ids that
   * `exclude`, `reweight` and `relabel` take.
   */
  async mistakes(
    options: { k?: number; of?: 'train' | 'evaluation'; by?: MistakesBy } = {},
  ): Promise<MistakesView> {
    const core = this.#core
    const { of = 'evaluation', k, by } = options
    const detail = await this.#look(of, 'run.mistakes({ of })')
    const before = core.details.filter(
      ({ iteration, dataset }) => iteration < core.iteration && dataset === detail.dataset,
    )
    return mistakesOf({
      detail,
      before,
      of,
      k,
      by,
      ...(of === 'train' && {
        labels: core.labels,
        without: (position: number) => core.order.isExcluded(position),
      }),
    })
  }

  /** How often each class was taken for each, with the ids behind each cell. */
  async confusion({ of = 'evaluation' }: { of?: 'train' | 'evaluation' } = {}): Promise<Confusion> {
    const detail = await this.#look(of, 'run.confusion({ of })')
    return confusionOf(detail, of === 'train' ? this.#core.labels : undefined)
  }

  /** How parts of the data do, with counts and intervals: `run.slices({ by: (row) => row.expected })`. */
  async slices({
    by,
    of = 'evaluation',
  }: {
    by: (row: Mistake) => string | number | boolean
    of?: 'train' | 'evaluation'
  }): Promise<SliceRow[]> {
    const detail = await this.#look(of, 'run.slices({ of })')
    return slicesOf(detail, by, of === 'train' ? this.#core.labels : undefined)
  }

  /** How sure predictions are, beside how often they are right. */
  async calibration({
    of = 'evaluation',
    bins,
  }: { of?: 'train' | 'evaluation'; bins?: number } = {}): Promise<Calibration> {
    return calibrationOf(await this.#look(of, 'run.calibration({ of })'), bins)
  }

  /**
   * Training examples whose label looks wrong, the most doubtful first: their loss stayed high while others of their
   * class were learned. Most telling after some epochs, before all is known by heart.
   */
  async doubtfulLabels({ k = 16 }: { k?: number } = {}): Promise<MistakesView> {
    const core = this.#core
    const detail = await this.#look('train', 'run.doubtfulLabels()')
    const doubts = labelDoubts(detail, { sums: core.lossSums, counts: core.lossCounts }, core.labels)
    return mistakesOf({
      detail,
      of: 'train',
      k,
      score: doubts,
      labels: core.labels,
      without: (position) => core.order.isExcluded(position),
    })
  }

  /** What is worth knowing before a long training, one row a test; the run stays as it is. */
  async check(): Promise<CheckRow[]> {
    if (this.#core.trainee.iteration) throw isOwn('run.check()')
    return checkRun(this.#core)
  }

  /** Tries rates from `from` to `to` on a copy, and suggests the one at which the loss falls most steeply. */
  async findLearningRate(
    options: { from?: number; to?: number; iterations?: number } = {},
  ): Promise<{ suggested: number; rows: RateRow[] }> {
    if (this.#core.trainee.iteration) throw isOwn('run.findLearningRate()')
    return findLearningRate(this.#core, options)
  }

  /** Changes one thing or several, recorded; a change that does not fit changes nothing. */
  #adjust(work: () => void): void {
    this.#recover()
    const before = takeSnapshot(this.#core)
    try {
      work()
    } catch (error) {
      restoreSnapshot(this.#core, before)
      throw error
    }
    this.#journal.begin()
    this.#timeline.begin(before)
    for (const adjustment of this.adjustments.slice(before.adjustments.length))
      this.#journal.event('adjustment', { ...adjustment })
    this.#journal.end()
    announceView(this, undefined)
  }

  /** Changes settings from the next iteration on: `run.set({ learningRate: 3e-4 }, { why: 'loss is flat' })`. */
  set(changes: Changes, { why }: { why?: string } = {}): void {
    this.#adjust(() => setChanges(this.#core, changes, why))
  }

  /** Draws only from these training examples from now on: ids, or a subset such as `hardest(0.3)`; null: from all again. */
  async focus(on: Iterable<number> | Subset | null, { why }: { why?: string } = {}): Promise<void> {
    const core = this.#core
    const subset = on === null ? null : await focusOn(core, on, this.#pause())
    this.#adjust(() => {
      const from = core.order.subset?.name ?? 'all'
      core.order.focus(subset)
      note(core, {
        what: 'focus',
        from,
        to: subset ? `${subset.name} (${subset.positions.length})` : 'all',
        why,
      })
    })
  }

  /** Makes the adjustments of another run, each when this run comes to its iteration: `run.replay(other.adjustments)`. */
  replay(adjustments: readonly Adjustment[]): void {
    const planned = checkAdjustments(adjustments)
    this.#timeline.begin()
    this.#core.planned = [...this.#core.planned, ...planned].toSorted((a, b) => a.at - b.at)
  }

  /** Leaves training examples out from now on. */
  exclude(ids: number | Iterable<number>, { why }: { why?: string } = {}): void {
    this.#adjust(() => exclude(this.#core, ids, why, true))
  }

  /** Takes excluded examples back in. */
  include(ids: number | Iterable<number>, { why }: { why?: string } = {}): void {
    this.#adjust(() => exclude(this.#core, ids, why, false))
  }

  /** Multiplies the weight of training examples' losses by `factor`. */
  reweight(ids: number | Iterable<number>, factor: number, { why }: { why?: string } = {}): void {
    this.#adjust(() => reweight(this.#core, ids, factor, why))
  }

  /** Corrects the label of a training example: a class by name or index, a number, or the values of y. */
  relabel(id: number, label: string | number | ArrayLike<number>, { why }: { why?: string } = {}): void {
    this.#adjust(() => relabel(this.#core, id, label, why))
  }

  /** Takes back all that the last cell (outside a notebook: the last call) did to the run. */
  async undo(): Promise<StretchView> {
    return this.#travel(() => this.#timeline.undo())
  }

  /** Makes what `undo` took back happen again, to the bit, without training. */
  async redo(): Promise<StretchView> {
    return this.#travel(() => this.#timeline.redo())
  }

  /** Goes to a point kept by name, or to one that a call or cell began from at this iteration. `undo` leads back. */
  async goTo(target: number | string): Promise<StretchView> {
    return this.#travel(() => this.#timeline.goTo(target))
  }

  /** Background training stands still before the run goes elsewhere. */
  async #travel(work: () => void): Promise<StretchView> {
    await this.#background?.pause()
    await this.#outlast()
    this.#refuseSecond()
    const started = performance.now()
    const from = this.iteration
    this.#hand.forget()
    this.#journal.begin()
    work()
    this.#journal.moved('moved')
    this.#journal.end()
    announceView(this, undefined)
    return stretchView(this.#core, { from, started })
  }

  /** Keeps the present under a name for `goTo`. */
  keep(name: string): void {
    this.#timeline.name(name)
  }

  /** Where the run is written as it goes; undefined where it is not, or has not trained. */
  get folder(): string | undefined {
    return this.#journal.folder
  }

  /** Writes the run as it stands: into its own folder, or a copy into another. `loadRun(folder, { model, data })` takes it up. */
  async save(folder?: string, { overwrite = false }: { overwrite?: boolean } = {}): Promise<string> {
    const own = folder ?? this.#journal.folder
    if (own === undefined || typeof own !== 'string')
      throw new InputError({
        where: 'run.save(folder)',
        received:
          folder === undefined ? 'no folder, for a run that has none of its own yet' : describe(folder),
        expected: "a folder, e.g. run.save('runs/first')",
      })
    this.#journal.save(own, overwrite)
    return own
  }

  /** Writes history and evaluations for TensorBoard: `tensorboard --logdir FOLDER`. Gives the file. */
  async exportTensorBoard(folder: string): Promise<string> {
    return exportTensorBoard(this.#core, folder)
  }

  /** Writes history and evaluations as CSV. Gives the file. */
  async exportCsv(file: string): Promise<string> {
    return exportCsv(this.#core, file)
  }

  /** A second run that goes on from here with a copy of the model; this one stays as it is. */
  branch(name: string): Run {
    if (typeof name !== 'string' || !name)
      throw new InputError({
        where: 'run.branch(name)',
        received: describe(name),
        expected: "a name, e.g. run.branch('hotter')",
      })
    const twin = branchOf(this.#core, name)
    const parent = { name: this.name, iteration: this.iteration }
    return new Run(twin, new Journal(twin, { named: true, parent }))
  }
}

/** A table of what differs between runs, and their charts. */
export function compare(...runs: readonly Run[]): ComparisonView {
  return compareCores(
    runs.map((run) => {
      const core = cores.get(run)
      if (core) return core
      throw new InputError({
        where: 'compare(a, b)',
        received: describe(run),
        expected: 'runs made by train',
      })
    }),
  )
}
