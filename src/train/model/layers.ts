import * as tf from '@tensorflow/tfjs'
import { describe, InputError } from '../../errors.js'
import type { FieldSpec } from '../../data/dataset.js'
import { withoutSeed } from '../../seed.js'
import { Aligned } from '../loss/aligned.js'
import { dropoutsOf } from './dropout.js'
import { losses, type Loss } from '../loss/losses.js'
import { asValuesTell, endingOf, type Ending } from './logits.js'
import { frozenNorms, whileStill } from './norms.js'
import { penaltiesOf } from '../loss/penalties.js'
import { placeWeights, weightsByName } from './place.js'
import { checkTokens, tokensOf } from './tokens.js'
import { checkBatchTargets, checkFirstTargets, checkTargetShape, fits } from '../loss/targets.js'
import { taskOfData, taskOfLoss } from '../loss/task.js'
import { trainableWeights } from './trainable.js'
import { listNearest } from '../../suggest.js'
import type { Pass, Trainee } from './trainee.js'
import { tensorsOf, type Batch } from './batch.js'
import { weighted } from './weighted.js'

/**
 * A loss of one's own for a tf.LayersModel, from the targets and the model's outputs: the loss of each example, [batch], or
 * their mean, or both (`{ loss, perExample }`). What the layers' regularizers add comes on top.
 */
export type LossFunction = (
  expected: tf.Tensor,
  predicted: tf.Tensor,
) => tf.Tensor | { loss: tf.Tensor; perExample?: tf.Tensor }

export function isLayersModel(value: unknown): value is tf.LayersModel {
  return (
    typeof value === 'object' &&
    value !== null &&
    Array.isArray((value as Partial<tf.LayersModel>).layers) &&
    'predict' in value
  )
}

/** What a copy has of its original. */
interface Known extends Pick<Ending, 'logits' | 'open'> {
  /** Names of the parameters: the layers may say otherwise since. */
  trained: ReadonlySet<string>
}

/** A tf.LayersModel with a loss, as something to train. */
export function layersTrainee(model: tf.LayersModel, loss: string | LossFunction, known?: Known): Trainee {
  checkModel(model)
  const row = typeof loss === 'string' ? findLoss(loss) : undefined
  const { parameters, state, states } = placeWeights(model, known && ((name) => known.trained.has(name)))
  if (parameters.length === 0) throw nothingToTrain(model)
  const output = model.outputs[0]!
  const width = output.shape.at(-1) ?? 1
  let ending = {
    ...endingOf(model, row?.activation),
    ...(known && { logits: known.logits, open: known.open }),
  }
  if (row) checkActivation(row, ending.ends)
  const still = frozenNorms(model, parameters)
  const run = (x: tf.Tensor, training: boolean) =>
    ending.of(() => whileStill(training ? still : [], () => model.apply(x, { training }) as tf.Tensor))

  function predictionsOf(outputs: tf.Tensor): tf.Tensor {
    if (!ending.logits) return outputs
    return row!.activation === 'softmax' ? tf.softmax(outputs) : tf.sigmoid(outputs)
  }

  const tokens = tokensOf(model)
  const aligned = new Aligned(typeof loss === 'function' ? loss : model, 'the loss')

  function lossOf(batch: Batch, outputs: tf.Tensor, weights: tf.Tensor1D | undefined) {
    if (row) return meanOf(row.perExample(batch.y, outputs, ending.logits), weights)
    const own = aligned.call(batch.y, outputs, (y) => (loss as LossFunction)(y, outputs))
    return ownLossOf(own, outputs.shape[0]!, weights)
  }

  function pass(batch: Batch, { training, weights }: { training: boolean; weights?: tf.Tensor1D }): Pass {
    const outputs = run(batch.x, training)
    const found = lossOf(batch, outputs, weights)
    if (training) for (const penalty of penaltiesOf(model)) found.loss = found.loss.add(penalty)
    return { ...found, predictions: () => predictionsOf(outputs) }
  }

  const trainee: Trainee = {
    model,
    parameters,
    state,
    states,
    changedSince() {
      const now = new Set(placeWeights(model).parameters.map(({ name }) => name))
      return {
        frozen: parameters.flatMap(({ name }) => (now.has(name) ? [] : [name])),
        thawed: state.flatMap(({ name }) => (now.has(name) ? [name] : [])),
      }
    },
    dropouts: dropoutsOf(model),
    lossName: typeof loss === 'string' ? loss : loss.name || 'own function',
    pass,
    predict: ({ x }) => predictionsOf(run(x, false)),
    checkBatch(batch, name, where) {
      checkFields(Object.keys(tensorsOf(batch)), name, where)
      if (row) checkBatchTargets(row, width, batch.y, batch.ids, name, where)
      if (tokens !== undefined) checkTokens(tokens, batch, name, where)
    },
    outputs: output.shape.slice(1),
    taskOf: (data) =>
      taskOfLoss(row, ending.ends, output.shape.slice(1)) ?? taskOfData(data, output.shape.slice(1)),
    checkData(data, where) {
      checkFields(Object.keys(data.fields ?? {}), data.name, where)
      checkShapes(model, row, data, where)
      if (row) checkFirstTargets(row, width, data, where)
      if (ending.open) ending = asValuesTell(ending, model, row!.activation!, data)
    },
    copy() {
      const { logits, open } = ending
      const trained = new Set(parameters.map(({ name }) => name))
      const twin = layersTrainee(copyModel(model), loss, { logits, open, trained })
      const from = new Map([...parameters, ...state].map(({ name, variable }) => [name, variable]))
      for (const { name, variable } of [...twin.parameters, ...twin.state]) variable.assign(from.get(name)!)
      return twin
    },
  }
  if (row?.activation === 'softmax') return { ...trainee, classes: width }
  return row?.activation === 'sigmoid' && width === 1 ? { ...trainee, binary: true } : trainee
}

type Found = Pick<Pass, 'loss' | 'losses'>

function meanOf(losses: tf.Tensor1D, weights: tf.Tensor1D | undefined): Found {
  return { loss: (weights ? losses.mul(weights) : losses).mean() as tf.Scalar, losses }
}

/** What a loss of the user's own gives, whichever form it has. */
function ownLossOf(own: ReturnType<LossFunction>, count: number, weights: tf.Tensor1D | undefined): Found {
  const where = 'train(model, { loss })'
  const expected = 'a tensor: the loss of each example, [batch], or their mean; or { loss, perExample }'
  const both = own as { loss: tf.Tensor; perExample?: tf.Tensor } | undefined
  if (!(own instanceof tf.Tensor) && both?.loss instanceof tf.Tensor && both.loss.size === 1)
    return weighted(both, count, weights)
  if (!(own instanceof tf.Tensor))
    throw new InputError({ where, received: `${describe(own)} from the loss function`, expected })
  if (own.size === 1 && (own.rank === 0 || count > 1)) return weighted({ loss: own }, count, weights)
  if (own.shape[0] !== count)
    throw new InputError({
      where,
      received: `a loss of shape ${text(own.shape)} for ${count} examples`,
      expected,
    })
  return meanOf((own.rank === 1 ? own : own.reshape([count, -1]).mean(1)) as tf.Tensor1D, weights)
}

function findLoss(name: string): Loss {
  const row = losses.get(name)
  if (row) return row
  throw new InputError({
    where: 'train(model, { loss })',
    received: describe(name),
    expected: `a known loss, nearest first: ${listNearest(name, [...losses.keys()])}; or a function (expected, predicted) => tf.Tensor`,
  })
}

function nothingToTrain(model: tf.LayersModel): InputError {
  const weights = weightsByName(model).size
  return new InputError({
    where: 'train(model)',
    received: weights > 0 ? 'a model all of whose layers are frozen' : 'a model without weights',
    expected: 'at least one parameter to train',
    fix: weights > 0 ? 'Thaw a layer: model.layers.at(-1).trainable = true.' : undefined,
  })
}

function checkModel(model: tf.LayersModel): void {
  if (!model.outputs)
    throw new InputError({
      where: 'train(model)',
      received: 'a model that is not built yet: its input shape is not known',
      expected: 'a model with weights',
      fix: 'Give its first layer an inputShape, e.g. tf.layers.dense({ units: 10, inputShape: [784] }).',
    })
  const places = { inputs: model.inputs.length, outputs: model.outputs.length }
  if (places.inputs === 1 && places.outputs === 1) return checkEnd(model)
  throw new InputError({
    where: 'train(model)',
    received: `a model with ${places.inputs} inputs and ${places.outputs} outputs`,
    expected: 'one of each',
    fix: 'Pass { parameters, loss: (batch) => … } with a loss that calls the model itself.',
  })
}

/** Yes or no for each class by itself is no distribution over them: all would go to yes. */
function checkActivation({ name, activation }: Loss, ends: string | undefined): void {
  if (activation !== 'softmax' || (ends !== 'sigmoid' && ends !== 'hardSigmoid')) return
  throw new InputError({
    where: 'train(model, { loss })',
    received: `${name} for a model that ends in ${ends}`,
    expected: 'softmax, or no activation: one class an example',
    fix: "Change the last layer to activation: 'softmax'. Where an example may have several classes use loss: 'binaryCrossentropy'.",
  })
}

/** A softmax over one unit is 1 whatever comes in: nothing is learned, without a word. */
function checkEnd(model: tf.LayersModel): void {
  if (model.outputs[0]!.shape.at(-1) !== 1 || endingOf(model, 'softmax').ends !== 'softmax') return
  throw new InputError({
    where: 'train(model)',
    received: 'a model that ends in a softmax over 1 unit, whose output is always 1',
    expected: 'a unit for each class',
    fix: "For yes or no use activation: 'sigmoid' and loss: 'binaryCrossentropy', for numbers no activation.",
  })
}

const text = (shape: readonly (number | null)[]) => `[${shape.map((size) => size ?? '?').join(', ')}]`

/** What comes beside x and y no layers take. */
function checkFields(fields: readonly string[], name: string, where: string): void {
  const others = fields.filter((field) => field !== 'x' && field !== 'y')
  if (others.length === 0) return
  throw new InputError({
    where,
    received: `${others.join(', ')} beside x and y in ${name}`,
    expected: 'x and y alone: a tf.LayersModel has no use for more',
    fix: `Leave it out, or say what it is for: train({ parameters: model, loss: ({ x, y, ${others[0]} }) => … }, { … }).`,
  })
}

function checkShapes(
  model: tf.LayersModel,
  row: Loss | undefined,
  data: { name: string; x: FieldSpec; y: FieldSpec },
  where: string,
): void {
  const input = model.inputs[0]!.shape.slice(1)
  if (!fits(data.x.shape, input)) {
    const sizes = input.filter((size) => size !== null)
    const flat = input.length === 1 && data.x.shape.reduce((a, b) => a * b, 1) === input[0]
    throw new InputError({
      where,
      received: `x of shape ${text(data.x.shape)} in ${data.name}`,
      expected: `${text(input)}, the model's inputShape`,
      fix: flat
        ? `Put tf.layers.flatten({ inputShape: [${data.x.shape.join(', ')}] }) first, or load the data flat.`
        : `Give the first layer inputShape: [${data.x.shape.join(', ')}], or reshape x to [${sizes.join(', ')}].`,
    })
  }
  if (row) checkTargetShape(row, model.outputs[0]!.shape.slice(1), data, where)
}

/** The same layers, frozen alike, with values of their own: those of new initialisers until they are assigned. */
export function copyModel(model: tf.LayersModel): tf.LayersModel {
  const { constructor } = model as unknown as {
    constructor: { fromConfig(cls: unknown, config: unknown): tf.LayersModel }
  }
  const copy = withoutSeed(() => constructor.fromConfig(constructor, model.getConfig()))
  freezeAlike(copy, model)
  const trained = trainableWeights(model)
  const weights = weightsByName(model)
  for (const [name, weight] of weightsByName(copy)) weight.trainable = trained.has(weights.get(name)!)
  return copy
}

/** Models within that were frozen as a whole (`trunk.trainable = false`): a config says so of layers alone. */
function freezeAlike(copy: tf.LayersModel, model: tf.LayersModel): void {
  for (const [i, layer] of model.layers.entries()) {
    if (!('layers' in layer)) continue
    const twin = copy.layers[i] as tf.LayersModel
    freezeAlike(twin, layer as tf.LayersModel)
    if (twin.trainable !== layer.trainable) twin.trainable = layer.trainable
  }
}
