import { largestOf } from '../emitters/tiles.js'
import type { Graph, Value } from '../graph/graph.js'

/** 1 where `x` is above 0, 0 where it is 0. (Below 2 ** -127 it is in between: of a lead that small both get a share.) */
export const isAbove = (g: Graph, x: Value): Value =>
  g.unary('HardSigmoid', x, { alpha: { float: 2 ** 127 }, beta: { float: 0 } })

/**
 * The gradient for each tile: all of `dy` for the first of the largest. Half against half, by products and differences: on
 * floats ONNX Runtime's `Where` and `Cast` take one thread and several passes.
 */
export function shareOut(g: Graph, tiles: readonly Value[], largest: Value, dy: Value): Value[] {
  if (tiles.length === 1) return [dy]
  const half = Math.ceil(tiles.length / 2)
  const [first, second] = [tiles.slice(0, half), tiles.slice(half)]
  const leading = largestOf(g, first)
  const lost = g.mul(dy, isAbove(g, g.sub(largest, leading)))
  const kept = g.sub(dy, lost)
  return [...shareOut(g, first, leading, kept), ...shareOut(g, second, largestOf(g, second), lost)]
}
