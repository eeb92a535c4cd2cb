import * as tf from '@tensorflow/tfjs'
import { atomically, during } from '../../settle.js'
import type { OnnxRuntimeBackend } from '../tfjs/backend.js'
import { findNeeded } from '../passes/needed.js'
import { createPlan, inPlan, runPlan } from '../session/plan.js'
import { maybeRandomness, recordingNow } from '../random/context.js'
import type { NativeTensors } from '../session/native.js'
import { emptyTensor, tensorOf } from '../session/buffers.js'
import { Entry, isNative } from '../session/entry.js'
import { options, threads } from '../session/options.js'
import type { Recording } from './program.js'
import { watchOptimizers } from './tfjsoptimizers.js'
import { Trace, Untraceable } from './trace.js'
import { markEngine } from '../tfjs/unwind.js'

interface EngineState {
  registeredVariables: { [name: string]: tf.Variable }
  state: { tensorInfo: WeakMap<object, unknown> }
}

/** All variables. One that JavaScript was ended in the making of may be on tfjs's list without values: it is none. */
function registered(): tf.Variable[] {
  const { registeredVariables, state } = tf.engine() as unknown as EngineState
  return Object.values(registeredVariables).filter(
    ({ dataId, isDisposed }) => !isDisposed && state.tensorInfo.has(dataId),
  )
}

/** Variables by the entry that holds their values. No entry has two: one that is shared is copied first. */
function ownEntries(backend: OnnxRuntimeBackend): Map<Entry, tf.Variable> {
  const variables = new Map<Entry, tf.Variable>()
  for (const variable of registered()) {
    if (!isNative(variable.dtype)) continue
    const entry = backend.data.get(variable.dataId) // moves here what was made under another backend
    if (entry.refCount === 1) {
      variables.set(entry, variable)
      continue
    }
    // A clone of a variable keeps the values of its time, so the two must be told apart from now on.
    const fresh = new Entry(backend, variable.dtype, variable.shape)
    const { type, data, dims } = backend.tensorFor(variable)
    fresh.exchange(tensorOf(type, data.slice(), dims))
    const tensor = backend.tensorOf(fresh)
    variable.assign(tensor)
    tensor.dispose()
    variables.set(fresh, variable)
  }
  return variables
}

/** Counts a variable that is made during a recording, with the value that it starts from. */
interface Birth {
  variable: tf.Variable
  initial: tf.Tensor
}

function watchBirths(births: Birth[], undo: (() => void)[]): void {
  const engine = tf.engine() as unknown as {
    makeVariable?(initial: tf.Tensor, ...more: unknown[]): tf.Variable
  }
  const make = engine.makeVariable!
  // The method lives on the prototype: taking ours off the instance brings it back.
  undo.push(() => void delete engine.makeVariable)
  engine.makeVariable = function (initial, ...more) {
    const guard = tf.keep(initial.clone())
    const variable = make.call(engine, initial, ...more)
    births.push({ variable, initial: guard })
    return variable
  }
}

/** Gives variables that were made during a recording their first values, by running the part of it that makes them. */
function giveBirth(
  backend: OnnxRuntimeBackend,
  trace: Trace,
  all: readonly Birth[],
  inputs: readonly tf.Tensor[],
): void {
  const births = all.filter(({ variable }) => !variable.isDisposed)
  const values = births.map(({ initial }) => trace.graph.unary('Identity', backend.valueFor(initial)))
  const nodes = findNeeded(trace.graph, values)
  const plan = createPlan(nodes, values, { threads: threads(), device: options.device })
  const feeds: NativeTensors = {}
  for (const value of plan.inputs) {
    const source = trace.sources.get(value)!
    if (source.kind === 'tensor') feeds[value.name] = inPlan(plan, value, source.entry.readyTensor())
    else if (source.kind === 'argument')
      feeds[value.name] = inPlan(plan, value, backend.tensorFor(inputs[source.index]!))
    else
      throw new Untraceable(
        'a variable that the function makes starts from what differs in each run: make it before the function is compiled',
      )
  }
  const made = values.map(emptyTensor)
  const fetches: NativeTensors = {}
  for (const [at, value] of values.entries()) fetches[value.name] = inPlan(plan, value, made[at]!)
  runPlan(plan, feeds, fetches)
  plan.session.dispose()
  for (const [at, { variable }] of births.entries()) {
    const entry = new Entry(backend, variable.dtype, variable.shape)
    entry.exchange(made[at]!)
    const tensor = backend.tensorOf(entry)
    variable.assign(tensor)
    tensor.dispose()
  }
}

export interface Recorded {
  recording: Recording
  variables: Map<Entry, tf.Variable>
  /** What the function returned, with its tensors in the order of `recording.results`. */
  returned: unknown
}

/**
 * Runs `work` on symbols for `inputs` and writes down what it does. Nothing is left of it afterwards, also after a throw:
 * variables have their values, optimizers their counts. Variables that it makes (an optimizer's slots) stay, at their first
 * values; since they are then part of what is there before, such a function is recorded twice.
 */
export function record(
  backend: OnnxRuntimeBackend,
  inputs: readonly tf.Tensor[],
  work: (inputs: tf.Tensor[]) => unknown,
): Recorded {
  const first = recordOnce(backend, inputs, work)
  if (first !== 'born') return first
  const second = recordOnce(backend, inputs, work)
  if (second === 'born')
    throw new Untraceable(
      'the function makes new variables each time that it runs: make them before it is compiled',
    )
  return second
}

export const isPromise = (value: unknown): value is Promise<unknown> =>
  typeof (value as Promise<unknown> | null | undefined)?.then === 'function'

/** A promise cannot be recorded: what comes after its first await runs when the recording has ended. */
function runWork(work: () => unknown): unknown {
  const returned = work()
  if (!isPromise(returned)) return returned
  returned.then(undefined, () => {})
  throw new Untraceable(
    'the function is asynchronous (it returns a promise), and only what runs at once can be recorded. ' +
      'Return the tensors, and await their values outside.',
  )
}

function recordOnce(
  backend: OnnxRuntimeBackend,
  inputs: readonly tf.Tensor[],
  work: (inputs: tf.Tensor[]) => unknown,
): Recorded | 'born' {
  backend.pending.flush()
  const variables = atomically(() => ownEntries(backend))
  const guards: { variable: tf.Variable; dataId: object; guard: tf.Tensor }[] = []
  const trace = new Trace()
  const births: Birth[] = []
  let born = false
  const randomness = maybeRandomness()
  const place = randomness?.place
  const { random } = Math
  const undo: (() => void)[] = []
  const endScopes = markEngine()
  const restore = (): void => {
    for (const one of undo) one()
    // A variable that was made has its first value also then; one that cannot have it is no variable.
    if (births.length > 0 && !born)
      try {
        born = true
        giveBirth(backend, trace, births, inputs)
      } catch {
        for (const { variable } of births) variable.dispose()
      }
    for (const { variable, dataId, guard } of guards) {
      if (variable.dataId !== dataId && !variable.isDisposed) variable.assign(guard)
      guard.dispose()
    }
    for (const { initial } of births) initial.dispose()
    endScopes()
    backend.recorder = backend.pending
    recordingNow.active = false
    recordingNow.live = undefined
    if (randomness) {
      randomness.keyTensor = undefined
      randomness.place = place!
    }
  }
  return during(restore, () => {
    atomically(() => {
      for (const variable of variables.values())
        guards.push({ variable, dataId: variable.dataId, guard: tf.keep(variable.clone()) })
    })
    watchBirths(births, undo)
    undo.push(() => void (Math.random = random))
    Math.random = () => trace.random(random)
    const watch = watchOptimizers(trace.live, undo)
    backend.recorder = trace
    recordingNow.active = true
    recordingNow.live = (read) =>
      backend.symbol(
        trace.input([], 'float32', { kind: 'live', number: { sentinel: NaN, read }, sign: 1 }),
      ) as tf.Scalar
    tf.engine().startScope('compile')
    if (randomness?.key) randomness.keyTensor = backend.symbol(trace.input([2], 'int32', { kind: 'key' }))
    const symbols = inputs.map((input, index) =>
      backend.symbol(trace.input(input.shape, input.dtype as 'float32', { kind: 'argument', index })),
    )
    const returned = runWork(() => work(symbols))
    if (births.length > 0) {
      giveBirth(backend, trace, births, inputs)
      born = true
      return 'born'
    }
    const results = collectTensors(returned).map((tensor) => backend.valueFor(tensor))
    const changes = guards.flatMap(({ variable, dataId }) =>
      variable.dataId === dataId ? [] : [{ variable, value: backend.valueFor(variable) }],
    )
    return { recording: { trace, results, changes, counted: watch }, variables, returned }
  })
}

/** Remembers the values of variables, of all unless said otherwise; `end(true)` brings them back. */
export function guardVariables(which: Iterable<tf.Variable> = registered()): { end(restore: boolean): void } {
  const guards = Array.from(which, (variable) => ({ variable, guard: tf.keep(variable.clone()) }))
  return {
    end(restore) {
      for (const { variable, guard } of guards) {
        if (guard.isDisposed) continue
        if (restore && !variable.isDisposed && variable.dataId !== guard.dataId) variable.assign(guard)
        guard.dispose()
      }
    },
  }
}

/** The tensors in a result, in the order in which `mapTensors` meets them. */
export function collectTensors(tree: unknown): tf.Tensor[] {
  const tensors: tf.Tensor[] = []
  mapTensors(tree, (tensor) => {
    tensors.push(tensor)
    return tensor
  })
  return tensors
}

/** A copy of arrays and plain objects with each tensor replaced. */
export function mapTensors(tree: unknown, replace: (tensor: tf.Tensor) => unknown): unknown {
  if (tree instanceof tf.Tensor) return replace(tree)
  if (Array.isArray(tree)) return tree.map((item) => mapTensors(item, replace))
  if (tree !== null && typeof tree === 'object' && Object.getPrototypeOf(tree) === Object.prototype)
    return Object.fromEntries(Object.entries(tree).map(([name, item]) => [name, mapTensors(item, replace)]))
  return tree
}
