import * as tf from '@tensorflow/tfjs'
import type { Dataset, NamedTensors, Parted } from '../../data/dataset.js'
import { rowsIn } from '../../data/table/parts.js'
import { ofTarget } from '../../data/table/target-part.js'
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

/** What a metric looks at: all there is, or one of several targets with its predictions. */
interface Side {
  data: Dataset
  loss: string
  task(predicted: readonly (number | null)[]): Task
  /** The shape of the predictions of one example, where it is known. */
  predicted?: readonly (number | null)[] | undefined
  part?: string
}

function sideOf(trainee: Trainee, data: Dataset, { name, output }: Metric): Side {
  if (output === undefined) {
    if (data.y.parts)
      throw whichOutput(name, trainee.several?.map((one) => one.name) ?? Object.keys(data.y.parts))
    return {
      data,
      loss: trainee.lossName,
      task: (predicted) => taskOf(trainee, data, predicted),
      predicted: trainee.outputs,
    }
  }
  const head = trainee.several?.find((one) => one.name === output)
  const part = head ? head.partIn(Object.keys(data.y.parts ?? {})) : output
  if (!data.y.parts?.[part])
    throw new InputError({
      where: `the metric ${name}`,
      received: `no ${part} in y of ${data.name}`,
      expected: `a part of y: ${Object.keys(data.y.parts ?? {}).join(', ') || 'there is none'}`,
    })
  const own = ofTarget(data, part)
  const { classes } = trainee.kindOf?.(output) ?? {}
  return {
    data: own,
    part,
    loss: head?.lossName ?? trainee.lossName,
    task: (predicted) =>
      head?.taskOf(own) ?? (classes === undefined ? taskOfData(own, predicted) : 'multiclass'),
    predicted: head?.shape,
  }
}

function whichOutput(name: string, outputs: readonly string[]): InputError {
  return new InputError({
    where: 'train(model, { metrics })',
    received: `'${name}' for several targets: ${outputs.join(', ')}`,
    expected: `metrics by output: metrics: { ${outputs[0]}: ['${name}'] }`,
  })
}

/** Refuses metrics that mean nothing for this model and data, before anything is computed. */
export function checkMetrics({ trainee, settings }: Looked, data: Dataset, where: string): void {
  for (const metric of settings.metrics) {
    if (metric.output === undefined && !trainee.outputs && !data.y.parts) continue
    const side = sideOf(trainee, data, metric)
    const { predicted } = side
    if (predicted) checkMetric(metric, askedOf(side, predicted), where)
  }
}

const askedOf = ({ task, loss, data }: Side, predicted: readonly (number | null)[]) => ({
  task: task(predicted),
  loss,
  y: data.y.shape,
  predicted,
})

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
  y: Parted,
  pass: Pass,
  predictions: Parted | undefined,
): { [metric: string]: Measured } {
  const count = rowsIn(y)
  const means: { [metric: string]: Measured } = {}
  for (const metric of settings.metrics) {
    const { name, output } = metric
    const side = sideOf(trainee, data, metric)
    const expected = output === undefined ? (y as tf.Tensor) : (y as NamedTensors)[side.part!]!
    const predicted = predictions && predictionOf(predictions, metric)
    const ofOutput = output === undefined ? undefined : pass.said?.[`${output}_loss`]
    const loss = ofOutput ?? pass.loss
    const losses =
      output === undefined || !ofOutput
        ? (pass.losses ?? (tf.fill([count], 0).add(pass.loss) as tf.Tensor1D))
        : ((ofOutput.rank === 1 ? ofOutput : tf.fill([count], 0).add(ofOutput)) as tf.Tensor1D)
    const base = metric.base ?? metric
    const isKnown = known.get(base.name) === base
    if (!predicted && !metric.ofLosses) throw needsPredictions(name)
    const shape = predicted?.shape.slice(1)
    if (isKnown && shape) checkMetric(base, askedOf(side, shape), 'run.evaluate()')
    const task = shape && side.task(shape)
    const given = predicted ?? loss
    const perExample = (one: tf.Tensor) => metric.perExample(one, given, losses, task)
    const values =
      isKnown || metric.ofLosses ? perExample(expected) : alignedOf(metric).call(expected, given, perExample)
    means[name] = measured(values, count, name, metric.weight?.(expected))
  }
  return means
}

function predictionOf(predictions: Parted, { name, output }: Metric): tf.Tensor {
  const isOne = predictions instanceof tf.Tensor
  if (output === undefined && isOne) return predictions
  const found = output === undefined || isOne ? undefined : predictions[output]
  if (found) return found
  throw new InputError({
    where: `the metric ${name}`,
    received: isOne ? 'predictions as one tensor' : `predictions of ${Object.keys(predictions).join(', ')}`,
    expected: output === undefined ? 'one tensor, as y is' : `predictions of ${output}, by its name`,
  })
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

/** Metrics of a model that turns out to predict nothing are refused at its first batch, not at its first evaluation. */
export function checkPredicts({ settings }: Pick<Looked, 'settings'>, predicts: boolean): void {
  const metric = predicts ? undefined : settings.metrics.find(({ ofLosses }) => !ofLosses)
  if (metric) throw needsPredictions(metric.name)
}

function needsPredictions(name: string): InputError {
  return new InputError({
    where: `the metric ${name}`,
    received: 'a model that gives no predictions',
    expected: 'predictions, to compare with y',
    fix: 'Give the model a function predict: (x) => …, or let its loss return { loss, predictions }.',
  })
}
