import * as tf from '@tensorflow/tfjs'
import { copyValues } from '../../backend/tfjs/copy.js'
import { atomically } from '../../settle.js'
import type { Settings } from '../rules/options.js'
import type { Core } from './core.js'
import type { StageParts } from './field.js'
import { bytesOfKept, keepState, restoreState, type Kept } from './fields.js'

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
export interface Snapshot extends Kept {
  /** Of the tensors. */
  version: number
  tensors: TensorValues
  settings: Settings
  /** Of the stage that it was taken in; of one that was read from disk those of the run that takes it. */
  parts?: StageParts
  /** How many rows the history had. */
  historyLength: number
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
    ...keepState(core.state),
    version: core.version,
    tensors: read.tensors,
    settings: { ...core.settings },
    parts: core.parts,
    historyLength: core.state.history.length,
  }
}

/** Puts the run back to where the snapshot was taken; the history is cut to its length. */
export function restoreSnapshot(core: Core, snapshot: Snapshot): void {
  atomically(() => restore(core, snapshot))
}

function restore(core: Core, snapshot: Snapshot): void {
  if (snapshot.parts && snapshot.parts !== core.parts) core.enter(snapshot.parts)
  if (snapshot.version !== core.version) {
    writeTensors(core, snapshot.tensors)
    // The same values, so the same version: what is read of it is known.
    core.version = snapshot.version
    lastRead.set(core, { version: snapshot.version, tensors: snapshot.tensors })
  }
  Object.assign(core.settings, snapshot.settings)
  restoreState(core.state, snapshot)
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
  let bytes = bytesOfKept(snapshot, before)
  if (!alone) return bytes
  const { parameters, slots } = snapshot.tensors
  for (const entry of [parameters, ...Object.values(slots)])
    for (const name in entry) bytes += entry[name]!.values.byteLength
  return bytes
}
