import type { Graph, Node, Value } from '../graph/graph.js'
import {
  createSession,
  runResident,
  runSession,
  type Feeds,
  type NativeSession,
  type NativeTensor,
  type NativeTensors,
  type SessionOptions,
} from './native.js'
import { findFailing, lowerFor } from '../graph/lower.js'
import { mergeUpdates, type Merged, type Rowable } from '../graph/merge.js'
import { encodeModel, nameOfNode } from '../onnx/model.js'
import { sizeOf } from '../onnx/types.js'
import { keepsState } from './resident.js'
import { simplify } from '../simplify/index.js'
import { widenSpans } from '../simplify/spans.js'
import { count } from './statistics.js'
import type { Structure } from '../graph/structure.js'

/** A part of a graph as a session: which values go in and come out, and what runs in it. */
export interface Plan {
  session: NativeSession
  inputs: readonly Value[]
  outputs: readonly Value[]
  /** Of these, the ones that it takes and gives as one row, whatever the shape of their tensor is. */
  flat: ReadonlySet<string>
  /** Inputs and outputs that are several tensors in a row. */
  rows: Merged['rows']
  /** Whether it leaves the state on the device. */
  keepsState: boolean
  /** Whether its results are too large to be copied once more. */
  isLarge: boolean
  /** Calls of tfjs kernels that run in it. */
  kernels: readonly [kernel: string, times: number][]
}

/** The nodes that `outputs` need, in order, where these wholes are made; and what stands for each value that had two ways. */
function findWith(wholes: ReadonlySet<Value>, graph: Graph, outputs: readonly Value[]) {
  const needed = new Set<Value>(outputs)
  const nodes: Node[] = []
  const chosen = new Map<Value, Value>()
  const avoided = new Set<Value>()
  for (let at = graph.nodes.length - 1; at >= 0; at--) {
    const node = graph.nodes[at]!
    if (!node.outputs.some((value) => needed.has(value))) continue
    if (node.op === 'Either') {
      const [direct, part, whole] = node.inputs as [Value, Value, Value]
      const way = wholes.has(whole) ? part : direct
      chosen.set(node.outputs[0]!, way)
      needed.add(way)
      avoided.add(whole)
      continue
    }
    nodes.push(node)
    for (const value of node.inputs) if (value) needed.add(value)
  }
  return { nodes: nodes.reverse(), chosen, made: [...avoided].filter((whole) => needed.has(whole)) }
}

/** The nodes that `outputs` need, in order. Of two ways to a value (`Graph.either`) the one is in it that is the shorter here. */
export function findNeeded(graph: Graph, outputs: readonly Value[]): Node[] {
  const wholes = new Set<Value>()
  for (;;) {
    const { nodes, chosen, made } = findWith(wholes, graph, outputs)
    if (made.every((whole) => wholes.has(whole))) return replaceInputs(nodes, chosen)
    for (const whole of made) wholes.add(whole)
  }
}

/** Elements that nodes write in all: below this a second thread costs more than it brings. */
const enoughForThreads = 20_000

/**
 * Elements of results from which a run ends before they are copied. Copies of few cost little, and their memory is what makes V8
 * collect: without them a small program's own arrays pile up to a sixth more resident memory.
 */
const enoughForEnd = 2 ** 18

/** Builds the session for `nodes`. */
export function createPlan(
  nodes: readonly Node[],
  results: readonly Value[],
  options: SessionOptions,
  state?: Omit<Rowable, 'onDevice'>,
): Plan {
  const onDevice = keepsState(options.device)
  const rowable = state && { ...state, onDevice }
  const {
    nodes: updates,
    flat,
    rows,
  } = mergeUpdates(lowerFor(options.device, simplify(nodes, results)), results, rowable)
  const merged = widenSpans(updates)
  const inRows = new Set(rows.outputs.flatMap(({ parts }) => parts))
  const outputs = [
    ...results.filter((value) => !inRows.has(value)),
    ...rows.outputs.map(({ value }) => value),
  ]
  const states = new Set([...(state?.outputs ?? []), ...rows.outputs.map(({ value }) => value)])
  const made = new Set(merged.flatMap((node) => node.outputs))
  const inputs = new Set<Value>()
  for (const node of merged)
    for (const value of node.inputs) if (value && !value.elements && !made.has(value)) inputs.add(value)
  const written = nodes.reduce((sum, node) => sum + sizeOf(node.outputs[0]!.shape), 0)
  const list = [...inputs]
  const dimensions = Object.fromEntries(
    [...list, ...outputs].flatMap(({ name, shape }) => (flat.has(name) ? [[name, [sizeOf(shape)]]] : [])),
  )
  // The library copies the first one, so that shall be the smallest.
  outputs.sort((a, b) => sizeOf(a.shape) - sizeOf(b.shape))
  const resident = outputs.flatMap((value) =>
    onDevice && value.type === 'float32' && states.has(value) ? [value.name] : [],
  )
  const session = createSession(encodeModel({ nodes: merged, inputs: list, outputs, dimensions }), {
    ...options,
    resident,
    onProcessor: findFailing(options.device, merged).map(nameOfNode),
    threads: written < enoughForThreads ? 1 : options.threads,
  })
  count.session()
  const ran = new Set(nodes.flatMap(({ call }) => call ?? []))
  const kernels = new Map<string, number>()
  for (const { kernel } of ran) kernels.set(kernel, (kernels.get(kernel) ?? 0) + 1)
  const isLarge = outputs.reduce((sum, { shape }) => sum + sizeOf(shape), 0) >= enoughForEnd
  return {
    session,
    inputs: list,
    outputs,
    flat,
    rows,
    keepsState: resident.length > 0,
    isLarge,
    kernels: [...kernels],
  }
}

/** A tensor with the dimensions in which a plan takes or gives this value. */
export function inPlan({ flat }: Plan, value: Value, tensor: NativeTensor): NativeTensor {
  return flat.has(value.name) ? { ...tensor, dims: [tensor.data.length] } : tensor
}

function countRun({ kernels }: Plan): void {
  count.flush()
  for (const [kernel, times] of kernels) count.onnx(kernel, times)
}

/** Runs a plan; the results are written into `fetches`. */
export function runPlan(plan: Plan, feeds: Feeds, fetches: NativeTensors): void {
  runSession(plan.session, feeds, fetches, plan.isLarge)
  countRun(plan)
}

/** Runs a plan that leaves results on the device, and gives all. */
export function runPlanOnDevice(plan: Plan, feeds: Feeds): Feeds {
  const names = plan.outputs.map(({ name }) => name)
  const results = runResident(plan.session, feeds, names)
  countRun(plan)
  return results
}

/** What was made for structures: the last used, as many as allowed. */
export class LastUsed<T extends { dispose(): void }> {
  private readonly kept = new Map<number, { structure: Structure; value: T }>()

  find(structure: Structure): T | undefined {
    const { hash } = structure
    const found = this.kept.get(hash)
    if (!found?.structure.equals(structure)) return undefined
    this.kept.delete(hash)
    this.kept.set(hash, found)
    return found.value
  }

  /** Takes a value; it takes the place of another of the same hash, and the one that was used longest ago makes room. */
  add(structure: Structure, value: T, most: number): void {
    this.kept.get(structure.hash)?.value.dispose()
    this.kept.set(structure.hash, { structure, value })
    while (this.kept.size > most) {
      const [oldest, gone] = this.kept.entries().next().value!
      this.kept.delete(oldest)
      gone.value.dispose()
    }
  }

  clear(): void {
    for (const { value } of this.kept.values()) value.dispose()
    this.kept.clear()
  }
}

/** The nodes with some of their inputs replaced. */
export function replaceInputs(nodes: readonly Node[], by: ReadonlyMap<Value, Value>): Node[] {
  if (by.size === 0) return [...nodes]
  return nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((value) => (value && by.get(value)) ?? value),
  }))
}
