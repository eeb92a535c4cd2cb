import * as tf from '@tensorflow/tfjs'
import { copyValues } from '../../backend/tfjs/copy.js'
import type { Optimizer } from '../../backend/optimizers/optimizer.js'
import { atomically } from '../../settle.js'
import type { Adjustment, EvaluationRow, StopReason } from '../../views.js'
import type { EvaluationDetail } from '../../mistakes/detail.js'
import { bytesOfBooks, type BooksState } from '../order/books.js'
import type { Core } from './core.js'
import type { Settings } from '../rules/options.js'
import type { OrderState } from '../order/order.js'
import type { Spike } from '../step/spikes.js'

/** One tensor's values, on the host: a snapshot holds no tensor, so it costs no device memory and leaks nothing. */
export interface Values {
  shape: number[]
  dtype: 'float32' | 'int32' | 'bool'
  values: Float32Array | Int32Array | Uint8Array
}

/** Parameters, what a forward pass moves, and the optimizer's slots, by name. */
export interface TensorValues {
  parameters: { [name: string]: Values }
  slots: { [parameter: string]: { [slot: string]: Values } }
}

/** Everything needed to go on bit for bit. */
export interface Snapshot {
  iteration: number
  version: number
  tensors: TensorValues
  optimizer: Optimizer
  updates: number
  waiting: Core['waiting']
  peaks: Core['peaks']
  counts: { readonly [optimizer: string]: number }
  peak: number
  settings: Settings
  ruleSpent: boolean
  order: { order: OrderState; excluded: Uint8Array; out?: number }
  weights: Float32Array | undefined
  labels: ReadonlyMap<number, ArrayLike<number>>
  books: BooksState
  spikes: readonly Spike[]
  historyLength: number
  evaluations: EvaluationRow[]
  details: EvaluationDetail[]
  adjustments: Adjustment[]
  stopReason: StopReason | null
  planned: readonly Adjustment[]
}

/** The last tensors read of each run: a snapshot of the same version shares them. */
const lastRead = new WeakMap<Core, { version: number; tensors: TensorValues }>()

export function takeSnapshot(core: Core): Snapshot {
  let read = lastRead.get(core)
  if (read?.version !== core.version) {
    read = { version: core.version, tensors: readTensors(core) }
    lastRead.set(core, read)
  }
  return {
    iteration: core.iteration,
    version: core.version,
    tensors: read.tensors,
    optimizer: core.optimizer,
    updates: core.updates,
    waiting: core.waiting,
    peaks: core.peaks,
    counts: core.counts,
    peak: core.peak,
    settings: { ...core.settings },
    ruleSpent: core.ruleSpent,
    order: core.order.state(),
    weights: core.weights,
    labels: core.labels,
    books: core.books.state(),
    spikes: core.spikes,
    historyLength: core.history.length,
    evaluations: core.evaluations,
    details: core.details,
    adjustments: core.adjustments,
    stopReason: core.stopReason,
    planned: core.planned,
  }
}

/** Puts the run back to where the snapshot was taken; the history is cut to its length. */
export function restoreSnapshot(core: Core, snapshot: Snapshot): void {
  atomically(() => restore(core, snapshot))
}

function restore(core: Core, snapshot: Snapshot): void {
  core.optimizer = snapshot.optimizer
  if (snapshot.version !== core.version) {
    writeTensors(core, snapshot.tensors)
    // The same values, so the same version: what is read of it is known.
    core.version = snapshot.version
    lastRead.set(core, { version: snapshot.version, tensors: snapshot.tensors })
  }
  core.iteration = snapshot.iteration
  core.updates = snapshot.updates
  core.waiting = snapshot.waiting
  core.peaks = snapshot.peaks
  core.counts = snapshot.counts
  core.peak = snapshot.peak
  Object.assign(core.settings, snapshot.settings)
  core.ruleSpent = snapshot.ruleSpent
  core.order.restore(snapshot.order)
  core.weights = snapshot.weights
  core.labels = snapshot.labels
  core.books.restore(snapshot.books)
  core.spikes = snapshot.spikes
  core.evaluations = snapshot.evaluations
  core.details = snapshot.details
  core.adjustments = snapshot.adjustments
  core.stopReason = snapshot.stopReason
  core.planned = snapshot.planned
}

function readTensors({ trainee, slots }: Core): TensorValues {
  const tensors: TensorValues = { parameters: {}, slots: {} }
  for (const { name, variable } of [...trainee.parameters, ...trainee.state])
    tensors.parameters[name] = valuesOf(variable)
  for (const [name, entry] of slots) {
    const own: { [slot: string]: Values } = {}
    for (const slot in entry) own[slot] = valuesOf(entry[slot]!)
    tensors.slots[name] = own
  }
  return tensors
}

function valuesOf(tensor: tf.Tensor): Values {
  const values = copyValues(tensor) as Values['values']
  return { shape: tensor.shape, dtype: tensor.dtype as Values['dtype'], values }
}

export function writeTensors(core: Core, { parameters, slots }: TensorValues): void {
  for (const { name, variable } of [...core.trainee.parameters, ...core.trainee.state])
    if (parameters[name]) assign(variable, parameters[name])
  for (const [name, entry] of core.slots) {
    const saved = slots[name]
    if (saved && Object.keys(entry).join() === Object.keys(saved).join()) continue
    tf.dispose(Object.values(entry))
    core.slots.delete(name)
  }
  for (const [name, saved] of Object.entries(slots)) {
    const entry = core.slots.get(name)
    if (entry) for (const slot in saved) assign(entry[slot]!, saved[slot]!)
    else
      core.slots.set(
        name,
        Object.fromEntries(Object.entries(saved).map(([slot, values]) => [slot, variableOf(values)])),
      )
  }
}

function variableOf({ shape, dtype, values }: Values): tf.Variable {
  const tensor = tf.tensor(values.slice(), shape, dtype)
  const variable = tf.variable(tensor, false)
  tensor.dispose()
  return variable
}

function assign(variable: tf.Variable, { shape, dtype, values }: Values): void {
  // tfjs's cpu backend keeps the array it is given; the snapshot's stays untouched.
  const tensor = tf.tensor(values.slice(), shape, dtype)
  variable.assign(tensor)
  tensor.dispose()
}

/** Bytes that a snapshot holds beside the one before it. @param alone whether its tensors are its own. */
export function bytesOf(snapshot: Snapshot, alone: boolean, before?: Snapshot): number {
  let bytes = bytesOfBooks(snapshot.books, before?.books)
  if (snapshot.weights && snapshot.weights !== before?.weights) bytes += snapshot.weights.byteLength
  if (snapshot.order.excluded !== before?.order.excluded) bytes += snapshot.order.excluded.byteLength
  if (!alone) return bytes
  const { parameters, slots } = snapshot.tensors
  for (const entry of [parameters, ...Object.values(slots)])
    for (const name in entry) bytes += entry[name]!.values.byteLength
  return bytes
}
