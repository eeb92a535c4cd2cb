import * as tf from '@tensorflow/tfjs'
import type { Dataset, Parted } from '../../data/dataset.js'
import { describe, InputError } from '../../errors.js'
import { withoutSeed } from '../../seed.js'
import { penaltiesOf } from '../loss/penalties.js'
import { dropoutsOf } from './dropout.js'
import {
  checkTargets,
  dataOf,
  headsOf,
  targetOf,
  type Head,
  type KnownEnding,
  type Losses,
  type LossFunction,
  type LossWeights,
} from './heads.js'
import { checkInputs, inputsFor } from './inputs.js'
import { frozenNorms, whileStill } from './norms.js'
import { placeWeights, weightsByName } from './place.js'
import { checkTokens, tokensOf } from './tokens.js'
import { trainableWeights } from './trainable.js'
import type { OutputKind, Pass, Trainee, Weights } from './trainee.js'
import { tensorsOf, type AnyBatch } from './batch.js'

export function isLayersModel(value: unknown): value is tf.LayersModel {
  return (
    typeof value === 'object' &&
    value !== null &&
    Array.isArray((value as Partial<tf.LayersModel>).layers) &&
    'predict' in value
  )
}

/** What a copy has of its original. */
interface Known {
  /** Of each output. */
  endings: readonly KnownEnding[]
  /** Names of the parameters: the layers may say otherwise since. */
  trained: ReadonlySet<string>
}

/** What else is known of how a model is to be trained. */
export interface LayersOptions {
  lossWeights?: LossWeights | undefined
  /** Fields beside x and y that are for something else than the model: weights of the examples. */
  beside?: readonly string[]
}

/** A tf.LayersModel with a loss, or one for each output, as something to train. */
export function layersTrainee(
  model: tf.LayersModel,
  loss: Losses,
  options: LayersOptions = {},
  known?: Known,
): Trainee {
  checkModel(model)
  const { lossWeights, beside = [] } = options
  const isOne = model.outputs.length === 1
  if (isOne && lossWeights !== undefined) checkOneWeight(lossWeights)
  const heads = headsOf(model, loss, isOne ? undefined : lossWeights, known?.endings)
  const [head] = heads as [Head]
  const { parameters, state, states } = placeWeights(model, known && ((name) => known.trained.has(name)))
  if (parameters.length === 0) throw nothingToTrain(model)
  const still = frozenNorms(model, parameters)

  /** The outputs, in their order. */
  function run(x: Parted, training: boolean): tf.Tensor[] {
    const inputs = inputsFor(model, x)
    const apply = () => whileStill(training ? still : [], () => model.apply(inputs, { training }))
    const asLogits = heads.reduce<() => unknown>(
      (inner, one) => () => one.ending().of(inner as () => tf.Tensor),
      apply,
    )
    return [asLogits()].flat() as tf.Tensor[]
  }

  const tokens = tokensOf(model)

  function pass(batch: AnyBatch, { training, weights }: { training: boolean; weights?: Weights }): Pass {
    const outputs = run(batch.x, training)
    const found = isOne
      ? head.lossOf(oneY(batch.y), outputs[0]!, weights && oneWeight(weights))
      : lossesOf(heads, batch.y, outputs, weights, training)
    if (training) for (const penalty of penaltiesOf(model)) found.loss = found.loss.add(penalty)
    return { ...found, predictions: () => predictionsOf(outputs) }
  }

  function predictionsOf(outputs: readonly tf.Tensor[]): Parted {
    if (isOne) return head.predictionsOf(outputs[0]!)
    return Object.fromEntries(heads.map((one, i) => [one.name, one.predictionsOf(outputs[i]!)]))
  }

  return {
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
    lossName: isOne ? head.lossName : heads.map((one) => `${one.name}: ${one.lossName}`).join(', '),
    pass,
    predict: ({ x }) => predictionsOf(run(x, false)),
    checkBatch(batch, name, where) {
      checkFields(Object.keys(tensorsOf(batch)), beside, name, where)
      for (const one of heads)
        one.checkBatch(isOne ? oneY(batch.y) : targetOf(batch.y, one), batch.ids, name, where)
      checkTokens(model, tokens, batch, name, where)
    },
    ...(isOne
      ? { outputs: head.shape, taskOf: head.taskOf, ...kindOf(head) }
      : { several: heads, kindOf: (name) => kindOf(heads.find((one) => one.name === name)!) }),
    checkData(data, where) {
      checkFields(Object.keys(data.fields ?? {}), beside, data.name, where)
      checkInputs(model, data, where)
      if (!isOne) checkTargets(heads, data, where)
      else if (data.y.parts) throw partsForOne(data, where)
      for (const one of heads) one.checkData(isOne ? data : dataOf(data, one), where)
    },
    copy() {
      const trained = new Set(parameters.map(({ name }) => name))
      const endings = heads.map((one) => one.ending())
      const twin = layersTrainee(copyModel(model), byOutput(loss, heads), options, { endings, trained })
      const from = new Map([...parameters, ...state].map(({ name, variable }) => [name, variable]))
      for (const { name, variable } of [...twin.parameters, ...twin.state]) variable.assign(from.get(name)!)
      return twin
    },
  }
}

/** By place: the names that a copy's layers get of tfjs are others. */
function byOutput(loss: Losses, heads: readonly Head[]): Losses {
  if (typeof loss === 'string' || typeof loss === 'function' || Array.isArray(loss)) return loss
  const given = loss as { readonly [output: string]: string | LossFunction }
  return heads.map(({ name, partIn }) => given[name] ?? given[partIn(Object.keys(given))]!)
}

const kindOf = ({ classes, binary }: OutputKind): OutputKind => ({
  ...(classes !== undefined && { classes }),
  ...(binary && { binary }),
})

/** The sum of what each output has to say, times its weight. */
function lossesOf(
  heads: readonly Head[],
  y: Parted,
  outputs: readonly tf.Tensor[],
  weights: Weights | undefined,
  training: boolean,
): Pick<Pass, 'loss' | 'losses' | 'said'> {
  const said: { [name: string]: tf.Tensor } = {}
  let loss: tf.Tensor | undefined
  let losses: tf.Tensor | undefined
  let each = true
  for (const [i, head] of heads.entries()) {
    const own = weights instanceof tf.Tensor ? weights : (weights?.[head.name] as tf.Tensor1D | undefined)
    const found = head.lossOf(targetOf(y, head), outputs[i]!, own)
    loss = loss ? loss.add(found.loss.mul(head.weight)) : found.loss.mul(head.weight)
    each &&= found.losses !== undefined
    if (found.losses) {
      const part = found.losses.mul(head.weight)
      losses = losses ? losses.add(part) : part
    }
    // In training the mean that is learned from; where each example is looked at, its own.
    said[`${head.name}_loss`] = training ? found.loss : (found.losses ?? found.loss)
  }
  return { loss: loss as tf.Scalar, ...(each && { losses: losses as tf.Tensor1D }), said }
}

function oneWeight(weights: Weights): tf.Tensor1D {
  return weights instanceof tf.Tensor ? weights : (Object.values(weights)[0] as tf.Tensor1D)
}

function oneY(y: Parted): tf.Tensor {
  if (y instanceof tf.Tensor) return y
  throw new InputError({
    where: 'y',
    received: `{ ${Object.keys(y).join(', ')} } for a model with one output`,
    expected: 'one tensor',
  })
}

function partsForOne({ name, y }: Dataset, where: string): InputError {
  const [part] = Object.keys(y.parts!)
  return new InputError({
    where,
    received: `y of { ${Object.keys(y.parts!).join(', ')} } in ${name}, for a model with one output`,
    expected: 'y as one tensor',
    fix: `Give y: ${part} alone, or a tf.model with an output for each.`,
  })
}

function checkOneWeight(weights: LossWeights): never {
  throw new InputError({
    where: 'train(model, { lossWeights })',
    received: `${describe(weights)} for a model with one output`,
    expected: 'no lossWeights: they weigh the losses of several outputs against each other',
    fix: 'The weights of examples are sampleWeight and classWeight.',
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
}

/** What comes beside x and y no layers take. */
function checkFields(
  fields: readonly string[],
  beside: readonly string[],
  name: string,
  where: string,
): void {
  const others = fields.filter((field) => !/^[xy](\.|$)/.test(field) && !beside.includes(field))
  if (others.length === 0) return
  throw new InputError({
    where,
    received: `${others.join(', ')} beside x and y in ${name}`,
    expected: 'x and y alone: a tf.LayersModel has no use for more',
    fix: `Leave it out, name it as sampleWeight where it is the examples' weights, or say what it is for: train({ parameters: model, loss: ({ x, y, ${others[0]} }) => … }, { … }).`,
  })
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
