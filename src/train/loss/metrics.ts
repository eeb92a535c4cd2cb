import * as tf from '@tensorflow/tfjs'
import { InputError } from '../../errors.js'
import { losses } from './losses.js'
import type { Task } from './task.js'

/** The names of metrics, for completion; `metrics` has what they mean. */
export type MetricName =
  | 'accuracy'
  | 'top3Accuracy'
  | 'top5Accuracy'
  | 'meanSquaredError'
  | 'rootMeanSquaredError'
  | 'meanAbsoluteError'
  | 'perplexity'

/** What a metric is asked about. Shapes are those of one example. */
export interface Asked {
  task: Task
  loss: string
  y: readonly number[]
  predicted: readonly (number | null)[]
}

/**
 * A metric by name: one row each. `perExample` gives [batch]; the metric is their mean, finished by `finish` where it
 * is not a mean by itself. A metric of one's own has the same shape.
 */
export interface Metric<Name extends string = string> {
  readonly name: Name
  /** The output that it is of, where there are several; `base` is the metric before it was one of an output. */
  readonly output?: string
  readonly base?: Metric
  /**
   * `predicted`: probabilities where the loss is a cross-entropy, else the model's outputs; `losses`: by example; `task`: what
   * the predictions answer.
   */
  perExample(expected: tf.Tensor, predicted: tf.Tensor, losses: tf.Tensor1D, task?: Task): tf.Tensor
  finish?(mean: number): number
  /** What each example counts in the mean, [batch]: e.g. its bytes, where the metric is by byte. Default: all alike. */
  weight?(expected: tf.Tensor): tf.Tensor
  /** Whether losses say all, so that a model without predictions has it too: `predicted` is then the mean loss. */
  readonly ofLosses?: boolean
  /** Whether larger is better; a rule that waits for a metric asks. */
  readonly larger: boolean
  /** Why it means nothing here, where it does not, and what would help. */
  refuses?(asked: Asked): { why: string; fix: string } | undefined
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
  if (isOneHot(expected, predicted)) return expected.reshape(predicted.shape).argMax(-1)
  return expected.toInt().reshape(predicted.shape.slice(0, -1))
}

/** Keras's categorical and sparse categorical accuracy; its binary accuracy where each output is yes or no by itself. */
function correct(expected: tf.Tensor, predicted: tf.Tensor, task: Task | undefined): tf.Tensor {
  const isBinary = task === undefined ? predicted.rank < 2 || predicted.shape.at(-1) === 1 : task === 'binary'
  if (isBinary) return predicted.greater(0.5).equal(expected.reshape(predicted.shape).greater(0.5))
  return predicted.argMax(-1).toInt().equal(classOf(expected, predicted))
}

function difference(expected: tf.Tensor, predicted: tf.Tensor): tf.Tensor {
  return predicted.sub(expected.toFloat().reshape(predicted.shape))
}

/** As Keras has it: outputs that are equal to that of the right class do not push it out, and NaN is in no top. */
function withinTop(k: number): Metric['perExample'] {
  return (expected, predicted) => {
    const width = predicted.shape.at(-1)!
    const hot = tf.oneHot(classOf(expected, predicted).toInt(), width).toBool()
    const own = tf.where(hot, predicted, 0).sum(-1, true)
    return meanOfExample(predicted.lessEqual(own).logicalNot().toFloat().sum(-1).less(k))
  }
}

const byTask: { readonly [task in Task]: string } = {
  multiclass: 'one class of several',
  binary: 'yes or no by each output',
  regression: 'numbers',
}

function needsTask(...tasks: Task[]): Metric['refuses'] {
  return ({ task, loss }) => {
    if (tasks.includes(task)) return undefined
    const wanted = tasks.map((one) => byTask[one]).join(', or ')
    const fix =
      loss === 'hinge'
        ? 'A hinge decides at 0: metrics: [function accuracy(y, p) { return p.greater(0).equal(y.greater(0)) }].'
        : task === 'regression'
          ? "For numbers there are 'meanAbsoluteError' and 'rootMeanSquaredError'. For classes let the model end in softmax or sigmoid, with a cross-entropy as loss; of a model of your own say { classes }. Or write (expected, predicted) => [batch]."
          : "Use 'accuracy', or a function (expected, predicted) => [batch]."
    return { why: `predictions of ${byTask[task]} (loss ${loss})`, fix: `It is made for ${wanted}. ${fix}` }
  }
}

const sizeOf = (shape: readonly (number | null)[]) => shape.reduce<number>((a, b) => a * (b ?? 1), 1)

const needsValues: Metric['refuses'] = ({ y, predicted }) => {
  if (predicted.includes(null) || sizeOf(y) === sizeOf(predicted)) return undefined
  return {
    why: `y of shape [${y.join(', ')}] for predictions of shape [${predicted.join(', ')}]`,
    fix: "It takes a value of y for each output: one-hot rows, not class indices. For these there is 'accuracy'.",
  }
}

const needsEntropy: Metric['refuses'] = ({ loss }) =>
  !losses.has(loss) || /categoricalCrossentropy/i.test(loss)
    ? undefined
    : {
        why: `the loss ${loss}`,
        fix: 'It is e to the mean cross-entropy over classes: it goes with sparseCategoricalCrossentropy and categoricalCrossentropy.',
      }

const table: readonly Metric[] = [
  {
    name: 'accuracy',
    larger: true,
    refuses: needsTask('multiclass', 'binary'),
    perExample: (expected, predicted, _losses, task) => meanOfExample(correct(expected, predicted, task)),
  },
  { name: 'top3Accuracy', larger: true, refuses: needsTask('multiclass'), perExample: withinTop(3) },
  { name: 'top5Accuracy', larger: true, refuses: needsTask('multiclass'), perExample: withinTop(5) },
  {
    name: 'meanSquaredError',
    larger: false,
    refuses: needsValues,
    perExample: (expected, predicted) => meanOfExample(difference(expected, predicted).square()),
  },
  {
    name: 'rootMeanSquaredError',
    larger: false,
    refuses: needsValues,
    perExample: (expected, predicted) => meanOfExample(difference(expected, predicted).square()),
    finish: Math.sqrt,
  },
  {
    name: 'meanAbsoluteError',
    larger: false,
    refuses: needsValues,
    perExample: (expected, predicted) => meanOfExample(difference(expected, predicted).abs()),
  },
  {
    name: 'perplexity',
    larger: false,
    ofLosses: true,
    refuses: needsEntropy,
    perExample: (_expected, _predicted, losses) => losses,
    finish: Math.exp,
  },
]

/** A metric of one of several outputs, named as Keras names it: `price_meanAbsoluteError`. */
export function ofOutput(metric: Metric, output: string): Metric {
  return { ...metric, name: `${output}_${metric.name}`, output, base: metric }
}

export const metrics: ReadonlyMap<string, Metric> = new Map(table.map((metric) => [metric.name, metric]))

/** Refuses what would be a number without a meaning. */
export function checkMetric(metric: Metric, asked: Asked, where: string): void {
  const refused = metric.refuses?.(asked)
  if (refused)
    throw new InputError({
      where,
      received: `'${metric.name}' for ${refused.why}`,
      expected: 'a metric that means something for these predictions',
      fix: refused.fix,
    })
}
