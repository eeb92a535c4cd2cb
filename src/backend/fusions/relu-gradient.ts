import type * as tf from '@tensorflow/tfjs'
import { isFloat } from '../emitters/kernel.js'
import { maxGradient } from '../emitters/pooling.js'
import { infoOf, isSmallTiled, largestOf, tilesOf } from '../emitters/tiles.js'
import { sameShape, type Value } from '../graph/graph.js'
import type { Fusion } from './fusion.js'
import type { Call, KernelGraph } from './kernel-graph.js'
import { maybeTiledGradient } from './pooled.js'

/** The attribute of a `Step` that is part of relu's gradient (tfjs/gradients.ts). */
export const ofRelu = 'ofRelu'

/** dy and x of dy times `step(x)`, where that is a relu's gradient. */
function gradientIn({ inputs }: Call, g: KernelGraph): { dy: Value; x: Value } | undefined {
  const { a: dy, b: step } = inputs as { a: Value; b: Value }
  const call = g.madeBy<{ [ofRelu]?: boolean }>('Step', step)
  const x = call?.inputs.x
  if (!x || !call.attributes[ofRelu] || !isFloat(dy) || !sameShape(x.shape, dy.shape)) return undefined
  return { dy, x }
}

/** One choice, as in other frameworks. (Where x is not positive the gradient is 0 also for a dy that is not finite.) */
export const reluGradient: Fusion = {
  kernel: 'Multiply',
  write(call, g) {
    const found = gradientIn(call, g)
    if (!found) return undefined
    return g.where(g.binary('LessOrEqual', found.x, g.scalar(0), 'bool'), g.scalar(0), found.dy)
  },
}

/**
 * The gradient through a relu whose output went into a max pooling: `dy` of the pooling is masked where the pooled value
 * is 0, before it is spread over the windows. The one that was largest in its window is positive exactly where the pooled value is.
 */
export const pooledReluGradient: Fusion = {
  kernel: 'Multiply',
  write(call, g) {
    const found = gradientIn(call, g)
    const pooling = found && g.madeBy<tf.MaxPoolGradAttrs>('MaxPoolGrad', found.dy)
    if (!pooling) return undefined
    const { dy, input } = pooling.inputs as { dy: Value; input: Value }
    const info = infoOf(input.shape, pooling.attributes)
    if (g.madeBy('Relu', input)?.inputs.x !== found.x || !isSmallTiled(info)) return undefined
    const gradient = maybeTiledGradient(g, dy, input, info, true)
    if (gradient) return gradient
    const largest = largestOf(g, tilesOf(g, input, info))
    const dead = g.binary('LessOrEqual', largest, g.scalar(0), 'bool')
    return maxGradient(g, g.where(dead, g.scalar(0), dy), input, info)
  },
}
