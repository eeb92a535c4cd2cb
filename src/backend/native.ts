import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import type { ElementType, Elements } from './onnx/types.js'

/** What the native binding reads of a tensor; onnxruntime-common's class does more checks than a step can afford. */
export interface NativeTensor {
  type: ElementType
  data: Elements
  dims: readonly number[]
  location: 'cpu'
}

export type NativeTensors = { [name: string]: NativeTensor }

export interface NativeSession {
  loadModel(buffer: ArrayBufferLike, offset: number, length: number, options: object): void
  /** Runs at once, on this thread and the session's own, into the `fetches` that hold data. */
  run(feeds: NativeTensors, fetches: { [name: string]: NativeTensor | null }, options: object): NativeTensors
  dispose(): void
}

interface Binding {
  InferenceSession: new () => NativeSession
}

let loaded: Binding | undefined

/**
 * onnxruntime-node's native part. Its public `run` is the same call wrapped in `setImmediate`, of which `dataSync()` could
 * make nothing; so the internal path is used, and the version pinned.
 */
function binding(): Binding {
  if (loaded) return loaded
  const require = createRequire(import.meta.url)
  const native = require('onnxruntime-node/dist/binding.js') as { binding: Binding; initOrt(): void }
  native.initOrt()
  return (loaded = native.binding)
}

export interface SessionOptions {
  threads: number
  /** Where the graph runs; 'cpu' unless `setDevice` said otherwise. */
  device: string
}

/** Threads that a session uses unless told otherwise: one for each processor that this process may use. */
export const processors = (): number => availableParallelism()

/** A session for the bytes of a model. */
export function createSession(model: Uint8Array, { threads, device }: SessionOptions): NativeSession {
  const session = new (binding().InferenceSession)()
  session.loadModel(model.buffer, model.byteOffset, model.byteLength, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    // 'all' adds layouts for inference of convolutions, which were never faster here.
    graphOptimizationLevel: 'extended',
    logSeverityLevel: 4,
    ...(device === 'cpu' ? {} : { executionProviders: [device, 'cpu'] }),
  })
  return session
}

/** Execution providers that this build of ONNX Runtime carries. */
export function devices(): { name: string; bundled: boolean }[] {
  const native = binding() as unknown as { listSupportedBackends(): { name: string; bundled: boolean }[] }
  return native.listSupportedBackends()
}
