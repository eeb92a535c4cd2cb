import * as tf from '@tensorflow/tfjs'

/** The names of metrics, for completion; `metrics` has what they mean. */
export type MetricName =
  | 'accuracy'
  | 'top3Accuracy'
  | 'top5Accuracy'
  | 'meanSquaredError'
  | 'rootMeanSquaredError'
  | 'meanAbsoluteError'
  | 'perplexity'

/**
 * A metric by name: one row each. `perExample` gives [batch]; the metric is their mean, finished by `finish` where it
 * is not a mean by itself. A metric of one's own has the same shape.
 */
export interface Metric {
  readonly name: string
  /** `predicted`: probabilities where the loss is a cross-entropy, else the model's outputs; `losses`: by example. */
  perExample(expected: tf.Tensor, predicted: tf.Tensor, losses: tf.Tensor1D): tf.Tensor
  finish?(mean: number): number
  /** Whether larger is better; a rule that waits for a metric asks. */
  readonly larger: boolean
}

function meanOfExample(values: tf.Tensor): tf.Tensor {
  const numbers = values.dtype === 'float32' ? values : values.toFloat()
  return numbers.rank <= 1 ? numbers.flatten() : numbers.reshape([numbers.shape[0]!, -1]).mean(1)
}

/** Whether y has a row for each output (one-hot) and not an index: told by its size. */
function isOneHot(expected: tf.Tensor, predicted: tf.Tensor): boolean {
  return expected.size === predicted.size && predicted.shape.at(-1)! > 1
}

function classOf(expected: tf.Tensor, predicted: tf.Tensor): tf.Tensor {
  if (isOneHot(expected, predicted)) return expected.argMax(-1)
  return expected.toInt().reshape(predicted.shape.slice(0, -1))
}

function correct(expected: tf.Tensor, predicted: tf.Tensor): tf.Tensor {
  if (predicted.shape.at(-1) === 1 || predicted.rank === 1)
    return predicted.greater(0.5).equal(expected.reshape(predicted.shape).greater(0.5))
  return predicted.argMax(-1).toInt().equal(classOf(expected, predicted))
}

function difference(expected: tf.Tensor, predicted: tf.Tensor): tf.Tensor {
  return predicted.sub(expected.toFloat().reshape(predicted.shape))
}

function withinTop(k: number): Metric['perExample'] {
  return (expected, predicted) => {
    const width = predicted.shape.at(-1)!
    const hot = tf.oneHot(classOf(expected, predicted).toInt(), width).toFloat()
    const own = predicted.mul(hot).sum(-1, true)
    return meanOfExample(predicted.greater(own).toFloat().sum(-1).less(k))
  }
}

const table: readonly Metric[] = [
  {
    name: 'accuracy',
    larger: true,
    perExample: (expected, predicted) => meanOfExample(correct(expected, predicted)),
  },
  { name: 'top3Accuracy', larger: true, perExample: withinTop(3) },
  { name: 'top5Accuracy', larger: true, perExample: withinTop(5) },
  {
    name: 'meanSquaredError',
    larger: false,
    perExample: (expected, predicted) => meanOfExample(difference(expected, predicted).square()),
  },
  {
    name: 'rootMeanSquaredError',
    larger: false,
    perExample: (expected, predicted) => meanOfExample(difference(expected, predicted).square()),
    finish: Math.sqrt,
  },
  {
    name: 'meanAbsoluteError',
    larger: false,
    perExample: (expected, predicted) => meanOfExample(difference(expected, predicted).abs()),
  },
  {
    name: 'perplexity',
    larger: false,
    perExample: (_expected, _predicted, losses) => losses,
    finish: Math.exp,
  },
]

export const metrics: ReadonlyMap<string, Metric> = new Map(table.map((metric) => [metric.name, metric]))
