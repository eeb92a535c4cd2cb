import type { Attributes } from '../emitters/kernel.js'
import type { Value } from '../graph/graph.js'
import type { Call, KernelGraph } from './kernel-graph.js'

/** Calls of kernels in a row that are written in a shorter way than each by itself. */
export interface Fusion<A extends Attributes = Attributes> {
  /** The kernel of the call that ends the pattern. */
  readonly kernel: string
  /** Writes that call. `undefined` where those before it make no such pattern: it must then have added no nodes. */
  write(call: Call<A>, g: KernelGraph): Value | undefined
}
