import type { KernelGraph } from '../fusions/kernel-graph.js'
import type { Value } from '../graph/graph.js'
import type { Entry } from '../session/entry.js'

/** Where kernels are written down: the graph that waits to be flushed, or the trace of a function. */
export interface Recorder {
  readonly graph: KernelGraph
  /** The value that an entry from outside the graph has in it. */
  leafOf(entry: Entry): Value
  /** An entry was made for a value of the graph. */
  made(entry: Entry): void
  /** An entry was written by the host. */
  written(entry: Entry): void
  /** An entry is gone. */
  disposed(entry: Entry): void
  /** Whether the values of an entry are at hand, and may be used as numbers here. */
  isKnown(entry: Entry): boolean
  /** Throws when a kernel may not run on the host here, because its inputs have no values. */
  checkHost(kernel: string, inputs: readonly Entry[]): void
  /** Throws when the values of an entry may not be read here. */
  checkRead(entry: Entry): void
  /** Called before each kernel is recorded. */
  beforeKernel(): void
  afterKernel(): void
}
