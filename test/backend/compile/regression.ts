import * as tf from '@tensorflow/tfjs'

/** Inputs of the regression, and its targets. */
export const x = () => tf.randomNormal([16, 4], 0, 1, 'float32', 1)
export const y = () => tf.randomNormal([16, 1], 0, 1, 'float32', 2)

let count = 0

/** A small regression: its variables, its loss, and their values. */
export function regression() {
  const w = tf.variable(tf.randomNormal([4, 1], 0, 1, 'float32', 3), true, `w${++count}`)
  const b = tf.variable(tf.zeros([1]), true, `b${count}`)
  const loss = (inputs: tf.Tensor, targets: tf.Tensor) =>
    inputs
      .matMul(w as unknown as tf.Tensor2D)
      .add(b)
      .tanh()
      .sub(targets)
      .square()
      .mean() as tf.Scalar
  return { w, b, loss, values: () => [...w.dataSync(), ...b.dataSync()] }
}
