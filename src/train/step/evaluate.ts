import * as tf from '@tensorflow/tfjs'
import { withRandomness } from '../../backend/random/index.js'
import { markEngine } from '../../backend/tfjs/unwind.js'
import type { Dataset } from '../../data/dataset.js'
import { InputError } from '../../errors.js'
import { during } from '../../settle.js'
import type { EvaluationRow } from '../../views.js'
import type { EvaluationDetail } from '../../mistakes/detail.js'
import { withAverages } from './averages.js'
import type { Core } from '../state/core.js'
import type { Events } from '../state/events.js'
import { keyOf } from '../order/key.js'
import { mean, measure, type Measured } from '../model/measure.js'
import { namingExample } from './outside.js'
import { checkWholeBatches, fixedBatch, keepingStates, PassingStates } from '../model/recurrent.js'
import { looking, tidily } from '../model/gradients.js'
import { examplesAt, type Batch } from '../model/batch.js'

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
    for (const name in seen.said)
      said[name] = (said[name] ?? 0) + mean(seen.said[name]!.values) * positions.length
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

/** Evaluates on `evaluateOn` and writes it down. The same iteration again replaces its row. */
export async function evaluateRun(
  core: Core,
  journal: Events,
  pause: () => Promise<void>,
  call?: object,
): Promise<Evaluation> {
  const found = await evaluate(core, core.evaluateOn!, pause, { call })
  const earlier = core.state.details.findLast(({ iteration }) => iteration < found.row.iteration)
  const everRight = earlier && everRightAt(earlier)
  if (everRight) found.detail.everRight = everRight
  const again = core.state.evaluations.at(-1)?.iteration === found.row.iteration
  core.state.evaluations = [...core.state.evaluations.slice(0, again ? -1 : undefined), found.row]
  journal.event('evaluation', found.row)
  core.state.details = [...core.state.details.slice(again ? 0 : -1, again ? -1 : undefined), found.detail]
  // Written down by now: what is stopped or fails there does not take the evaluation with it.
  await core.trainee.evaluated?.(found.row, pause)
  return found
}

/** Which examples were right in this evaluation or one before it. */
function everRightAt({ right, everRight }: EvaluationDetail): Uint8Array | undefined {
  return everRight && right ? right.map((one, i) => one | everRight[i]!) : right
}

interface Seen {
  loss: number
  metrics: { [name: string]: Measured }
  losses?: Float32Array
  /** What the loss says beside: of the batch, or of each example. */
  said: { [name: string]: { values: Float32Array; each: boolean } }
  predicted?: Float32Array
  probability?: Float32Array
  right?: Float32Array
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
    const batch: Batch =
      dataset === core.data
        ? core.batchAt(positions)
        : { ...examplesAt(dataset, positions), iteration: core.state.iteration }
    if (dataset !== core.data) trainee.checkBatch?.(batch, dataset.name, 'run.evaluate()')
    const look = () => {
      const pass = trainee.pass!(batch, { training: false })
      const predictions = pass.predictions?.()
      const means = measure(core, dataset, batch.y, pass, predictions)
      const losses = pass.losses?.dataSync() as Float32Array | undefined
      return {
        loss: losses ? mean(losses) : pass.loss.dataSync()[0]!,
        metrics: means,
        said: Object.fromEntries(
          Object.entries(pass.said ?? {}).map(([name, value]) => [
            name,
            { values: value.dataSync() as Float32Array, each: value.rank > 0 },
          ]),
        ),
        ...(losses && { losses }),
        ...(predictions && predictedOf(core, batch, predictions)),
      }
    }
    return namingExample(batch, () => looking(trainee, look))
  })
}

/**
 * What the model gives for some examples where that is more than one thing each: the class at each place (of a text, of
 * an image) where predictions are over classes, else the numbers. Undefined where it predicts nothing.
 */
export function placesAt(core: Core, dataset: Dataset, positions: number[]): ArrayLike<number>[] | undefined {
  const { trainee, settings } = core
  const fixed = fixedBatch(trainee)
  if (fixed !== undefined && positions.length !== fixed) {
    // In batches of the one size that the model takes, the last one filled up.
    const parts: (ArrayLike<number>[] | undefined)[] = []
    for (let from = 0; from < positions.length; from += fixed) {
      const part = positions.slice(from, from + fixed)
      const filled = Array.from({ length: fixed }, (_, i) => part[i] ?? part[0]!)
      parts.push(placesAt(core, dataset, filled)?.slice(0, part.length))
    }
    return parts.includes(undefined) ? undefined : parts.flatMap((part) => part!)
  }
  const seed = keyOf(settings.seed, 'evaluation', positions[0]!)
  return withRandomness({ seed, iteration: core.state.iteration }, () =>
    tidily(() => {
      const batch = { ...examplesAt(dataset, positions), iteration: core.state.iteration }
      const look = () => {
        const given = trainee.predict?.(batch) ?? trainee.pass?.(batch, { training: false }).predictions?.()
        if (given?.shape[0] !== positions.length) return undefined
        const places = trainee.classes !== undefined && given.rank > 2 ? given.argMax(-1) : given
        const values = places.dataSync()
        const size = values.length / positions.length
        return positions.map((_, i) => values.slice(i * size, (i + 1) * size))
      }
      return keepingStates(trainee.states ?? [], () => looking(trainee, look))
    }),
  )
}

/** What each example was taken for, where that is one thing: a class or a number. */
export function predictedOf({ trainee }: Core, { y }: Batch, predictions: tf.Tensor): Partial<Seen> {
  const count = predictions.shape[0]!
  if (trainee.classes !== undefined && predictions.rank === 2) {
    const predicted = predictions.argMax(-1)
    const expected =
      y.size === predictions.size && predictions.shape[1] !== 1 ? y.argMax(-1) : y.reshape([count])
    return {
      predicted: Float32Array.from(predicted.dataSync()),
      probability: predictions.max(-1).dataSync() as Float32Array,
      right: Float32Array.from(predicted.toFloat().equal(expected.toFloat()).dataSync()),
    }
  }
  if (predictions.size !== count) return {}
  const values = predictions.dataSync() as Float32Array
  if (!trainee.binary) return { predicted: Float32Array.from(values) }
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
  if (seen.predicted) (detail.predicted ??= new Float32Array(length)).set(seen.predicted, from)
  if (seen.probability) (detail.probability ??= new Float32Array(length)).set(seen.probability, from)
  if (seen.right) (detail.right ??= new Uint8Array(length)).set(seen.right, from)
}
