import * as tf from '@tensorflow/tfjs'
import type { Dataset } from '../data/dataset.js'
import { isDataset, toDataset, type DataLike } from '../data/from.js'
import { describe, InputError } from '../errors.js'
import { Core } from './core.js'
import { layersTrainee, type LossFunction } from './layers.js'
import { checkOptimizer, checkOptions, settingsFrom, type ModelOptions, type RunOptions } from './options.js'
import { ownTrainee, type OwnModel } from './own.js'
import { Run } from './run.js'
import type { Trainee } from './trainee.js'

/**
 * Makes a run of a model: nothing is trained yet. The model is trained in place.
 *
 *     const run = train(model, { data, loss: 'meanSquaredError', optimizer: sgd({ learningRate: 0.1 }) })
 *     await run.iterate(100)
 *
 * @throws InputError where the options, the data's shapes or the model do not fit; its message says what would.
 */
export function train(model: OwnModel, options: RunOptions): Run
export function train(model: tf.LayersModel, options: ModelOptions): Run
export function train(model: tf.LayersModel | OwnModel, given: RunOptions): Run {
  const where = 'train(model, options)'
  const options = checkOptions(given, where)
  const settings = settingsFrom(options)
  const optimizer = checkOptimizer(options.optimizer, 'train(model, { optimizer })')
  const trainee = traineeOf(model, options.loss)
  const data = toDataset(options.data, { name: 'data' })
  const evaluateOn = options.evaluateOn === undefined ? undefined : heldOut(options.evaluateOn, data)
  trainee.checkData(data, 'train(model, { data })')
  if (evaluateOn) trainee.checkData(evaluateOn, 'train(model, { evaluateOn })')
  return new Run(new Core({ name: options.name ?? 'run', trainee, data, evaluateOn, settings, optimizer }))
}

/** Held-out data. Bare arrays get ids that go on where the training data's end, so that no id is in both. */
function heldOut(given: DataLike, data: Dataset): Dataset {
  const options = { name: 'evaluateOn', split: 'validation' as const }
  const dataset = toDataset(given, options)
  if (isDataset(given)) return dataset
  let next = 0
  for (let position = 0; position < data.length; position++) next = Math.max(next, data.ids[position]! + 1)
  return toDataset(given, { ...options, ids: Int32Array.from(dataset.ids, (_, i) => next + i) })
}

function traineeOf(model: unknown, loss: unknown): Trainee {
  const thing = model as Partial<OwnModel & { layers: unknown[] }> | null
  if (typeof thing === 'object' && thing !== null) {
    if (Array.isArray(thing.layers) && 'predict' in thing) {
      if (typeof loss === 'string' || typeof loss === 'function')
        return layersTrainee(model as tf.LayersModel, loss as string | LossFunction)
      throw new InputError({
        where: 'train(model, { loss })',
        received: describe(loss),
        expected: 'the name of a loss or a function (expected, predicted) => [batch]',
        fix: "E.g. loss: 'sparseCategoricalCrossentropy' for class indices, 'meanSquaredError' for numbers.",
      })
    }
    if (thing.parameters && typeof thing.loss === 'function') {
      if (loss === undefined) return ownTrainee(thing as OwnModel)
      throw new InputError({
        where: 'train(model, { loss })',
        received: 'a loss beside a model that brings its own',
        expected: 'one of them',
      })
    }
  }
  throw new InputError({
    where: 'train(model)',
    received: describe(model),
    expected: 'a tf.LayersModel, or { parameters, loss: (batch) => tf.Scalar }',
  })
}
