import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { isMainThread } from 'node:worker_threads'
import { atomically, during } from '../../settle.js'
import type { ElementType, Elements } from '../onnx/types.js'
import { findRuntimeOf } from './runtimes.js'

/** What the native binding reads of a tensor; onnxruntime-common's class does more checks than a step can afford. */
export interface NativeTensor {
  type: ElementType
  data: Elements
  dims: readonly number[]
  location: 'cpu'
}

export type NativeTensors = { [name: string]: NativeTensor }

/** Values that a graph has left in the memory of a device. Whoever has them must dispose of them, once. */
export interface DeviceTensor {
  type: ElementType
  dims: readonly number[]
  location: 'gpu-buffer'
  /** ONNX Runtime's own. */
  gpuBuffer: unknown
  dispose(): void
}

export type Feeds = { [name: string]: NativeTensor | DeviceTensor }

export interface NativeSession {
  loadModel(buffer: ArrayBufferLike, offset: number, length: number, options: object): void
  loadModel(path: string, options: object): void
  /** Runs at once, on this thread and the session's own, into the arrays of `fetches`: called by `runSession`. */
  run(feeds: Feeds, fetches: { [name: string]: NativeTensor | null }): Feeds
  dispose(): void
}

interface Binding {
  InferenceSession: new () => NativeSession
  initOrtOnce(logLevel: number, tensorClass: unknown, isMainThread: boolean): void
  listSupportedBackends(): { name: string; bundled: boolean }[]
}

const require = createRequire(import.meta.url)

/** Whether a run of ours is under way, whose results have arrays. */
let isWritten = false
/** What ends it. */
const over = new Error('the results are written')

/**
 * What the native library hands results out in: a copy of each, also of those that it wrote into arrays of ours, which for a
 * small GPT is a tenth of a step and garbage of 10 MB. So the first one ends a run of large results, by when all are where they
 * belong. Whoever else uses the library in this process gets theirs.
 */
class Result {
  readonly location = 'cpu'
  readonly type: ElementType
  readonly data: Elements
  readonly dims: readonly number[]
  constructor(type: ElementType, data: Elements, dims: readonly number[]) {
    if (isWritten) throw over
    this.type = type
    this.data = data
    this.dims = dims
  }

  /** What it makes of results that stay on the device. */
  static fromGpuBuffer(
    gpuBuffer: unknown,
    { dataType, dims, dispose }: { dataType: ElementType; dims: readonly number[]; dispose(): void },
  ): DeviceTensor {
    return { type: dataType, dims, location: 'gpu-buffer', gpuBuffer, dispose }
  }
}

/**
 * Runs a session; the results are written into the arrays of `fetches`.
 *
 * @param endsEarly before the library copies them.
 */
export function runSession(
  session: NativeSession,
  feeds: Feeds,
  fetches: NativeTensors,
  endsEarly = false,
): void {
  during(
    () => void (isWritten = false),
    () => {
      isWritten = endsEarly
      try {
        // Ended in the constructor above, which the library calls, JavaScript would take the process with it.
        atomically(() => session.run(feeds, fetches))
      } catch (error) {
        if (error !== over) throw error
      }
    },
  )
}

/** Runs a session that keeps results on its device; those and the others are new. */
export function runResident(session: NativeSession, feeds: Feeds, names: readonly string[]): Feeds {
  return atomically(() => session.run(feeds, Object.fromEntries(names.map((name) => [name, null]))))
}

const quiet = 3

const loaded = new Map<string, Binding>()

/**
 * The native library itself, for a device. onnxruntime-node's public `run` wraps the same call in `setImmediate`, of which
 * `dataSync()` could make nothing; so it is loaded without the package around it, and the version pinned.
 */
function binding(device = 'cpu'): Binding {
  const path = findRuntimeOf(device)
  let native = loaded.get(path)
  if (native) return native
  // ONNX Runtime (1.30) would tell Microsoft what it runs on, and keep a number of this user in the home folder.
  process.env.ORT_DISABLE_TELEMETRY ??= '1'
  // Else products of float32 would have ten bits after the point (TF32). NVIDIA's libraries read it when they are loaded.
  if (device === 'cuda') process.env.NVIDIA_TF32_OVERRIDE ??= '0'
  native = require(path) as Binding
  native.initOrtOnce(quiet, Result, isMainThread)
  loaded.set(path, native)
  return native
}

export interface SessionOptions {
  threads: number
  /** Where the graph runs; 'cpu' unless `setDevice` said otherwise. */
  device: string
  /** Names of nodes that run on the processor all the same. */
  onProcessor?: readonly string[]
  /** Results that stay on the device, by name: `keepsState` says on which they can. */
  resident?: readonly string[]
}

/** Processors that this process may use. */
export const processors = (): number => availableParallelism()

/** Only WebGPU's provider can be told which nodes it shall not take. */
const providerOf = (device: string, onProcessor: readonly string[]) =>
  onProcessor.length === 0 ? device : { name: device, forceCpuNodeNames: onProcessor }

/** Passes of ONNX Runtime (1.30) that break graphs, or compute something else than they say (the rule: passes/index.ts). */
const unwanted = [
  // It breaks graphs with 1 / a * (b + 0): it looks for a node that another pass has taken out.
  'DivMulFusion',
  // x + 0 is not x where x is -0.
  'NoopElimination',
  // (c A) B is not c (A B), nor x * (c F) the c-fold of x * F, where A B or c F overflows.
  'MatMulScaleFusion',
  'ConvMulFusion',
]

/**
 * A session for the bytes of a model, or for a file, whose constants are read where they lie: those that are used as they are stay
 * there, mapped into memory.
 */
export function createSession(
  model: Uint8Array | string,
  { threads, device, onProcessor = [], resident = [] }: SessionOptions,
): NativeSession {
  const session = new (binding(device).InferenceSession)()
  const isFile = typeof model === 'string'
  const options = {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    // 'all' adds layouts for inference of convolutions, which were never faster here.
    graphOptimizationLevel: 'extended',
    // Memory that large constants leave when they are packed goes back at once, not to an arena.
    ...(isFile && { enableCpuMemArena: false }),
    extra: {
      optimization: { disable_specified_optimizers: unwanted.join(';') },
      ...(isFile && { session: { use_device_allocator_for_initializers: '1' } }),
    },
    logSeverityLevel: 4,
    ...(device === 'cpu' ? {} : { executionProviders: [providerOf(device, onProcessor), 'cpu'] }),
    ...(resident.length === 0
      ? {}
      : { preferredOutputLocation: Object.fromEntries(resident.map((name) => [name, 'gpu-buffer'])) }),
  }
  if (isFile) session.loadModel(model, options)
  else session.loadModel(model.buffer, model.byteOffset, model.byteLength, options)
  return session
}

/** Execution providers that this build of ONNX Runtime carries. */
export function devices(): { name: string; bundled: boolean }[] {
  return binding().listSupportedBackends()
}
