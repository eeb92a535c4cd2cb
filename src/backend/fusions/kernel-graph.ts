import type { Attributes, Inputs } from '../emitters/kernel.js'
import { Graph, type Value } from '../graph/graph.js'
import type { Pooled, TiledGradient } from './tiled.js'

/** One call of a kernel, its inputs as values of the graph. */
export interface Call<A extends Attributes = Attributes> {
  readonly kernel: string
  readonly inputs: Inputs
  readonly attributes: A
}

/** A graph that grows call by call, and knows which call made a value: what fusions look back on. */
export class KernelGraph extends Graph {
  /** Convolutions that are made in the tiles of a pooling, by what goes into the pooling. */
  readonly pooled = new Map<Value, Pooled[]>()
  /** Gradients of such convolutions, by the value that is all of it in one piece. */
  readonly tiledGradients = new Map<Value, TiledGradient>()
  private readonly calls = new Map<Value, Call>()

  /** Notes that this call made a value. */
  remember(value: Value, call: Call): void {
    if (!this.calls.has(value)) this.calls.set(value, call)
  }

  /** The call that made a value, if it was one of this kernel, whose attributes are `A`. */
  madeBy<A extends Attributes = Attributes>(kernel: string, value: Value): Call<A> | undefined {
    const call = this.calls.get(value)
    return call?.kernel === kernel ? (call as Call<A>) : undefined
  }
}
