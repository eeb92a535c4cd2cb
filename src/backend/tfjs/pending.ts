import * as tf from '@tensorflow/tfjs'
import { GradbookError } from '../../errors.js'
import { atomically, during } from '../../settle.js'
import { KernelGraph } from '../fusions/kernel-graph.js'
import type { Graph, Value } from '../graph/graph.js'
import type { NativeTensor, NativeTensors } from '../session/native.js'
import { toElements } from '../onnx/types.js'
import { target } from '../session/blocks.js'
import { onOptions, options, threads } from '../session/options.js'
import { findNeeded, replaceInputs } from '../passes/needed.js'
import { LastUsed } from '../session/last-used.js'
import { createPlan, inPlan, runPlan, type Plan } from '../session/plan.js'
import type { Recorder } from './recorder.js'
import { emptyTensor, tensorOf } from '../session/buffers.js'
import { type Entry } from '../session/entry.js'

/** Nodes after which a graph is flushed where the program comes back to its outermost level. */
const softLimit = 1000
/** Nodes after which it is flushed wherever it stands. */
const hardLimit = 20_000
const scopesOf = (engine: unknown) => (engine as { state: { scopeStack: { id: number }[] } }).state.scopeStack

/** An input of the graph that waits. A number that the host wrote is taken at once, others are read when the graph runs. */
interface Leaf {
  entry: Entry
  value: Value
  scalar: number | undefined
}

const tensorOfLeaf = ({ entry, value: { type, shape }, scalar }: Leaf): NativeTensor =>
  scalar === undefined ? entry.tensor() : tensorOf(type, toElements([scalar], type), shape)

/** Bytes of disposed inputs that may wait. */
const waitingLimit = 256 * 2 ** 20

/**
 * A plan with the scalars that the host wrote (the 0.5 of `x.mul(0.5)`) folded in as constants, which lets ONNX Runtime fuse
 * more. It holds while they keep their values: one that changes, such as a rate, becomes an input for good.
 */
class GuardedPlan {
  private readonly varying = new Set<number>()
  private folded: readonly number[] = []
  private values: readonly number[] = []
  private plan: Plan | undefined
  private feedLeaves: readonly number[] = []

  /** The plan that fits the leaves, and the leaf that each of its inputs takes. */
  fit(graph: Graph, outputs: readonly Value[], leaves: readonly Leaf[]) {
    const changed = this.folded.filter((leaf, at) => !Object.is(leaves[leaf]!.scalar, this.values[at]))
    if (!this.plan || changed.length > 0) {
      for (const leaf of changed) this.varying.add(leaf)
      this.dispose()
      this.folded = leaves.flatMap(({ scalar }, leaf) =>
        scalar !== undefined && !this.varying.has(leaf) ? [leaf] : [],
      )
      this.values = this.folded.map((leaf) => leaves[leaf]!.scalar!)
      const constants = new Map(
        this.folded.map((leaf, at): [Value, Value] => {
          const { value } = leaves[leaf]!
          return [value, graph.constant([this.values[at]!], value.shape, value.type)]
        }),
      )
      const nodes = replaceInputs(findNeeded(graph, outputs), constants)
      const plan = createPlan(nodes, outputs, { threads: threads(), device: options.device })
      const leafOf = new Map(leaves.map(({ value }, leaf) => [value, leaf]))
      this.feedLeaves = plan.inputs.map((value) => leafOf.get(value)!)
      this.plan = plan
    }
    return { plan: this.plan, feedLeaves: this.feedLeaves }
  }

  dispose(): void {
    this.plan?.session.dispose()
    this.plan = undefined
  }
}

/**
 * The graph that waits. A read runs it: its nodes are found again by what they are (never by the values that went in),
 * so that the second step of a program takes the session of the first.
 */
export class Pending implements Recorder {
  graph = new KernelGraph({ target })
  private leaves: Leaf[] = []
  private readonly alive = new Set<Entry>()
  private waitingBytes = 0
  private readonly plans = new LastUsed<GuardedPlan>()
  private outermost = -1

  constructor() {
    onOptions(() => this.flush())
  }

  leafOf(entry: Entry): Value {
    if (!entry.ready) this.materialize(entry)
    if (entry.graph === this.graph) return entry.value!
    const value = this.graph.input(entry.shape, entry.dtype as Value['type'])
    // The array may be written again by whoever made the tensor, before the graph runs.
    const scalar = entry.fromHost && entry.size === 1 ? entry.scalar() : undefined
    if (scalar === undefined) entry.own()
    entry.graph = this.graph
    entry.value = value
    this.leaves.push({ entry, value, scalar })
    return value
  }

  made(entry: Entry): void {
    this.alive.add(entry)
  }

  written(): void {}

  disposed(entry: Entry): void {
    this.alive.delete(entry)
    if (!entry.ready) {
      // Whoever keeps a disposed tensor shall not keep the graph with it.
      entry.graph = entry.value = undefined
      return
    }
    if (entry.graph !== this.graph) entry.release()
    else this.waitingBytes += entry.size * 4
  }

  isKnown({ ready }: Entry): boolean {
    return ready
  }
  checkHost(): void {}
  checkRead(): void {}

  beforeKernel(): void {
    const size = this.graph.nodes.length
    const outermost = scopesOf(tf.engine())[0]?.id ?? -1
    if (outermost !== this.outermost && size > softLimit) this.flush()
    else if (size > hardLimit || this.waitingBytes > waitingLimit) this.flush()
    this.outermost = outermost
  }

  afterKernel(): void {
    if (options.mode === 'eager') this.flush()
  }

  materialize(entry: Entry): void {
    if (entry.graph === this.graph && !entry.ready) this.flush()
    if (entry.ready) return
    throw new GradbookError(
      entry.graph?.recorded
        ? 'this tensor was made while a function was recorded, and has no values: return it from the function'
        : 'the values of this tensor are lost: the graph that was to make them failed before',
    )
  }

  /** Runs the graph, and gives every tensor that is still alive its values. */
  flush(): void {
    const { graph, leaves, waitingBytes } = this
    const entries = [...this.alive]
    const next = new KernelGraph({ target })
    let isOver = entries.length === 0
    const restore = (): void => {
      // Ended by force it has not failed: it waits as before, unless something else does by now.
      if (!isOver && this.graph === next && next.nodes.length === 0 && this.leaves.length === 0) {
        this.graph = graph
        this.leaves = leaves
        this.waitingBytes = waitingBytes
        for (const entry of entries) if (entry.graph === graph && entry.refCount > 0) this.alive.add(entry)
        return
      }
      for (const { entry } of leaves) {
        if (entry.graph !== graph) continue
        entry.graph = entry.value = undefined
        if (entry.refCount <= 0) entry.release()
      }
    }
    during(restore, () => {
      this.graph = next
      this.leaves = []
      this.alive.clear()
      this.waitingBytes = 0
      try {
        if (!isOver) this.execute(graph, entries, leaves)
      } catch (error) {
        isOver = true
        throw error
      }
      isOver = true
    })
  }

  private execute(graph: Graph, entries: readonly Entry[], leaves: readonly Leaf[]) {
    const outputs = [...new Set(entries.map((entry) => entry.value!))]
    const structure = graph.structure.end(outputs, options.device)
    let guarded = this.plans.find(structure)
    if (!guarded) this.plans.add(structure, (guarded = new GuardedPlan()), options.sessions)
    const { plan, feedLeaves } = guarded.fit(graph, outputs, leaves)
    const feeds: NativeTensors = {}
    for (const [at, value] of plan.inputs.entries())
      feeds[value.name] = inPlan(plan, value, tensorOfLeaf(leaves[feedLeaves[at]!]!))
    const fetches: NativeTensors = {}
    for (const value of outputs) fetches[value.name] = inPlan(plan, value, emptyTensor(value))
    // The run itself cannot be ended: neither shall what it has computed be lost.
    atomically(() => {
      runPlan(plan, feeds, fetches)
      const taken = new Set<string>()
      for (const entry of entries) {
        const { name } = entry.value!
        const { data } = fetches[name]!
        // Two tensors of one value must not share an array that one of them may give away.
        entry.settle(taken.has(name) ? data.slice() : data)
        taken.add(name)
      }
    })
  }

  /** Forgets what waits and every session. */
  dispose(): void {
    this.alive.clear()
    this.flush()
    this.plans.clear()
  }
}
