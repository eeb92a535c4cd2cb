import * as tf from '@tensorflow/tfjs'
import { SigmoidComplement } from '../emitters/exponential.js'
import { ofRelu } from '../fusions/relu-gradient.js'

/**
 * Gradients that are not tfjs's own. Of reductions without an array of ones: tfjs spreads the gradient of a sum over what was summed by a product with
 * ones that JavaScript writes anew each time, a fifth of the time in which a small GPT's lazy step is recorded. Here it is tfjs's
 * own kernel of that name, which no other backend has; the numbers are the same. Of sigmoid and elu from x: of a result that float32
 * has rounded to 1 or -1 no slope is left. Of relu with a mark that `mul(dy, step(x))` is a gradient.
 */

type Attributes = { axis: number | number[] }

const run = (kernel: string, inputs: { [name: string]: tf.Tensor }, attributes = {}): tf.Tensor =>
  tf.engine().runKernel(kernel, inputs, attributes)

/** `dy` at every place of `shape` that a reduction over `axes` took together, each divided by `count`. */
function spread(dy: tf.Tensor, shape: readonly number[], axes: readonly number[], mean: boolean): tf.Tensor {
  const kept = shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
  const count = axes.reduce((product, axis) => product * shape[axis]!, 1)
  const expanded = dy.reshape(kept)
  const x = mean ? expanded.div(count) : expanded
  return run('BroadcastTo', { x }, { shape: [...shape], inputShape: kept })
}

type Gradient = (dy: tf.Tensor, saved: tf.Tensor[], attributes: Attributes) => tf.Tensor

/** All of it from x, so that it has a gradient too: of a saved result tfjs has none. In a graph what is made twice is made once. */
const slopeOfSigmoid = (x: tf.Tensor) => x.sigmoid().mul(run(SigmoidComplement, { x }))

/** 1 where x is above 0. */
const step = (x: tf.Tensor) => run('Step', { x }, { alpha: 0, [ofRelu]: true })

const ofReduction =
  (mean: boolean): Gradient =>
  (dy, [x], { axis }) =>
    spread(dy, x!.shape, tf.util.parseAxisParam(axis, x!.shape), mean)

/** The gradient by x, of x. */
const gradients: { readonly [kernel: string]: Gradient } = {
  Sum: ofReduction(false),
  Mean: ofReduction(true),
  Sigmoid: (dy, [x]) => dy.mul(slopeOfSigmoid(x!)),
  Elu: (dy, [x]) => dy.mul(x!.minimum(0).exp()),
  Relu: (dy, [x]) => dy.mul(step(x!)),
  Relu6: (dy, [x]) => dy.mul(x!.lessEqual(6).mul(step(x!))),
}

/** Replaces tfjs's gradients where this backend computes; others keep theirs. */
export function registerGradients(backendName: string): void {
  for (const [kernelName, gradient] of Object.entries(gradients)) {
    const original = tf.getGradient(kernelName)
    const takesX = original.inputsToSave?.includes('x') ?? false
    tf.registerGradient({
      ...original,
      inputsToSave: ['x'],
      gradFunc(dy, saved, attributes) {
        if (tf.getBackend() === backendName)
          return { x: () => gradient(dy as tf.Tensor, saved, attributes as unknown as Attributes) }
        return original.gradFunc(dy, takesX ? saved : saved.slice(1), attributes)
      },
    })
  }
  tf.registerGradient({
    kernelName: SigmoidComplement,
    inputsToSave: ['x'],
    gradFunc: (dy, [x]) => ({ x: () => (dy as tf.Tensor).mul(slopeOfSigmoid(x!)).neg() }),
  })
}
