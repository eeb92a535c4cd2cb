import * as tf from '@tensorflow/tfjs'
import { withRandomness, type RandomnessSettings } from '../../backend/random/index.js'
import type { Dataset, Parted } from '../../data/dataset.js'
import type { Generated } from '../../data/generate.js'
import { TableDataset } from '../../data/table/table.js'
import type { CellInfo } from '../../host.js'
import { during } from '../../settle.js'
import { withCorrections } from './corrections.js'
import { Dropouts } from './dropouts.js'
import type { Parts, StageParts } from './field.js'
import { beginExamples, firstState, type State } from './fields.js'
import { keyOf } from '../order/key.js'
import type { Settings } from '../rules/options.js'
import { checkRows, isStateful } from '../model/recurrent.js'
import { disposeSlots, ensureBeside, ensureSlots, type Slots } from './slots.js'
import type { Parameter, Trainee, Weights } from '../model/trainee.js'
import { trainingWeights } from '../model/example-weights.js'
import { examplesAt, tensorsOf, type AnyBatch } from '../model/batch.js'
import { mapParts, valuesOfParts } from '../../data/table/parts.js'
import { maybeSupervisor } from './supervisor.js'
import type { Together } from './together.js'

/** How the gradients of a batch become an update. */
export interface Pace {
  /** 'plain': one by themselves; 'add': they wait; 'update': one together with those that waited. */
  mode: 'plain' | 'add' | 'update'
  /** In this batch. */
  examples: number
  /** Examples whose gradients wait. */
  waiting: number
}

/**
 * What a run is made of: parts that stay what they are, settings, one state, and the tensors that go with it. Its owner is `Run`;
 * the files of the rooms after this one are functions over it.
 */
export class Core implements Parts {
  name: string
  /** The run that it branched from, and where. */
  parent: { name: string; iteration: number } | undefined
  /** Examples of the batch that was made last, where batches are made. */
  made = 0
  readonly settings: Settings
  readonly state: State
  #parts: StageParts
  #dropouts: Dropouts
  readonly slots: Slots = new Map()
  /** Of the tensors' values: another number after each change, and never one that was used before. */
  version = 0
  #versions = 0
  /** The cell whose call trains it, or did so last. */
  trainedIn: CellInfo | undefined
  /** The call that trains now; a loop that finds another one here ends. */
  owner: object | undefined
  /** How several workers train it, where they do. */
  together: Together | undefined
  /** As it was passed to `train`: what a worker makes a run of its own of. */
  given: { readonly model: unknown; readonly options: object } | undefined
  /** The call that JavaScript was ended in the middle of: nothing of it comes back. */
  left: object | undefined
  /** Who looks after the work that it was made in, if anybody does. */
  readonly supervisor = maybeSupervisor()

  constructor(at: Parts & { name: string }) {
    this.name = at.name
    this.#parts = { trainee: at.trainee, data: at.data, source: at.source, evaluateOn: at.evaluateOn }
    this.settings = at.settings
    this.state = firstState(at)
    this.#dropouts = new Dropouts(this)
    this.ensureSlots()
  }

  /** What is trained, on what: a stage of its own has others. */
  get parts(): StageParts {
    return this.#parts
  }
  get trainee(): Trainee {
    return this.#parts.trainee
  }
  get data(): Dataset {
    return this.#parts.data
  }
  get source(): Generated | undefined {
    return this.#parts.source
  }
  get evaluateOn(): Dataset | undefined {
    return this.#parts.evaluateOn
  }
  get dropouts(): Dropouts {
    return this.#dropouts
  }

  /** Goes over to the parts of another stage. Other data is drawn from its beginning, and nothing is known of its examples. */
  enter(parts: StageParts): void {
    const before = this.#parts
    this.#parts = parts
    if (parts.trainee !== before.trainee) {
      this.#dropouts = new Dropouts(this)
      this.state.held = parts.trainee.held
    }
    if (parts.data !== before.data) beginExamples(this.state, { ...parts, settings: this.settings })
  }

  /** Makes what updates need and do not have: an optimizer's slots, sums of gradients, averages of values. */
  ensureSlots(): void {
    const { settings, parameters, slots } = this
    if (!this.trainee.iteration) ensureSlots(this.settings.optimizer, parameters, slots)
    const waits = (settings.accumulate ?? 1) > 1 || this.state.waiting.batches > 0
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
    const { batches, examples: waiting } = this.state.waiting
    const every = this.settings.accumulate ?? 1
    const mode = every === 1 && batches === 0 ? 'plain' : batches + 1 >= every ? 'update' : 'add'
    return { mode, examples, waiting }
  }

  /** Counts an iteration that was made. */
  keepPace({ mode, examples, waiting }: Pace): void {
    if (mode === 'add')
      this.state.waiting = { batches: this.state.waiting.batches + 1, examples: waiting + examples }
    else {
      this.state.updates++
      if (mode === 'update') this.state.waiting = { batches: 0, examples: 0 }
    }
  }

  /** Examples of the iteration that comes next, unless another is asked for. */
  batchSize(iteration = this.state.iteration + 1): number {
    if (this.source) return this.made
    const { batchSchedule, batchSize, seed } = this.settings
    return batchSchedule?.size(iteration, { batchSize, seed }) ?? batchSize
  }

  /** The positions of the next batch. Sizes by rule are kept: an epoch's end is filled up from the next one, since each length is a graph of its own. */
  nextPositions(): Int32Array {
    if (this.source) return new Int32Array()
    // A stateful layer has a state for each row of a whole batch.
    const fill = this.settings.batchSchedule !== undefined || isStateful(this.trainee)
    const positions = this.state.order.next(this.batchSize(), fill)
    checkRows(this.trainee, positions.length)
    if (this.data.prefetch)
      this.data.prefetch(this.state.order.peek(this.batchSize(this.state.iteration + 2), fill))
    return positions
  }

  /** The batch that comes next; to look at it draws nothing. */
  nextBatch(): AnyBatch {
    const cursor = this.state.order.state()
    const restore = () => this.state.order.restore(cursor)
    return this.batchAt(during(restore, () => this.nextPositions()))
  }

  /** Iterations from here in which as many examples are drawn as `n` epochs have. */
  iterationsOf(epochs: number): number {
    if (!this.settings.batchSchedule) return epochs * this.iterationsPerEpoch
    const wanted = epochs * this.state.order.active
    let iterations = 0
    for (let drawn = 0; drawn < wanted; iterations++)
      drawn += Math.min(this.state.order.active, this.batchSize(this.state.iteration + 1 + iterations))
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
  learningRate(iteration = this.state.iteration + 1, peak = this.state.peak): number {
    return this.settings.schedule?.rate(iteration - this.state.scheduleFrom, peak) ?? peak
  }

  /** Of the next iteration, by optimizer. */
  get learningRates(): { readonly [optimizer: string]: number } {
    return Object.fromEntries(
      Object.entries(this.state.peaks).map(([name, peak]) => [name, this.learningRate(undefined, peak)]),
    )
  }

  /** What dropout and noise of an iteration are drawn from. */
  randomnessOf(iteration: number): RandomnessSettings {
    return { seed: this.settings.seed, iteration, dropout: this.dropouts }
  }

  get iterationsPerEpoch(): number {
    return Math.max(1, Math.ceil(this.state.order.active / this.settings.batchSize))
  }

  get evaluateEvery(): number {
    // Data that is made has no epochs.
    if (this.source) return this.settings.evaluateEvery ?? 100
    return this.settings.evaluateEvery ?? Math.max(1, Math.ceil(this.data.length / this.settings.batchSize))
  }

  /** The training examples at these positions, with corrected labels. */
  batchAt(positions: Int32Array): AnyBatch {
    const { data } = this
    const iteration = this.state.iteration + 1
    // A dataset of the user's own may change its examples at random: the same after undo and resume.
    const examples =
      data instanceof TableDataset
        ? data.at(positions)
        : withRandomness({ seed: keyOf(this.settings.seed, 'data'), iteration }, () =>
            examplesAt(data, positions),
          )
    const corrected = withCorrections(examples, positions, this.state.corrections)
    const batch = { ...corrected, y: this.#relabelled(corrected.y, positions), iteration }
    try {
      this.trainee.checkBatch?.(batch, data.name, `run '${this.name}', iteration ${iteration}`)
    } catch (error) {
      tf.dispose(tensorsOf(batch))
      throw error
    }
    return batch
  }

  #relabelled(y: Parted, positions: Int32Array): Parted {
    if (this.state.labels.size === 0 || !positions.some((position) => this.state.labels.has(position)))
      return y
    const { parts } = this.data.y
    return mapParts(y, (tensor, part) => {
      const values = tensor.dataSync().slice()
      const size = values.length / positions.length
      for (const [i, position] of positions.entries()) {
        const label = this.state.labels.get(position)
        if (label) values.set(Array.from(parts ? valuesOfParts(this.data.y, label)[part!]! : label), i * size)
      }
      const corrected = tf.tensor(values, tensor.shape, tensor.dtype)
      tensor.dispose()
      return corrected
    })
  }

  /**
   * What the examples of a batch count: by `reweight` (at these positions), by `sampleWeight`, and by their class; undefined where
   * all count 1. Several outputs with classes have weights of their own.
   */
  weightsOf(batch: AnyBatch, positions: ArrayLike<number> | undefined): Weights | undefined {
    const { weights } = this.state
    const own = positions && weights && Array.from(positions, (position) => weights[position]!)
    return trainingWeights(this, batch, own)
  }
}
