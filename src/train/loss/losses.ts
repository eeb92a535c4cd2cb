import * as tf from '@tensorflow/tfjs'

/** The names of losses, for completion; `losses` has what they mean. */
export type LossName =
  | 'sparseCategoricalCrossentropy'
  | 'categoricalCrossentropy'
  | 'binaryCrossentropy'
  | 'meanSquaredError'
  | 'meanAbsoluteError'
  | 'huber'
  | 'logCosh'
  | 'hinge'
  | 'kullbackLeiblerDivergence'
  | 'poisson'

/**
 * A loss by name: one row each. `perExample` gives a value for each example, [batch], whatever the rank of the
 * outputs: positions within an example (the tokens of a text, the pixels of an image) are averaged.
 */
export interface Loss {
  readonly name: LossName
  /** The activation a model of this loss ends in. One that does is taken back to its logits, which lose no digits. */
  readonly activation?: 'softmax' | 'sigmoid'
  /** What y is: a class index, a row as wide as the outputs, or values of the outputs' shape. */
  readonly target: 'index' | 'distribution' | 'values'
  /** The least and the largest value that y may have, where the loss means nothing beyond. */
  readonly range?: readonly [number, number]
  /** `outputs` are logits where the row names an activation and `logits` is true, else the model's outputs. */
  perExample(expected: tf.Tensor, outputs: tf.Tensor, logits: boolean): tf.Tensor1D
}

/** Smallest probability whose logarithm is taken, where a model gives probabilities that cannot be taken back. */
const smallest = 1e-7

function meanOfExample(values: tf.Tensor): tf.Tensor1D {
  return (values.rank <= 1 ? values.flatten() : values.reshape([values.shape[0]!, -1]).mean(1)) as tf.Tensor1D
}

function logProbabilities(outputs: tf.Tensor, logits: boolean): tf.Tensor {
  return logits ? tf.logSoftmax(outputs) : outputs.clipByValue(smallest, 1).log()
}

function classIndices(expected: tf.Tensor, outputs: tf.Tensor): tf.Tensor {
  const places = outputs.shape.slice(0, -1)
  return (expected.dtype === 'int32' ? expected : expected.toInt()).reshape(places)
}

function like(expected: tf.Tensor, outputs: tf.Tensor): tf.Tensor {
  const values = expected.dtype === 'float32' ? expected : expected.toFloat()
  return values.reshape(outputs.shape)
}

function elementwise(name: LossName, of: (difference: tf.Tensor) => tf.Tensor): Loss {
  return {
    name,
    target: 'values',
    perExample: (expected, outputs) => meanOfExample(of(outputs.sub(like(expected, outputs)))),
  }
}

const table: readonly Loss[] = [
  {
    name: 'sparseCategoricalCrossentropy',
    activation: 'softmax',
    target: 'index',
    perExample(expected, outputs, logits) {
      const hot = tf.oneHot(classIndices(expected, outputs), outputs.shape.at(-1)!)
      return meanOfExample(logProbabilities(outputs, logits).mul(hot.toFloat()).sum(-1).neg())
    },
  },
  {
    name: 'categoricalCrossentropy',
    activation: 'softmax',
    target: 'distribution',
    range: [0, 1],
    perExample: (expected, outputs, logits) =>
      meanOfExample(logProbabilities(outputs, logits).mul(like(expected, outputs)).sum(-1).neg()),
  },
  {
    name: 'binaryCrossentropy',
    activation: 'sigmoid',
    target: 'values',
    range: [0, 1],
    perExample(expected, outputs, logits) {
      const y = like(expected, outputs)
      if (logits) {
        // max(z, 0) - z y + log(1 + exp(-|z|)): the form that overflows for no z.
        const z = outputs
        return meanOfExample(z.relu().sub(z.mul(y)).add(z.abs().neg().exp().log1p()))
      }
      const p = outputs.clipByValue(smallest, 1 - smallest)
      return meanOfExample(
        y
          .mul(p.log())
          .add(tf.sub(1, y).mul(tf.sub(1, p).log()))
          .neg(),
      )
    },
  },
  elementwise('meanSquaredError', (difference) => difference.square()),
  elementwise('meanAbsoluteError', (difference) => difference.abs()),
  elementwise('huber', (difference) => {
    // Huber 1964 with delta 1: d^2 / 2 near zero, |d| - 1/2 beyond.
    const size = difference.abs()
    const near = size.minimum(1)
    return near.square().mul(0.5).add(size.sub(near))
  }),
  elementwise('logCosh', (difference) => difference.add(difference.mul(-2).softplus()).sub(Math.log(2))),
  {
    name: 'hinge',
    target: 'values',
    // y of 0 or 1 is read as -1 or 1, as Keras does.
    perExample(expected, outputs) {
      const y = like(expected, outputs)
      const sign = tf.where(y.lessEqual(0), tf.onesLike(y).neg(), tf.onesLike(y))
      return meanOfExample(tf.sub(1, sign.mul(outputs)).relu())
    },
  },
  {
    name: 'kullbackLeiblerDivergence',
    activation: 'softmax',
    target: 'distribution',
    range: [0, 1],
    perExample(expected, outputs, logits) {
      const y = like(expected, outputs)
      const entropy = y.mul(y.clipByValue(smallest, 1).log()).sum(-1)
      return meanOfExample(entropy.sub(y.mul(logProbabilities(outputs, logits)).sum(-1)))
    },
  },
  {
    name: 'poisson',
    target: 'values',
    range: [0, Infinity],
    perExample(expected, outputs) {
      const y = like(expected, outputs)
      return meanOfExample(outputs.sub(y.mul(outputs.add(smallest).log())))
    },
  },
]

export const losses: ReadonlyMap<string, Loss> = new Map<string, Loss>(table.map((loss) => [loss.name, loss]))
