import type { Value } from '../onnx/model.js'
import type { Graph } from './graph.js'

/** Indices that a graph knows only when it runs: it takes what lies inside, and gives beside it the first that did not. */

/** What the numbers of an index may be: the i-th from 0 to below `sizes[i]`. */
export interface Bounds {
  /** The name of the input that has the indices, of which each has `sizes.length` numbers. */
  input: string
  sizes: readonly number[]
}

/** The indices of one kernel in a graph. */
export interface Guard extends Bounds {
  kernel: string
  shape: readonly number[]
  /** [1] int32 each: where the first number outside stands, or any number where none is, and that number. */
  position: Value
  index: Value
}

/** The indices with what is outside moved inside, for a kernel of a recording; the graph remembers to look. */
export function guardIndices(g: Graph, kernel: string, bounds: Bounds, indices: Value): Value {
  const { sizes } = bounds
  const last = sizes.map((size) => Math.min(size - 1, 2 ** 31 - 1))
  const highest = last.length === 1 ? g.scalar(last[0]!, 'int32') : g.constant(last, [last.length], 'int32')
  const inside = g.binary('Max', g.binary('Min', indices, highest), g.scalar(0, 'int32'))
  const same = g.cast(g.binary('Equal', indices, inside, 'bool'), 'int32')
  const position = g.node('ArgMin', [g.flat(same)], [1], 'int64', { axis: 0, keepdims: 1 })
  const index = g.gather(g.flat(indices), position, 0)
  g.guards.push({ ...bounds, kernel, shape: indices.shape, position: g.cast(position, 'int32'), index })
  return inside
}

/** All that the guards of a graph give, as one value [2 guards]; undefined where there are none. */
export function gatherGuards(g: Graph): Value | undefined {
  if (g.guards.length === 0) return undefined
  return g.concat(
    g.guards.flatMap(({ position, index }) => [position, index]),
    0,
  )
}
