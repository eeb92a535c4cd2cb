// The smaller works: keras.io's MNIST convnet and a perceptron, trained with tfjs's own layers and Adam.
import * as tf from '@tensorflow/tfjs'

const numbers = (size, seed) => {
  const values = new Float32Array(size)
  for (let at = 0; at < size; at++) values[at] = ((at * 7919 + seed * 104729) % 1009) / 1009
  return values
}

/** 32 and 64 filters of 3 x 3, pooling after each, dropout left out in all peers, dense 10; batch 128. */
export function convnet() {
  const { conv2d, maxPooling2d, flatten, dense } = tf.layers
  const model = tf.sequential({
    layers: [
      conv2d({ inputShape: [28, 28, 1], filters: 32, kernelSize: 3, activation: 'relu' }),
      maxPooling2d({ poolSize: 2 }),
      conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
      maxPooling2d({ poolSize: 2 }),
      flatten(),
      dense({ units: 10 }),
    ],
  })
  const x = tf.tensor(numbers(128 * 784, 1), [128, 28, 28, 1])
  const y = tf.oneHot(
    tf.tensor1d(
      Int32Array.from({ length: 128 }, (_, at) => at % 10),
      'int32',
    ),
    10,
  )
  const loss = (a, b) => tf.losses.softmaxCrossEntropy(b, model.apply(a, { training: true }))
  return { x, y, loss }
}

/** 2-32-32-1 with tanh, batch 64; the model too, for a run of it. */
export function perceptron() {
  const { dense } = tf.layers
  const model = tf.sequential({
    layers: [
      dense({ inputShape: [2], units: 32, activation: 'tanh' }),
      dense({ units: 32, activation: 'tanh' }),
      dense({ units: 1 }),
    ],
  })
  const x = tf.tensor(numbers(128, 1), [64, 2])
  const y = tf.tensor(numbers(64, 2), [64, 1])
  return { x, y, model, loss: (a, b) => model.apply(a).sub(b).square().mean() }
}

/** Forward, backward and Adam. */
export function stepOf({ loss }) {
  const optimizer = tf.train.adam(1e-3)
  return (x, y) => optimizer.minimize(() => loss(x, y), true)
}
