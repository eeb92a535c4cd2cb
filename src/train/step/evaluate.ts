import * as tf from '@tensorflow/tfjs'
import { withRandomness } from '../../backend/random/index.js'
import { markEngine } from '../../backend/tfjs/unwind.js'
import type { Dataset, Parted } from '../../data/dataset.js'
import { InputError } from '../../errors.js'
import { during } from '../../settle.js'
import type { EvaluationRow } from '../../views.js'
import type { EvaluationDetail } from '../../mistakes/detail.js'
import { withAverages } from './averages.js'
import type { Core } from '../state/core.js'
import { keyOf } from '../order/key.js'
import { mean, measure, type Measured } from '../model/measure.js'
import { namingExample } from './outside.js'
import { checkWholeBatches, fixedBatch, keepingStates, PassingStates } from '../model/recurrent.js'
import { looking, tidily } from '../model/gradients.js'
import { examplesAt, type AnyBatch } from '../model/batch.js'
import { evaluationWeights } from '../model/example-weights.js'
import type { OutputKind } from '../model/trainee.js'
import { needsLosses } from '../model/weighted.js'

/** Loss and metrics of a dataset, and what was seen of each example. */
export interface Evaluation {
  row: EvaluationRow
  detail: EvaluationDetail
}

/**
 * Looks at every example of `dataset` once, without training on it. The loss is the mean over examples, without what
 * regularizers add.
 *
 * @param ema with the averages of the parameters in their place.
 * @param call that trains, where this is a part of it.
 * @param pause is awaited between batches; it throws where the user wants to stop.
 */
export async function evaluate(
  core: Core,
  dataset: Dataset,
  pause: () => Promise<void>,
  { ema = false, call }: { ema?: boolean; call?: object | undefined } = {},
): Promise<Evaluation> {
  const { metrics, evaluationBatchSize } = core.settings
  if (!core.trainee.pass)
    throw new InputError({
      where: 'run.evaluate()',
      received: 'an own iteration without a loss to evaluate',
      expected: '{ parameters, optimizers, iteration, loss: (batch) => … }',
    })
  const { length } = dataset
  const sums: { [metric: string]: number } = {}
  const weights: { [metric: string]: number } = {}
  for (const { name } of metrics) sums[name] = weights[name] = 0
  let loss = 0
  const said: { [name: string]: number } = {}
  const detail: EvaluationDetail = {
    iteration: core.state.iteration,
    dataset,
    losses: new Float32Array(length).fill(NaN),
  }
  checkWholeBatches(core.trainee, dataset, 'run.evaluate(data)')
  const passing = new PassingStates(core.trainee)
  for (let from = 0; from < length; from += evaluationBatchSize) {
    await pause()
    const positions = Int32Array.from(
      { length: Math.min(evaluationBatchSize, length - from) },
      (_, i) => from + i,
    )
    const seen = passing.during(() => evaluateBatch(core, dataset, positions, { ema, call }))
    loss += seen.loss * positions.length
    for (const name in seen.said) said[name] = (said[name] ?? 0) + seen.said[name]!.mean * positions.length
    for (const { name } of metrics) {
      const { mean, weight } = seen.metrics[name]!
      sums[name]! += mean * weight
      weights[name]! += weight
    }
    keep(detail, positions, seen)
  }
  const row: EvaluationRow = { iteration: core.state.iteration, loss: loss / length }
  for (const name in said) {
    if (name in weights) throw alsoMetric(name)
    row[name] = said[name]! / length
  }
  for (const { name, finish } of metrics) {
    const mean = sums[name]! / weights[name]!
    row[name] = finish ? finish(mean) : mean
  }
  return { row, detail }
}

function alsoMetric(name: string): InputError {
  return new InputError({
    where: 'run.evaluate()',
    received: `${name} from the loss, and a metric of that name`,
    expected: 'a name for each',
    fix: `Give it another name in what the loss returns, or leave it out of metrics.`,
  })
}

interface Seen {
  loss: number
  metrics: { [name: string]: Measured }
  losses?: Float32Array
  /** What the loss says beside: of the batch, or of each example. */
  said: { [name: string]: { values: Float32Array; each: boolean; mean: number } }
  taken: Taken
}

/** What the examples of a batch were taken for: the class or the number of each, with what is known of it. */
export interface Taken {
  predicted?: Float32Array
  probability?: Float32Array
  right?: Float32Array
  /** The same of each output, where there are several. */
  outputs?: { [output: string]: Omit<Taken, 'outputs'> & { part: string } }
}

function evaluateBatch(
  core: Core,
  dataset: Dataset,
  positions: Int32Array,
  { ema, call }: { ema: boolean; call: object | undefined },
): Seen {
  // A loss of one's own may drop or add noise here too: the same whenever it is looked at.
  const seed = keyOf(core.settings.seed, 'evaluation', positions[0]!)
  const look = () =>
    withRandomness({ seed, iteration: core.state.iteration }, () => seenIn(core, dataset, positions))
  const endScopes = markEngine()
  const end = (left: boolean) => {
    endScopes()
    if (left && call) core.left = call
  }
  return during(end, () => (ema ? withAverages(core, look) : look()))
}

function seenIn(core: Core, dataset: Dataset, positions: Int32Array): Seen {
  const { trainee } = core
  return tidily(() => {
    const batch: AnyBatch =
      dataset === core.data
        ? core.batchAt(positions)
        : { ...examplesAt(dataset, positions), iteration: core.state.iteration }
    if (dataset !== core.data) trainee.checkBatch?.(batch, dataset.name, 'run.evaluate()')
    const look = () => {
      const pass = trainee.pass!(batch, { training: false })
      const predictions = pass.predictions?.()
      const means = measure(core, dataset, batch.y, pass, predictions)
      const losses = pass.losses?.dataSync() as Float32Array | undefined
      const weights = evaluationWeights(core, batch)
      if (weights && !losses) throw needsLosses()
      const weigh = (values: Float32Array) =>
        weights ? values.map((value, i) => value * weights[i]!) : values
      const parts = new Set(trainee.several?.map(({ name }) => `${name}_loss`))
      return {
        loss: losses ? mean(weigh(losses)) : pass.loss.dataSync()[0]!,
        metrics: means,
        said: Object.fromEntries(
          Object.entries(pass.said ?? {}).map(([name, value]) => {
            const values = value.dataSync() as Float32Array
            const each = value.rank > 0
            return [name, { values, each, mean: mean(each && parts.has(name) ? weigh(values) : values) }]
          }),
        ),
        ...(losses && { losses }),
        taken: predictions ? takenFor(core, batch, predictions) : {},
      }
    }
    return namingExample(batch, () => looking(trainee, look))
  })
}

/** What the model gives for an example, by output where there are several. */
export type Given = ArrayLike<number> | { readonly [output: string]: ArrayLike<number> }

/**
 * What the model gives for some examples where that is more than one thing each: the class at each place (of a text, of
 * an image) where predictions are over classes, else the numbers. Undefined where it predicts nothing.
 */
export function placesAt(core: Core, dataset: Dataset, positions: number[]): Given[] | undefined {
  const { trainee, settings } = core
  const fixed = fixedBatch(trainee)
  if (fixed !== undefined && positions.length !== fixed) {
    // In batches of the one size that the model takes, the last one filled up.
    const parts: (Given[] | undefined)[] = []
    for (let from = 0; from < positions.length; from += fixed) {
      const part = positions.slice(from, from + fixed)
      const filled = Array.from({ length: fixed }, (_, i) => part[i] ?? part[0]!)
      parts.push(placesAt(core, dataset, filled)?.slice(0, part.length))
    }
    return parts.includes(undefined) ? undefined : parts.flatMap((part) => part!)
  }
  const seed = keyOf(settings.seed, 'evaluation', positions[0]!)
  const split = (given: tf.Tensor, classes: number | undefined): ArrayLike<number>[] | undefined => {
    if (given.shape[0] !== positions.length) return undefined
    const places = classes !== undefined && given.rank > 2 ? given.argMax(-1) : given
    const values = places.dataSync()
    const size = values.length / positions.length
    return positions.map((_, i) => values.slice(i * size, (i + 1) * size))
  }
  return withRandomness({ seed, iteration: core.state.iteration }, () =>
    tidily(() => {
      const batch = { ...examplesAt(dataset, positions), iteration: core.state.iteration }
      const look = () => {
        const given = trainee.predict?.(batch) ?? trainee.pass?.(batch, { training: false }).predictions?.()
        if (given === undefined) return undefined
        if (given instanceof tf.Tensor) return split(given, trainee.classes)
        const outputs = Object.entries(given).flatMap(([name, one]) => {
          const found = split(one, trainee.kindOf?.(name).classes)
          return found ? [[name, found] as const] : []
        })
        return positions.map((_, i) => Object.fromEntries(outputs.map(([name, found]) => [name, found[i]!])))
      }
      return keepingStates(trainee.states ?? [], () => looking(trainee, look))
    }),
  )
}

/** Outputs over classes that are no distribution are its logits. */
function asProbabilities(predictions: tf.Tensor): tf.Tensor {
  const [least, off] = [predictions.min(), predictions.sum(-1).sub(1).abs().max()].map(
    (one) => one.dataSync()[0]!,
  )
  return least! >= 0 && off! < 1e-3 ? predictions : tf.softmax(predictions)
}

/** What each example was taken for, where that is one thing: a class or a number; by output where there are several. */
export function takenFor({ trainee }: Core, { y }: AnyBatch, predictions: Parted): Taken {
  if (predictions instanceof tf.Tensor && y instanceof tf.Tensor) return takenOf(trainee, y, predictions)
  if (predictions instanceof tf.Tensor || y instanceof tf.Tensor) return {}
  const outputs: NonNullable<Taken['outputs']> = {}
  for (const [name, given] of Object.entries(predictions)) {
    const part = trainee.several?.find((one) => one.name === name)?.partIn(Object.keys(y)) ?? name
    if (y[part]) outputs[name] = { part, ...takenOf(trainee.kindOf?.(name) ?? {}, y[part], given) }
  }
  const known = Object.values(outputs).filter(({ right }) => right)
  if (known.length === 0) return { outputs }
  const count = known[0]!.right!.length
  const right = new Float32Array(count).fill(1)
  const probability = new Float32Array(count)
  // Right where all are; as sure as the output that is surest where it is wrong.
  for (let i = 0; i < count; i++) {
    const wrong = known.filter((one) => !one.right![i])
    if (wrong.length > 0) right[i] = 0
    probability[i] = Math.max(...(wrong.length > 0 ? wrong : known).map((one) => one.probability![i]!))
  }
  return { outputs, right, probability }
}

function takenOf({ classes, binary }: OutputKind, y: tf.Tensor, predictions: tf.Tensor): Taken {
  const count = predictions.shape[0]!
  // A model of one's own need not say how many classes there are, where y is an index and each has a value.
  const isIndexed = y.dtype === 'int32' && y.size === count && (predictions.shape[1] ?? 1) > 1
  if (predictions.rank === 2 && (classes !== undefined || isIndexed)) {
    const predicted = predictions.argMax(-1)
    const expected =
      y.size === predictions.size && predictions.shape[1] !== 1 ? y.argMax(-1) : y.reshape([count])
    return {
      predicted: Float32Array.from(predicted.dataSync()),
      probability: asProbabilities(predictions).max(-1).dataSync() as Float32Array,
      right: Float32Array.from(predicted.toFloat().equal(expected.toFloat()).dataSync()),
    }
  }
  if (predictions.size !== count) return {}
  const values = predictions.dataSync() as Float32Array
  if (!binary) return { predicted: Float32Array.from(values) }
  const expected = y.dataSync()
  return {
    predicted: Float32Array.from(values, (value) => (value > 0.5 ? 1 : 0)),
    probability: Float32Array.from(values, (value) => Math.max(value, 1 - value)),
    right: Float32Array.from(values, (value, i) => (value > 0.5 === expected[i]! > 0.5 ? 1 : 0)),
  }
}

function keep(detail: EvaluationDetail, positions: Int32Array, seen: Seen): void {
  const { length } = detail.losses
  const from = positions[0]!
  if (seen.losses) detail.losses.set(seen.losses, from)
  else detail.onlyMean = true
  for (const [name, { values, each }] of Object.entries(seen.said)) {
    if (!each) continue
    detail.said ??= {}
    ;(detail.said[name] ??= new Float32Array(length).fill(NaN)).set(values, from)
  }
  const { outputs, ...whole } = seen.taken
  keepTaken(detail, whole, length, from)
  for (const [name, { part, ...taken }] of Object.entries(outputs ?? {})) {
    detail.outputs ??= {}
    keepTaken((detail.outputs[name] ??= { part }), taken, length, from)
  }
}

function keepTaken(
  kept: Pick<EvaluationDetail, 'predicted' | 'probability' | 'right'>,
  { predicted, probability, right }: Omit<Taken, 'outputs'>,
  length: number,
  from: number,
): void {
  if (predicted) (kept.predicted ??= new Float32Array(length)).set(predicted, from)
  if (probability) (kept.probability ??= new Float32Array(length)).set(probability, from)
  if (right) (kept.right ??= new Uint8Array(length)).set(right, from)
}
