import * as tf from '@tensorflow/tfjs'
import { atomically } from '../../settle.js'
import type { OnnxRuntimeBackend } from '../tfjs/backend.js'
import type { Value } from '../graph/graph.js'
import { gatherGuards, type Guard } from '../graph/guards.js'
import { checkGuards } from '../tfjs/indices.js'
import type { DeviceTensor, Feeds, NativeTensor, NativeTensors } from '../session/native.js'
import { sizeOf, toElements } from '../onnx/types.js'
import { options, threads } from '../session/options.js'
import type { Row } from '../passes/merge.js'
import { findNeeded } from '../passes/needed.js'
import { countRun, createPlan, inPlan, runPlan, runPlanOnDevice, type Plan } from '../session/plan.js'
import { Each, Several } from './several.js'
import { Home, maybeWhole, Resident } from '../session/resident.js'
import { joined, Spare } from './joined.js'
import { emptyTensor, buffers, tensorOf } from '../session/buffers.js'
import { Entry } from '../session/entry.js'
import type { Structure } from '../graph/structure.js'
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

/**
 * Told before the variables change, with what takes it back as long as they have not changed again; nothing does on a device. Who
 * answers 'keep' is given the arrays that they had: then it can be taken back until `release` is called.
 */
export type Changing = (
  takeBack: (() => void) | undefined,
  release: (() => void) | undefined,
) => void | 'keep'

/** Arrays that variables had, and what writes them next. */
interface Old {
  single: [state: State, tensor: NativeTensor][]
  rows: [spare: Spare, shared: ReturnType<Spare['take']>][]
}

type Feed = { name: string; read(): NativeTensor | DeviceTensor }

/** A recording that can be run again and again: its variables go in and come out changed, without a copy. */
export class Program {
  private readonly backend: OnnxRuntimeBackend
  private readonly device = options.device
  private readonly plan: Plan
  private readonly home: Home
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
  /** Inputs of rows and single ones, with the variables that they are. */
  private taken: { value: Value; variables: readonly tf.Variable[] }[] = []
  /** What runs several iterations at once, by how many and of which results. */
  private readonly several = new Map<string, Several>()

  private readonly validName: string | undefined
  /** Indices that are known only now, and what tells of one that is outside. */
  private readonly guards: readonly Guard[]
  private readonly guarded: Value | undefined

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
    this.guards = graph.guards
    this.guarded = gatherGuards(graph)
    const outputs = [
      ...this.results,
      ...this.states.map(({ value }) => value),
      ...(this.guarded ? [this.guarded] : []),
    ]
    const ofVariable = ({ kind, ...source }: Source) =>
      kind === 'tensor' && variables.has((source as { entry: Entry }).entry)
    this.plan = createPlan(
      findNeeded(graph, outputs),
      outputs,
      { threads: threads(), device: this.device },
      {
        inputs: new Set([...trace.sources].flatMap(([value, source]) => (ofVariable(source) ? [value] : []))),
        outputs: new Set(this.states.map(({ value }) => value)),
      },
    )
    this.home = new Home(this.plan.session)
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

  /**
   * Whether a variable that it reads or writes has been disposed since, or another device chosen: the function must be asked
   * again what it does.
   */
  get isStale(): boolean {
    if (this.device !== options.device) return true
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
    // They know states by their variables.
    this.endSeveral()
    for (const [at, { variable }] of changes.entries()) this.states[at]!.variable = variable
    this.counted = counted
    this.bind(trace, variables)
  }

  private bind(trace: Trace, variables: ReadonlyMap<Entry, tf.Variable>): void {
    const byName = new Map([...trace.sources.keys()].map((value) => [value.name, value]))
    this.feeds = []
    this.argumentsOf = []
    this.taken = []
    this.variables = new Set(this.states.map(({ variable }) => variable))
    const rowInputs = new Map(this.plan.rows.inputs.map((row) => [row.value.name, row]))
    for (const { name } of this.plan.inputs) {
      const row = rowInputs.get(name)
      if (row) {
        const owners = row.parts.map((part) => {
          const { entry } = trace.sources.get(byName.get(part.name)!) as Source & { kind: 'tensor' }
          return variables.get(entry)!
        })
        for (const variable of owners) this.variables.add(variable)
        this.taken.push({ value: row.value, variables: owners })
        this.feeds.push({ name, read: () => this.readRow(row, owners) })
        continue
      }
      const value = byName.get(name)!
      const source = trace.sources.get(value)!
      if (source.kind === 'argument') this.argumentsOf.push({ value, index: source.index })
      else if (source.kind === 'key') this.keyName = name
      else {
        this.feeds.push({ name, read: this.reader(source, value, variables) })
      }
    }
  }

  /** Several variables as one tensor: where they lie in a row, without a copy. */
  private readRow(row: Row, variables: readonly tf.Variable[]): NativeTensor | DeviceTensor {
    const entries = variables.map(({ dataId }) => this.backend.data.get(dataId))
    const whole = this.plan.keepsState ? maybeWhole(entries.map(({ place }) => place)) : undefined
    return (
      whole ??
      joined(
        row,
        entries.map((entry) => entry.readyTensor()),
      )
    )
  }

  private reader(
    source: Exclude<Source, { kind: 'argument' | 'key' }>,
    value: Value,
    variables: ReadonlyMap<Entry, tf.Variable>,
  ): () => NativeTensor | DeviceTensor {
    const { name, type, shape } = value
    if (source.kind === 'live') {
      const { number, sign } = source
      return () => inPlan(this.plan, value, tensorOf(type, toElements([sign * number.read()], type), shape))
    }
    const variable = variables.get(source.entry)
    if (variable) {
      this.variables.add(variable)
      this.taken.push({ value, variables: [variable] })
      const dims = this.plan.flat.has(name) ? [sizeOf(shape)] : shape
      return () => {
        const entry = this.backend.data.get(variable.dataId)
        const tensor = (this.plan.keepsState && maybeWhole([entry.place])) || entry.readyTensor()
        // A variable may have been made from a reshaped view.
        return tf.util.arraysEqual(tensor.dims as number[], dims as number[]) ? tensor : { ...tensor, dims }
      }
    }
    // A tensor that the function took from around it stays as it was: its values are held for as long as the program lives.
    source.entry.pinned++
    this.held.push(source.entry)
    return () => inPlan(this.plan, value, source.entry.readyTensor())
  }

  /** Runs it on these arguments. The results are new tensors; the variables have their new values, but for the frozen ones. */
  run(
    inputs: readonly tf.Tensor[],
    key: readonly number[] | undefined,
    frozen?: ReadonlySet<tf.Variable>,
    changing?: Changing,
  ): tf.Tensor[] {
    const { backend } = this
    backend.pending.flush()
    const feeds: Feeds = {}
    for (const { name, read } of this.feeds) feeds[name] = read()
    for (const { value, index } of this.argumentsOf)
      feeds[value.name] = inPlan(this.plan, value, backend.tensorFor(inputs[index]!))
    if (this.keyName) feeds[this.keyName] = tensorOf('int32', Int32Array.from(key!), [2])
    const made = this.plan.keepsState
      ? this.runOnDevice(feeds, frozen, changing)
      : this.runOnHost(feeds, frozen, changing)
    return this.results.map(({ name, shape, type }) => {
      const entry = new Entry(backend, type as tf.DataType, shape)
      entry.settle(made[name]!.data)
      return backend.tensorOf(entry)
    })
  }

  /** What one iteration costs: its nodes, and the elements that they write. */
  get work(): { nodes: number; elements: number } {
    const { nodes = [] } = this.plan
    return {
      nodes: nodes.length,
      elements: nodes.reduce((sum, node) => sum + sizeOf(node.outputs[0]!.shape), 0),
    }
  }

  /**
   * Several iterations in one run of a session: what each gave, in a row for each result that is wanted. Undefined where `accepts`
   * refuses it, and nothing has changed. Only where the state is on the host.
   *
   * @param inputs by place: an `Each` has its own value in each iteration.
   * @param wanted places of results.
   */
  runSeveral(at: {
    times: number
    inputs: readonly (tf.Tensor | Each)[]
    keys: readonly (readonly number[])[]
    wanted: readonly number[]
    accepts: (results: readonly NativeTensor[]) => boolean
    changing: Changing | undefined
  }): NativeTensor[] | undefined {
    const { backend } = this
    const { times, inputs } = at
    backend.pending.flush()
    const each = this.argumentsOf.filter(({ index }) => inputs[index] instanceof Each)
    const key = `${times} ${at.wanted} ${each.map(({ index }) => index)}`
    let several = this.several.get(key)
    if (!several) this.several.set(key, (several = this.unrolled(times, at.wanted, each)))
    const feeds: Feeds = {}
    for (const { name, read } of this.feeds) feeds[name] = read()
    for (const { value, index } of this.argumentsOf) {
      const input = inputs[index]!
      if (input instanceof Each) feeds[several.nameOf(value)] = input.native(value.type, times)
      else feeds[value.name] = inPlan(this.plan, value, backend.tensorFor(input))
    }
    if (several.key)
      feeds[several.key.name] = tensorOf('int32', Int32Array.from(at.keys.flat()), several.key.shape)
    const results = several.results.map(emptyTensor)
    const fetches: NativeTensors = {}
    for (const [place, { name }] of several.results.entries()) fetches[name] = results[place]!
    this.fetchState(fetches)
    several.run(feeds, fetches)
    countRun(this.plan, times)
    if (this.guarded) {
      const seen = results.pop()!.data
      const size = 2 * this.guards.length
      for (let t = 0; t < times; t++) checkGuards(this.guards, seen.slice(t * size, (t + 1) * size))
    }
    if (!at.accepts(results)) return undefined
    this.takeState(undefined, at.changing, times)
    return results
  }

  private unrolled(times: number, wanted: readonly number[], each: { value: Value }[]): Several {
    const { plan } = this
    const flat = (value: Value) =>
      plan.flat.has(value.name) ? { ...value, shape: [sizeOf(value.shape)] } : value
    const key = plan.inputs.find(({ name }) => name === this.keyName)
    const lying = (value: Value, variables: readonly tf.Variable[]) => ({
      value,
      states: variables.map((of) => ({ of, size: of.size })),
    })
    const results = wanted.map((place) => this.results[place]!)
    return new Several(plan, times, {
      each: each.map(({ value }) => flat(value)),
      key,
      results: this.guarded ? [...results, this.guarded] : results,
      takes: this.taken.map(({ value, variables }) => lying(flat(value), variables)),
      gives: [
        ...this.single.map(({ value, variable }) => lying(flat(value), [variable])),
        ...this.plan.rows.outputs.map(({ value }, at) =>
          lying(
            value,
            this.rows[at]!.states.map(({ variable }) => variable),
          ),
        ),
      ],
    })
  }

  private endSeveral(): void {
    for (const several of this.several.values()) several.dispose()
    this.several.clear()
  }

  /** Whether the variables shall change. */
  private isValid(results: NativeTensors): boolean {
    return this.validName === undefined || Boolean(results[this.validName]!.data[0])
  }

  /** Throws where an index was outside: then nothing has changed. */
  private checkIndices(results: NativeTensors): void {
    if (this.guarded) checkGuards(this.guards, results[this.guarded.name]!.data)
  }

  private countIterations(times = 1): void {
    for (const optimizer of this.counted) for (let i = 0; i < times; i++) optimizer.incrementIterations()
  }

  /** The state is written into arrays that take turns. */
  private runOnHost(
    feeds: Feeds,
    frozen: ReadonlySet<tf.Variable> | undefined,
    changing: Changing | undefined,
  ): NativeTensors {
    const fetches: NativeTensors = {}
    for (const value of this.results) fetches[value.name] = inPlan(this.plan, value, emptyTensor(value))
    this.fetchState(fetches)
    if (this.guarded) fetches[this.guarded.name] = emptyTensor(this.guarded)
    runPlan(this.plan, feeds, fetches)
    this.checkIndices(fetches)
    if (this.isValid(fetches)) this.takeState(frozen, changing)
    return fetches
  }

  /** The arrays that the state is written into. */
  private fetchState(fetches: NativeTensors): void {
    for (const state of this.single) {
      state.spare ??= emptyTensor(state.value)
      fetches[state.name] = inPlan(this.plan, state.value, state.spare)
    }
    for (const { name, spare } of this.rows) fetches[name] = spare.whole
  }

  /** Gives the variables what was written, by this many iterations. */
  private takeState(
    frozen: ReadonlySet<tf.Variable> | undefined,
    changing: Changing | undefined,
    times = 1,
  ): void {
    atomically(() => {
      const old: Old = { single: [], rows: [] }
      const keeps = changing?.(this.takesBack(), () => this.release(old)) === 'keep'
      for (const state of this.single)
        if (!frozen?.has(state.variable)) state.spare = this.swap(state, state.spare!)
      for (const { spare, states } of this.rows)
        spare.exchange((part, at) => {
          const state = states[at]!
          // The parts of a row change arrays together, so what stays as it is moves over.
          if (frozen?.has(state.variable)) this.keepValues(state, part)
          return this.swap(state, part)
        })
      if (keeps) this.handOver(old)
      this.countIterations(times)
    })
  }

  /** What the variables had is not written next: whoever holds it gives it back. */
  private handOver(old: Old): void {
    for (const state of this.single) {
      if (state.spare) old.single.push([state, state.spare])
      state.spare = undefined
    }
    for (const { spare } of this.rows) old.rows.push([spare, spare.take()])
  }

  private release(old: Old): void {
    for (const [state, tensor] of old.single) {
      if (state.spare) buffers.give(tensor.data)
      else state.spare = tensor
    }
    for (const [spare, shared] of old.rows) spare.giveBack(shared)
  }

  /** How to give the variables the values back that they have now. They are in the arrays that the next run writes. */
  private takesBack(): () => void {
    const before = this.states.map((state) => {
      const entry = this.backend.data.get(state.variable.dataId)
      return { state, entry, tensor: entry.readyTensor(), escaped: entry.escaped }
    })
    return () => {
      for (const { state, entry, tensor, escaped } of before) {
        state.spare = undefined
        const now = this.entryToChange(state)
        if (now === entry && entry.tensor() === tensor) continue
        now.exchange(tensor)
        now.escaped = escaped
      }
      for (const { spare } of this.rows) spare.forget()
    }
  }

  /** The state stays on the device, where it is read in the next run. */
  private runOnDevice(
    feeds: Feeds,
    frozen: ReadonlySet<tf.Variable> | undefined,
    changing: Changing | undefined,
  ): NativeTensors {
    const made = runPlanOnDevice(this.plan, feeds)
    const results = made as NativeTensors
    try {
      this.checkIndices(results)
    } catch (error) {
      for (const tensor of Object.values(made)) if (tensor.location === 'gpu-buffer') tensor.dispose()
      throw error
    }
    const isValid = this.isValid(results)
    const written = [
      ...this.single.map((state) => ({ name: state.name, states: [state] })),
      ...this.rows,
    ] // oxfmt-ignore
    atomically(() => {
      if (isValid) changing?.(undefined, undefined)
      for (const { name, states } of written) {
        const tensor = made[name]!
        const whole = tensor.location === 'gpu-buffer' ? new Resident(tensor, this.home) : undefined
        let from = 0
        for (const state of states) {
          const { shape } = state.value
          // Of a row, what is frozen keeps its place in the one before: both are read until it thaws.
          if (isValid && !frozen?.has(state.variable)) {
            if (whole) this.entryToChange(state).settleAt(whole.place(from, sizeOf(shape)))
            else this.swap(state, { ...(tensor as NativeTensor), dims: shape })
          }
          from += sizeOf(shape)
        }
        whole?.releaseUnread()
      }
      if (isValid) this.countIterations()
    })
    return results
  }

  private keepValues({ variable }: State, written: NativeTensor): void {
    const { data } = this.backend.data.get(variable.dataId).readyTensor()
    ;(written.data as Float32Array).set(data as Float32Array)
  }

  /** Gives the variable the array that was written; its old one comes back for the next run where nobody else holds it. */
  private swap(state: State, written: NativeTensor): NativeTensor | undefined {
    return this.entryToChange(state).exchange(written)
  }

  private entryToChange({ variable }: State): Entry {
    const entry = this.backend.data.get(variable.dataId)
    if (entry.refCount === 1 && entry.graph === undefined) return entry
    // Another tensor shares the values that the variable had (a snapshot): it keeps them.
    const fresh = new Entry(this.backend, variable.dtype, variable.shape)
    const tensor = this.backend.tensorOf(fresh)
    variable.assign(tensor)
    tensor.dispose()
    return fresh
  }

  dispose(): void {
    this.home.leave()
    this.endSeveral()
    this.plan.session.dispose()
    for (const { spare } of this.states) if (spare) buffers.give(spare.data)
    for (const entry of this.held) entry.pinned--
  }
}
