/** What is passed to be trained and trained on, as a run has it. */
import type { Dataset } from '../../data/dataset.js'
import { isDataset, toDataset, type DataLike } from '../../data/from.js'
import { describe, InputError } from '../../errors.js'
import type { Losses, LossWeights } from '../model/heads.js'
import { isLayersModel, layersTrainee } from '../model/layers.js'
import type { RunOptions } from '../rules/options.js'
import { ownTrainee, type OwnModel } from '../model/own.js'
import type { Trainee } from '../model/trainee.js'
import { iterationTrainee, type OwnIteration } from '../step/own-iteration.js'

/** Held-out data. Bare arrays get ids that go on where the training data's end, so that no id is in both. */
export function heldOut(given: DataLike, data: Dataset): Dataset {
  const options = { name: 'evaluateOn', split: 'validation' as const }
  const dataset = toDataset(given, options)
  if (isDataset(given)) return dataset
  let next = 0
  for (let position = 0; position < data.length; position++) next = Math.max(next, data.ids[position]! + 1)
  // Where ids have no room behind the last, those that are left are taken from the first on.
  let id = next + dataset.length <= 2 ** 31 ? next : 0
  const ids = new Int32Array(dataset.length)
  for (let i = 0; i < ids.length; i++) {
    while (data.positionOf(id) !== undefined) id++
    ids[i] = id++
  }
  return toDataset(given, { ...options, ids })
}

/** Options as they come in: what a tf.LayersModel has of them is looked at with the model. */
export type Given = RunOptions & { loss?: unknown; lossWeights?: LossWeights }

/** @param options.optimizer of an own iteration that brings none. */
export function traineeOf(
  model: unknown,
  {
    loss,
    lossWeights,
    sampleWeight,
    optimizer,
  }: Pick<Given, 'loss' | 'lossWeights' | 'sampleWeight' | 'optimizer'>,
): Trainee {
  const thing = model as Partial<OwnModel & { layers: unknown[]; iteration: unknown }> | null
  if (typeof thing === 'object' && thing !== null) {
    if (isLayersModel(model)) {
      if (
        typeof loss === 'string' ||
        typeof loss === 'function' ||
        (typeof loss === 'object' && loss !== null)
      )
        return layersTrainee(model, loss as Losses, {
          lossWeights,
          beside: typeof sampleWeight === 'string' ? [sampleWeight] : [],
        })
      throw new InputError({
        where: 'train(model, { loss })',
        received: describe(loss),
        expected:
          'the name of a loss or a function (expected, predicted) => [batch]; of a model with several outputs one for each, by name',
        fix: "E.g. loss: 'sparseCategoricalCrossentropy' for class indices, 'meanSquaredError' for numbers.",
      })
    }
    if (lossWeights !== undefined)
      throw new InputError({
        where: 'train(model, { lossWeights })',
        received: 'a model with a loss of its own',
        expected: 'the weights in that loss: they are for the outputs of a tf.LayersModel',
      })
    if (thing.parameters && typeof thing.iteration === 'function')
      return iterationTrainee(thing as unknown as OwnIteration, optimizer)
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
    expected:
      'a tf.LayersModel, { parameters, loss: (batch) => tf.Scalar }, or { parameters, optimizers, iteration }',
  })
}

/** Throws where data has no examples. */
export function checkLengths(sets: { [option: string]: Dataset | undefined }, where: string): void {
  for (const [option, set] of Object.entries(sets))
    if (set?.length === 0)
      throw new InputError({
        where: `${where}{ ${option} })`,
        received: `no examples in ${set.name}`,
        expected: 'at least one',
      })
}
