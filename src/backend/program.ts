import * as tf from '@tensorflow/tfjs'
import type { OnnxRuntimeBackend } from './backend.js'
import type { Value } from './graph.js'
import type { NativeTensor, NativeTensors } from './native.js'
import { toElements } from './onnx/types.js'
import { options, threads } from './options.js'
import { createPlan, findNeeded, inPlan, runPlan, type Plan } from './plan.js'
import { joined, Spare } from './rows.js'
import { emptyTensor, Entry, pool, tensorOf } from './storage.js'
import type { Structure } from './structure.js'
import type { TfjsOptimizer } from './tfjsoptimizers.js'
import type { Source, Trace } from './trace.js'

/** A recorded function: a session, and what goes in and comes out of it. */
export interface Recording {
  trace: Trace
  results: readonly Value[]
  /** Variables that the function changes, and their new values. */
  changes: readonly { variable: tf.Variable; value: Value }[]
  counted: readonly TfjsOptimizer[]
}

/** A variable that runs change: two arrays take turns, one read and one written. */
interface State {
  variable: tf.Variable
  name: string
  value: Value
  spare: NativeTensor | undefined
}

type Feed = { name: string; read(): NativeTensor }

/** A recording that can be run again and again: its variables go in and come out changed, without a copy. */
export class Program {
  private readonly backend: OnnxRuntimeBackend
  private readonly plan: Plan
  private feeds: Feed[] = []
  private readonly states: State[]
  /** States that are written one by one. */
  private readonly single: State[]
  /** States that are written as rows. */
  private readonly rows: { name: string; spare: Spare; states: State[] }[]
  private readonly results: readonly Value[]
  private counted: readonly TfjsOptimizer[]
  private readonly held: Entry[] = []
  /** Those that it reads or writes. */
  private variables = new Set<tf.Variable>()
  private argumentsOf: { value: Value; index: number }[] = []
  private keyName: string | undefined

  private readonly validName: string | undefined

  constructor(
    backend: OnnxRuntimeBackend,
    recording: Recording,
    variables: ReadonlyMap<Entry, tf.Variable>,
    validAt?: number,
  ) {
    this.backend = backend
    const { trace, changes, counted } = recording
    const { graph } = trace
    const own = new Set<Value>()
    // Each output is a value of its own, made by a node.
    const output = (value: Value): Value => {
      const fresh = own.has(value) || value.elements || trace.sources.has(value)
      const made = fresh ? graph.unary('Identity', value) : value
      own.add(made)
      return made
    }
    this.results = recording.results.map(output)
    this.states = changes.map(({ variable, value }) => {
      const made = output(value)
      return { variable, value: made, name: made.name, spare: undefined }
    })
    this.validName = validAt === undefined ? undefined : this.results[validAt]!.name
    this.counted = counted
    const outputs = [...this.results, ...this.states.map(({ value }) => value)]
    const ofVariable = ({ kind, ...source }: Source) =>
      kind === 'tensor' && variables.has((source as { entry: Entry }).entry)
    this.plan = createPlan(
      findNeeded(graph, outputs),
      outputs,
      { threads: threads(), device: options.device },
      {
        inputs: new Set([...trace.sources].flatMap(([value, source]) => (ofVariable(source) ? [value] : []))),
        outputs: new Set(this.states.map(({ value }) => value)),
      },
    )
    const stateOf = new Map(this.states.map((state) => [state.value, state]))
    this.rows = this.plan.rows.outputs.map((row) => ({
      name: row.value.name,
      spare: new Spare(row),
      states: row.parts.map((part) => stateOf.get(part)!),
    }))
    const inRows = new Set(this.rows.flatMap(({ states }) => states))
    this.single = this.states.filter((state) => !inRows.has(state))
    this.bind(trace, variables)
  }

  /** Whether a variable that it reads or writes has been disposed since: the function must be asked again what it does. */
  get isStale(): boolean {
    for (const { isDisposed } of this.variables) if (isDisposed) return true
    return false
  }

  /** What tells a recording from another, apart from what its inputs are bound to. */
  static structureOf({ trace, results, changes }: Recording): Structure {
    const outputs = [...results, ...changes.map(({ value }) => value)]
    return trace.graph.structure.end(outputs, options.device)
  }

  /** Takes the inputs and variables of an equal recording. */
  rebind({ trace, changes, counted }: Recording, variables: ReadonlyMap<Entry, tf.Variable>): void {
    for (const entry of this.held) entry.pinned--
    this.held.length = 0
    for (const [at, { variable }] of changes.entries()) this.states[at]!.variable = variable
    this.counted = counted
    this.bind(trace, variables)
  }

  private bind(trace: Trace, variables: ReadonlyMap<Entry, tf.Variable>): void {
    const byName = new Map([...trace.sources.keys()].map((value) => [value.name, value]))
    this.feeds = []
    this.argumentsOf = []
    this.variables = new Set(this.states.map(({ variable }) => variable))
    const rowInputs = new Map(this.plan.rows.inputs.map((row) => [row.value.name, row]))
    for (const { name } of this.plan.inputs) {
      const row = rowInputs.get(name)
      if (row) {
        const reads = row.parts.map((part) => {
          const value = byName.get(part.name)!
          return this.reader(trace.sources.get(value) as Source & { kind: 'tensor' }, value, variables, true)
        })
        this.feeds.push({ name, read: () => joined(row, reads.map((read) => read())) }) // oxfmt-ignore
        continue
      }
      const value = byName.get(name)!
      const source = trace.sources.get(value)!
      if (source.kind === 'argument') this.argumentsOf.push({ value, index: source.index })
      else if (source.kind === 'key') this.keyName = name
      else {
        const read = this.reader(source, value, variables)
        const isFlat = this.plan.flat.has(name)
        this.feeds.push({ name, read: isFlat ? () => inPlan(this.plan, value, read()) : read })
      }
    }
  }

  private reader(
    source: Exclude<Source, { kind: 'argument' | 'key' }>,
    { type, shape }: Value,
    variables: ReadonlyMap<Entry, tf.Variable>,
    inRow = false,
  ): () => NativeTensor {
    if (source.kind === 'live') {
      const { number, sign } = source
      return () => tensorOf(type, toElements([sign * number.read()], type), shape)
    }
    const variable = variables.get(source.entry)
    if (variable) this.variables.add(variable)
    if (variable)
      return () => {
        const tensor = this.backend.data.get(variable.dataId).readyTensor()
        // A variable may have been made from a reshaped view.
        return inRow || tf.util.arraysEqual(tensor.dims as number[], shape as number[])
          ? tensor
          : { ...tensor, dims: shape }
      }
    // A tensor that the function took from around it stays as it was: its values are held for as long as the program lives.
    source.entry.pinned++
    this.held.push(source.entry)
    return () => source.entry.readyTensor()
  }

  /** Runs it on these arguments. The results are new tensors; the variables have their new values, but for the frozen ones. */
  run(
    inputs: readonly tf.Tensor[],
    key: readonly number[] | undefined,
    frozen?: ReadonlySet<tf.Variable>,
  ): tf.Tensor[] {
    const { backend } = this
    backend.pending.flush()
    const feeds: NativeTensors = {}
    for (const { name, read } of this.feeds) feeds[name] = read()
    for (const { value, index } of this.argumentsOf)
      feeds[value.name] = inPlan(this.plan, value, backend.tensorFor(inputs[index]!))
    if (this.keyName) feeds[this.keyName] = tensorOf('int32', Int32Array.from(key!), [2])
    const fetches: NativeTensors = {}
    for (const value of this.results) fetches[value.name] = inPlan(this.plan, value, emptyTensor(value))
    for (const state of this.single) {
      state.spare ??= emptyTensor(state.value)
      fetches[state.name] = inPlan(this.plan, state.value, state.spare)
    }
    for (const { name, spare } of this.rows) fetches[name] = spare.whole
    runPlan(this.plan, feeds, fetches)
    if (this.validName === undefined || fetches[this.validName]!.data[0]) {
      for (const state of this.single)
        if (!frozen?.has(state.variable)) state.spare = this.swap(state, state.spare!)
      for (const { spare, states } of this.rows)
        spare.exchange((part, at) => {
          const state = states[at]!
          // The parts of a row change arrays together, so what stays as it is moves over.
          if (frozen?.has(state.variable)) this.keepValues(state, part)
          return this.swap(state, part)
        })
      for (const optimizer of this.counted) optimizer.incrementIterations()
    }
    return this.results.map(({ name, shape, type }) => {
      const entry = new Entry(backend, type as tf.DataType, shape)
      entry.settle(fetches[name]!.data)
      return backend.tensorOf(entry)
    })
  }

  private keepValues({ variable }: State, written: NativeTensor): void {
    const { data } = this.backend.data.get(variable.dataId).readyTensor()
    ;(written.data as Float32Array).set(data as Float32Array)
  }

  /** Gives the variable the array that was written; its old one comes back for the next run where nobody else holds it. */
  private swap({ variable }: State, written: NativeTensor): NativeTensor | undefined {
    const entry = this.backend.data.get(variable.dataId)
    if (entry.refCount === 1 && entry.graph === undefined) return entry.exchange(written)
    // Another tensor shares the values that the variable had (a snapshot): it keeps them.
    const fresh = new Entry(this.backend, variable.dtype, variable.shape)
    fresh.exchange(written)
    const tensor = this.backend.tensorOf(fresh)
    variable.assign(tensor)
    tensor.dispose()
    return undefined
  }

  dispose(): void {
    this.plan.session.dispose()
    for (const { spare } of this.states) if (spare) pool.give(spare.data)
    for (const entry of this.held) entry.pinned--
  }
}
