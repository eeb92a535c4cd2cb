import * as tf from '@tensorflow/tfjs'

/**
 * Gradients of reductions without an array of ones. tfjs spreads the gradient of a sum over what was summed by a product with
 * ones that JavaScript writes anew each time, a fifth of the time in which a small GPT's lazy step is recorded. Here it is tfjs's
 * own kernel of that name, which no other backend has; the numbers are the same.
 */

type Attributes = { axis: number | number[] }

/** `dy` at every place of `shape` that a reduction over `axes` took together, each divided by `count`. */
function spread(dy: tf.Tensor, shape: readonly number[], axes: readonly number[], mean: boolean): tf.Tensor {
  const kept = shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
  const count = axes.reduce((product, axis) => product * shape[axis]!, 1)
  const expanded = dy.reshape(kept)
  const x = mean ? expanded.div(count) : expanded
  return tf.engine().runKernel('BroadcastTo', { x }, { shape: [...shape], inputShape: kept } as {})
}

/** Replaces tfjs's gradients where this backend computes; others keep theirs. */
export function registerGradients(backendName: string): void {
  for (const [kernelName, mean] of [
    ['Sum', false],
    ['Mean', true],
  ] as const) {
    const original = tf.getGradient(kernelName)
    tf.registerGradient({
      ...original,
      gradFunc(dy, saved, attributes) {
        if (tf.getBackend() !== backendName) return original.gradFunc(dy, saved, attributes)
        const { shape } = saved[0]!
        const axes = tf.util.parseAxisParam((attributes as unknown as Attributes).axis, shape)
        return { x: () => spread(dy as tf.Tensor, shape, axes, mean) }
      },
    })
  }
}
