import * as tf from '@tensorflow/tfjs'
import type { Dataset } from '../../data/dataset.js'
import { InputError } from '../../errors.js'
import { Aligned } from '../loss/aligned.js'
import { checkMetric, metrics as known, type Metric } from '../loss/metrics.js'
import { taskOfData, type Task } from '../loss/task.js'
import type { Pass, Trainee } from './trainee.js'

/** A model, and what is measured of it. */
interface Looked {
  trainee: Trainee
  settings: { metrics: readonly Metric[] }
}

/** What the predictions of a model answer on this data. */
function taskOf({ taskOf, classes }: Trainee, data: Dataset, predicted: readonly (number | null)[]): Task {
  return taskOf?.(data) ?? (classes === undefined ? taskOfData(data, predicted) : 'multiclass')
}

/** Refuses metrics that mean nothing for this model and data, before anything is computed. */
export function checkMetrics({ trainee, settings }: Looked, data: Dataset, where: string): void {
  const { outputs: predicted, lossName: loss } = trainee
  if (!predicted) return
  for (const metric of settings.metrics)
    checkMetric(metric, { task: taskOf(trainee, data, predicted), loss, y: data.y.shape, predicted }, where)
}

const aligned = new WeakMap<Metric, Aligned>()

function alignedOf(metric: Metric): Aligned {
  let one = aligned.get(metric)
  if (!one) aligned.set(metric, (one = new Aligned(metric, `the metric ${metric.name}`)))
  return one
}

/** A metric over a batch: its mean, and what that counts beside those of other batches. */
export interface Measured {
  mean: number
  weight: number
}

/** Of each metric the mean over a batch. */
export function measure(
  { trainee, settings }: Looked,
  data: Dataset,
  y: tf.Tensor,
  pass: Pass,
  predictions: tf.Tensor | undefined,
): { [metric: string]: Measured } {
  const count = y.shape[0] ?? 1
  const means: { [metric: string]: Measured } = {}
  if (settings.metrics.length === 0) return means
  const losses = pass.losses ?? (tf.fill([count], 0).add(pass.loss) as tf.Tensor1D)
  const shape = predictions?.shape.slice(1)
  const task = shape && taskOf(trainee, data, shape)
  for (const metric of settings.metrics) {
    const { name } = metric
    const isKnown = known.get(name) === metric
    if (!predictions && !metric.ofLosses) throw needsPredictions(name)
    if (isKnown && task) {
      const asked = { task, loss: trainee.lossName, y: data.y.shape, predicted: shape! }
      checkMetric(metric, asked, 'run.evaluate()')
    }
    const given = predictions ?? pass.loss
    const perExample = (y: tf.Tensor) => metric.perExample(y, given, losses, task)
    const values = isKnown || metric.ofLosses ? perExample(y) : alignedOf(metric).call(y, given, perExample)
    means[name] = measured(values, count, name, metric.weight?.(y))
  }
  return means
}

function measured(values: tf.Tensor, count: number, name: string, weights?: tf.Tensor): Measured {
  if (values.size !== 1 && values.shape[0] !== count)
    throw new InputError({
      where: `the metric ${name}`,
      received: `values of shape [${values.shape.join(', ')}] for ${count} examples`,
      expected: 'its value for each example, [batch]',
    })
  if (!weights) return { mean: mean(values.dataSync()), weight: count }
  const [ofExample, counts] = [values.dataSync(), weights.dataSync()]
  let [sum, weight] = [0, 0]
  for (let i = 0; i < counts.length; i++) {
    sum += ofExample[i]! * counts[i]!
    weight += counts[i]!
  }
  return { mean: weight > 0 ? sum / weight : 0, weight }
}

/** In double precision and in order, so that it does not depend on how a backend adds. */
export function mean(values: ArrayLike<number>): number {
  let total = 0
  for (let i = 0; i < values.length; i++) total += values[i]!
  return total / values.length
}

function needsPredictions(name: string): InputError {
  return new InputError({
    where: `the metric ${name}`,
    received: 'a model that gives no predictions',
    expected: 'predictions, to compare with y',
    fix: 'Give the model a function predict: (x) => …, or let its loss return { loss, predictions }.',
  })
}
