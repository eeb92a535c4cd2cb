import type { Graph, Value } from '../graph.js'
import { isFloat, type Emitters } from './kernel.js'

/** Sums over the channels within `radius` of each channel; the last axis is the channels. */
function sumOfNeighbours(g: Graph, x: Value, radius: number): Value {
  const channels = x.shape.at(-1)!
  const zeros = x.shape.slice(1).map((): [number, number] => [0, 0])
  // Running sums: the sum of a stretch is the difference of two of them.
  const running = g.node('CumSum', [x, g.constant([x.shape.length - 1], [], 'int64')], x.shape, x.type)
  const padded = g.pad(running, [...zeros, [1, 0]])
  const at = (offset: number) =>
    g.gather(
      padded,
      g.whole(
        Array.from({ length: channels }, (_, channel) => Math.min(Math.max(channel + offset, 0), channels)),
      ),
      x.shape.length - 1,
    )
  return g.sub(at(radius + 1), at(-radius))
}

export const normalization: Emitters = {
  FusedBatchNorm({ x, mean, variance, offset, scale }, { varianceEpsilon }, g) {
    if (!isFloat(x, mean, variance, offset, scale)) return undefined
    const deviation = g.unary('Sqrt', g.add(variance!, g.scalar(varianceEpsilon)))
    const factor = scale ? g.div(scale, deviation) : g.unary('Reciprocal', deviation)
    const scaled = g.mul(g.sub(x!, mean!), factor)
    return offset ? g.add(scaled, offset) : scaled
  },
  LRN({ x }, { depthRadius, bias, alpha, beta }, g) {
    if (!isFloat(x)) return undefined
    const sum = sumOfNeighbours(g, g.mul(x!, x!), depthRadius)
    const norm = g.add(g.mul(sum, g.scalar(alpha)), g.scalar(bias))
    return g.mul(x!, g.binary('Pow', norm, g.scalar(-beta)))
  },
  LRNGrad({ x, y, dy }, { depthRadius, bias, alpha, beta }, g) {
    if (!isFloat(x, y, dy)) return undefined
    const sum = sumOfNeighbours(g, g.mul(x!, x!), depthRadius)
    const norm = g.add(g.mul(sum, g.scalar(alpha)), g.scalar(bias))
    const own = g.mul(dy!, g.binary('Pow', norm, g.scalar(-beta)))
    const shared = sumOfNeighbours(g, g.div(g.mul(dy!, y!), norm), depthRadius)
    return g.sub(own, g.mul(g.mul(x!, shared), g.scalar(2 * alpha * beta)))
  },
}
