import type { Node, Value } from '../onnx/model.js'
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
import { findFailing, lowerFor } from '../passes/lower.js'
import { mergeUpdates, type Merged, type Rowable } from '../passes/merge.js'
import { encodeModel, nameOfNode } from '../onnx/model.js'
import { sizeOf } from '../onnx/types.js'
import { keepsState } from './resident.js'
import { simplify } from '../passes/index.js'
import { widenSpans } from '../passes/spans.js'
import { count } from './statistics.js'

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
  /** What runs in it, and the threads it has: of a plan with a state, which can be run several times in one. */
  nodes: readonly Node[] | undefined
  threads: number
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
  const threads = written < enoughForThreads ? 1 : options.threads
  const session = createSession(encodeModel({ nodes: merged, inputs: list, outputs, dimensions }), {
    ...options,
    resident,
    onProcessor: findFailing(options.device, merged).map(nameOfNode),
    threads,
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
    nodes: state && merged,
    threads,
  }
}

/** A tensor with the dimensions in which a plan takes or gives this value. */
export function inPlan({ flat }: Plan, value: Value, tensor: NativeTensor): NativeTensor {
  return flat.has(value.name) ? { ...tensor, dims: [tensor.data.length] } : tensor
}

export function countRun({ kernels }: Plan, runs = 1): void {
  count.flush()
  for (const [kernel, times] of kernels) count.onnx(kernel, runs * times)
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
