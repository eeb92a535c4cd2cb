import * as tf from '@tensorflow/tfjs'
import type { Optimizer } from '../../backend/optimizers/optimizer.js'
import { withRandomness, type RandomnessSettings } from '../../backend/random/index.js'
import type { Dataset } from '../../data/dataset.js'
import { TableDataset } from '../../data/table.js'
import type { EvaluationDetail } from '../../mistakes/detail.js'
import { during } from '../../settle.js'
import type { Adjustment, EvaluationRow, LookRow, StopReason } from '../../views.js'
import { Books } from '../order/books.js'
import { Dropouts } from '../model/dropout.js'
import { Reach } from '../model/finite.js'
import { History } from './history.js'
import { keyOf } from '../order/key.js'
import type { Settings } from '../rules/options.js'
import { checkRows, isStateful } from '../model/recurrent.js'
import { Order } from '../order/order.js'
import type { Spike } from '../step/spikes.js'
import { disposeSlots, ensureBeside, ensureSlots, type Pace, type Slots } from '../step/step.js'
import type { Parameter, Trainee } from '../model/trainee.js'
import { examplesAt, tensorsOf, type Batch } from '../model/batch.js'

/** All that a run is made of. Its owner is `Run`; the files beside this one are functions over it. */
export class Core {
  name: string
  /** The run that it branched from, and where. */
  parent: { name: string; iteration: number } | undefined
  readonly trainee: Trainee
  readonly data: Dataset
  readonly evaluateOn: Dataset | undefined
  readonly settings: Settings
  optimizer: Optimizer
  readonly dropouts: Dropouts
  readonly slots: Slots = new Map()
  /** The rate a schedule starts from: the optimizer's, until `set({ learningRate })`. */
  peak: number
  /** Updates of each optimizer of an own iteration. */
  counts: { readonly [optimizer: string]: number } = {}
  /** The rate each optimizer of an own iteration starts from. */
  peaks: { readonly [optimizer: string]: number } = {}
  /** Batches trained on. */
  iteration = 0
  /** Updates that the optimizer has made since it was new: fewer than iterations where gradients are accumulated. */
  updates = 0
  /** Batches, and the examples in them, whose gradients wait for the next update. */
  waiting: { readonly batches: number; readonly examples: number } = { batches: 0, examples: 0 }
  order: Order
  history = new History()
  evaluations: EvaluationRow[] = []
  /** Of the last evaluations on `evaluateOn`, oldest first. */
  details: EvaluationDetail[] = []
  adjustments: Adjustment[] = []
  /** At data that was set apart. What was seen stays seen: undo does not take them back. */
  looks: readonly LookRow[] = []
  stopReason: StopReason | null = null
  /** Adjustments of another run that are made when their iterations come. */
  planned: readonly Adjustment[] = []
  /** Whether the stop rule has been met: it does not end another call. */
  ruleSpent = false
  /** Weight of each training example's loss by position; undefined: all 1. */
  weights: Float32Array | undefined
  /** Labels that were corrected, by position: the values of y. */
  labels: ReadonlyMap<number, ArrayLike<number>> = new Map()
  /** What is written down of each training example when it is drawn, by position. */
  readonly books: Books
  spikes: readonly Spike[] = []
  /** The call that trains now; a loop that finds another one here ends. */
  owner: object | undefined
  /** Told that JavaScript was ended in the middle of what this call did; of it nothing comes back. */
  onLeft: (call: object | undefined) => void = () => {}
  /** Of the tensors' values: another number after each change, and never one that was used before. */
  version = 0
  #versions = 0
  /** How large the values can be by now. */
  readonly reach = new Reach(this)
  /** Makes an adjustment whose iteration has come; set by the run, whose calls make it. */
  makePlanned: (adjustment: Adjustment) => unknown = () => {}
  /** Told of what happens beside the iterations, for the record. */
  onEvent: (type: string, data: { [name: string]: unknown }) => void = () => {}

  constructor(at: {
    name: string
    trainee: Trainee
    data: Dataset
    evaluateOn: Dataset | undefined
    settings: Settings
    optimizer: Optimizer
  }) {
    this.name = at.name
    this.trainee = at.trainee
    this.data = at.data
    this.evaluateOn = at.evaluateOn
    this.settings = at.settings
    this.dropouts = new Dropouts(this)
    this.optimizer = at.optimizer
    this.peak = at.optimizer.learningRate
    this.order = new Order(at.data.length, at.settings.seed, isStateful(at.trainee))
    this.books = new Books(at.data.length)
    for (const [name, { learningRate }] of Object.entries(at.trainee.optimizers ?? {}))
      this.peaks = { ...this.peaks, [name]: learningRate }
    this.ensureSlots()
  }

  /** Makes what updates need and do not have: an optimizer's slots, sums of gradients, averages of values. */
  ensureSlots(): void {
    const { settings, parameters, slots } = this
    if (!this.trainee.iteration) ensureSlots(this.optimizer, parameters, slots)
    const waits = (settings.accumulate ?? 1) > 1 || this.waiting.batches > 0
    // Also for those that are frozen and have slots: a recorded step computes them along.
    const withSlots = this.trainee.parameters.filter(({ name }) => slots.has(name))
    if (waits) ensureBeside('sum', this.trainee.iteration ? parameters : withSlots, slots)
    if (settings.ema !== undefined) ensureBeside('average', this.trainee.parameters, slots)
  }

  /** Other slots: those with these keys end, and what is missing is made. */
  remakeSlots(which: (key: string) => boolean = () => false): void {
    // First, so that whoever finds it ended in the middle sees that the tensors are not those of before.
    this.changed()
    disposeSlots(this.slots, which)
    this.ensureSlots()
  }

  /** How the gradients of the next batch become an update. */
  paceOf(examples: number): Pace {
    const { batches, examples: waiting } = this.waiting
    const every = this.settings.accumulate ?? 1
    const mode = every === 1 && batches === 0 ? 'plain' : batches + 1 >= every ? 'update' : 'add'
    return { mode, examples, waiting }
  }

  /** Counts an iteration that was made. */
  keepPace({ mode, examples, waiting }: Pace): void {
    if (mode === 'add') this.waiting = { batches: this.waiting.batches + 1, examples: waiting + examples }
    else {
      this.updates++
      if (mode === 'update') this.waiting = { batches: 0, examples: 0 }
    }
  }

  /** Examples of the iteration that comes next, unless another is asked for. */
  batchSize(iteration = this.iteration + 1): number {
    const { batchSchedule, batchSize, seed } = this.settings
    return batchSchedule?.size(iteration, { batchSize, seed }) ?? batchSize
  }

  /** The positions of the next batch. Sizes by rule are kept: an epoch's end is filled up from the next one, since each length is a graph of its own. */
  nextPositions(): Int32Array {
    // A stateful layer has a state for each row of a whole batch.
    const fill = this.settings.batchSchedule !== undefined || isStateful(this.trainee)
    const positions = this.order.next(this.batchSize(), fill)
    checkRows(this.trainee, positions.length)
    if (this.data.prefetch) this.data.prefetch(this.order.peek(this.batchSize(this.iteration + 2), fill))
    return positions
  }

  /** The batch that comes next; to look at it draws nothing. */
  nextBatch(): Batch {
    const cursor = this.order.state()
    const restore = () => this.order.restore(cursor)
    return this.batchAt(during(restore, () => this.nextPositions()))
  }

  /** Iterations from here in which as many examples are drawn as `n` epochs have. */
  iterationsOf(epochs: number): number {
    if (!this.settings.batchSchedule) return epochs * this.iterationsPerEpoch
    const wanted = epochs * this.order.active
    let iterations = 0
    for (let drawn = 0; drawn < wanted; iterations++)
      drawn += Math.min(this.order.active, this.batchSize(this.iteration + 1 + iterations))
    return iterations
  }

  /** To be called after each change of a parameter or slot. */
  changed(): void {
    this.version = this.nextVersion()
  }

  /** A number for values that this run has not had. */
  nextVersion(): number {
    return ++this.#versions
  }

  /** Those that the optimizer changes now. */
  get parameters(): readonly Parameter[] {
    const { freeze } = this.settings
    if (!freeze) return this.trainee.parameters
    const isFrozen = (name: string) =>
      freeze instanceof RegExp ? name.search(freeze) !== -1 : freeze.includes(name)
    return this.trainee.parameters.filter(({ name }) => !isFrozen(name))
  }

  /** Of the iteration that comes next, unless another is asked for. `peak`: of one optimizer of several. */
  learningRate(iteration = this.iteration + 1, peak = this.peak): number {
    return this.settings.schedule?.rate(iteration, peak) ?? peak
  }

  /** Of the next iteration, by optimizer. */
  get learningRates(): { readonly [optimizer: string]: number } {
    return Object.fromEntries(
      Object.entries(this.peaks).map(([name, peak]) => [name, this.learningRate(undefined, peak)]),
    )
  }

  /** What dropout and noise of an iteration are drawn from. */
  randomnessOf(iteration: number): RandomnessSettings {
    return { seed: this.settings.seed, iteration, dropout: this.dropouts }
  }

  get iterationsPerEpoch(): number {
    return Math.max(1, Math.ceil(this.order.active / this.settings.batchSize))
  }

  get evaluateEvery(): number {
    return this.settings.evaluateEvery ?? Math.max(1, Math.ceil(this.data.length / this.settings.batchSize))
  }

  /** The training examples at these positions, with corrected labels. */
  batchAt(positions: Int32Array): Batch {
    const { data } = this
    const iteration = this.iteration + 1
    // A dataset of the user's own may change its examples at random: the same after undo and resume.
    const examples =
      data instanceof TableDataset
        ? data.at(positions)
        : withRandomness({ seed: keyOf(this.settings.seed, 'data'), iteration }, () =>
            examplesAt(data, positions),
          )
    const batch = { ...examples, y: this.#relabelled(examples.y, positions), iteration }
    try {
      this.trainee.checkBatch?.(batch, data.name, `run '${this.name}', iteration ${iteration}`)
    } catch (error) {
      tf.dispose(tensorsOf(batch))
      throw error
    }
    return batch
  }

  #relabelled(y: tf.Tensor, positions: Int32Array): tf.Tensor {
    if (this.labels.size === 0 || !positions.some((position) => this.labels.has(position))) return y
    const values = y.dataSync().slice()
    const size = values.length / positions.length
    for (const [i, position] of positions.entries()) {
      const label = this.labels.get(position)
      if (label) values.set(Array.from(label), i * size)
    }
    const corrected = tf.tensor(values, y.shape, y.dtype)
    y.dispose()
    return corrected
  }

  /** The weights of these examples as a tensor; undefined where all are 1. */
  weightsAt(positions: Int32Array): tf.Tensor1D | undefined {
    const { weights } = this
    return weights && tf.tensor1d(Float32Array.from(positions, (position) => weights[position]!))
  }
}
