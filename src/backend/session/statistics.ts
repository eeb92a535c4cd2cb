export interface BackendStatistics {
  /** How often each tfjs kernel ran in ONNX Runtime and on the host. */
  kernels: { [kernel: string]: { onnx: number; host: number } }
  /** Sessions that were built: graphs that were not seen before. */
  sessions: number
  /** Runs of a graph. */
  flushes: number
}

let counts: BackendStatistics = { kernels: {}, sessions: 0, flushes: 0 }

const countsOf = (kernel: string) => (counts.kernels[kernel] ??= { onnx: 0, host: 0 })

export const count = {
  host: (kernel: string): void => void countsOf(kernel).host++,
  onnx: (kernel: string, times: number): void => void (countsOf(kernel).onnx += times),
  session: (): void => void counts.sessions++,
  flush: (): void => void counts.flushes++,
}

/**
 * What the backend did since the last call of this function.
 *
 * @example const { sessions, flushes } = backendStatistics()
 */
export function backendStatistics(): BackendStatistics {
  const result = counts
  counts = { kernels: {}, sessions: 0, flushes: 0 }
  return result
}
