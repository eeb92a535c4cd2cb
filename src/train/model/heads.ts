/** The outputs of a tf.LayersModel, each with the loss that it learns by. */
import * as tf from '@tensorflow/tfjs'
import type { Dataset, FieldSpec, Parted } from '../../data/dataset.js'
import { ofTarget } from '../../data/table/target-part.js'
import { describe, InputError } from '../../errors.js'
import { listNearest } from '../../suggest.js'
import { Aligned } from '../loss/aligned.js'
import { losses, type Loss } from '../loss/losses.js'
import { checkBatchTargets, checkFirstTargets, checkTargetShape } from '../loss/targets.js'
import { taskOfData, taskOfLoss } from '../loss/task.js'
import { keysOf, outputsOf } from './inputs.js'
import { asValuesTell, endingOf, type Ending } from './logits.js'
import type { Output, Pass } from './trainee.js'
import { weighted } from './weighted.js'

/**
 * A loss of one's own for a tf.LayersModel, from the targets and the model's outputs: the loss of each example, [batch], or
 * their mean, or both (`{ loss, perExample }`). What the layers' regularizers add comes on top.
 */
export type LossFunction = (
  expected: tf.Tensor,
  predicted: tf.Tensor,
) => tf.Tensor | { loss: tf.Tensor; perExample?: tf.Tensor }

/** What a copy has of its original. */
export type KnownEnding = Pick<Ending, 'logits' | 'open'>

type Found = Pick<Pass, 'loss' | 'losses'>

export interface Head extends Output {
  /** How its outputs are taken: as logits where its loss works on these. Asked before each pass. */
  ending(): Ending
  lossOf(y: tf.Tensor, outputs: tf.Tensor, weights: tf.Tensor1D | undefined): Found
  /** Probabilities where the loss is a cross-entropy, else the outputs. */
  predictionsOf(outputs: tf.Tensor): tf.Tensor
  /** `data`: with its own target. */
  checkData(data: Dataset, where: string): void
  checkBatch(y: tf.Tensor, ids: readonly number[], name: string, where: string): void
}

const text = (shape: readonly (number | null)[]) => `[${shape.map((size) => size ?? '?').join(', ')}]`

/** One output with its loss. `whole`: the data that the ending is guessed from, where its values alone tell. */
export function createHead(at: {
  model: tf.LayersModel
  output: number
  name: string
  loss: string | LossFunction
  weight: number
  known: KnownEnding | undefined
  partIn(parts: readonly string[]): string
}): Head {
  const { model, output, name, loss, weight, known, partIn } = at
  const row = typeof loss === 'string' ? findLoss(loss) : undefined
  const shape = model.outputs[output]!.shape.slice(1)
  const width = shape.at(-1) ?? 1
  let ending: Ending = {
    ...endingOf(model, row?.activation, output),
    ...(known && { logits: known.logits, open: known.open }),
  }
  checkEnd(model, output)
  if (row) checkActivation(row, ending.ends)
  const aligned = new Aligned(typeof loss === 'function' ? loss : model, 'the loss')
  return {
    name,
    weight,
    shape,
    partIn,
    lossName: typeof loss === 'string' ? loss : loss.name || 'own function',
    ...(row?.activation === 'softmax' && { classes: width }),
    ...(row?.activation === 'sigmoid' && width === 1 && { binary: true }),
    ending: () => ending,
    lossOf(y, outputs, weights) {
      if (row) return meanOf(row.perExample(y, outputs, ending.logits), weights)
      const own = aligned.call(y, outputs, (one) => (loss as LossFunction)(one, outputs))
      return ownLossOf(own, outputs.shape[0]!, weights)
    },
    predictionsOf(outputs) {
      if (!ending.logits) return outputs
      return row!.activation === 'softmax' ? tf.softmax(outputs) : tf.sigmoid(outputs)
    },
    taskOf: (data) => taskOfLoss(row, ending.ends, shape) ?? taskOfData(data, shape),
    checkData(data, where) {
      if (row) {
        checkTargetShape(row, shape, data, where)
        checkFirstTargets(row, width, data, where)
      }
      if (ending.open) ending = asValuesTell(ending, model, row!.activation!, data, output)
    },
    checkBatch(y, ids, data, where) {
      if (row) checkBatchTargets(row, width, y, ids, data, where)
    },
  }
}

function meanOf(perExample: tf.Tensor1D, weights: tf.Tensor1D | undefined): Found {
  return {
    loss: (weights ? perExample.mul(weights) : perExample).mean() as tf.Scalar,
    losses: perExample,
  }
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
function checkEnd(model: tf.LayersModel, output: number): void {
  if (model.outputs[output]!.shape.at(-1) !== 1 || endingOf(model, 'softmax', output).ends !== 'softmax')
    return
  throw new InputError({
    where: 'train(model)',
    received: 'a model that ends in a softmax over 1 unit, whose output is always 1',
    expected: 'a unit for each class',
    fix: "For yes or no use activation: 'sigmoid' and loss: 'binaryCrossentropy', for numbers no activation.",
  })
}

/** A loss for each output of a model: one for all, by name, or in their order. */
export type Losses =
  | string
  | LossFunction
  | readonly (string | LossFunction)[]
  | { readonly [output: string]: string | LossFunction }

/** What each part of the loss is multiplied with, by output or in their order. */
export type LossWeights = { readonly [output: string]: number } | readonly number[]

/** The outputs of a model with their losses. `known`: of the model that this is a copy of, in the same order. */
export function headsOf(
  model: tf.LayersModel,
  loss: Losses,
  lossWeights: LossWeights | undefined,
  known: readonly KnownEnding[] | undefined,
): Head[] {
  const places = outputsOf(model)
  const { names } = places
  const weights = perOutput(lossWeights, 'lossWeights')
  for (const weight of weights ?? [])
    if (typeof weight !== 'number' || !Number.isFinite(weight) || weight < 0)
      throw new InputError({
        where: 'train(model, { lossWeights })',
        received: describe(weight),
        expected: 'a finite number for each output, 0 or more',
      })
  const own =
    typeof loss === 'string' || typeof loss === 'function'
      ? names.map(() => loss)
      : (perOutput(loss as Exclude<Losses, string | LossFunction>, 'loss') as (string | LossFunction)[])
  return names.map((name, output) =>
    createHead({
      model,
      output,
      name,
      loss: own[output]!,
      weight: (weights?.[output] as number | undefined) ?? 1,
      known: known?.[output],
      partIn: (parts) => keysOf(places, parts, 'y', `y of { ${parts.join(', ')} }`)[output]!,
    }),
  )

  function perOutput(
    given: { readonly [output: string]: unknown } | readonly unknown[] | undefined,
    option: string,
  ): unknown[] | undefined {
    if (given === undefined) return undefined
    const where = `train(model, { ${option} })`
    if (typeof given !== 'object' || given === null)
      throw new InputError({
        where,
        received: describe(given),
        expected: `one for each output: { ${names.join(', ')} }`,
      })
    const all = given as { readonly [output: string]: unknown }
    const keys = Object.keys(given)
    // A weight that is not said is 1; a loss that is not said is missing.
    if (option === 'lossWeights' && !Array.isArray(given)) {
      const partly = keysOf(
        places,
        [...keys, ...names.filter((name, i) => !keys.includes(name) && !keys.includes(places.others[i]!))],
        where,
        `weights of ${keys.join(', ')}`,
      )
      return partly.map((key) => all[key] ?? 1)
    }
    return keysOf(places, keys, where, `${option} of ${keys.join(', ') || 'nothing'}`).map((key) => all[key])
  }
}

/** The target of an output. */
export function targetOf(y: Parted, head: Output): tf.Tensor {
  if (y instanceof tf.Tensor) throw oneTarget(head.name)
  return y[head.partIn(Object.keys(y))]!
}

function oneTarget(name: string): InputError {
  return new InputError({
    where: 'y',
    received: 'one tensor',
    expected: `a target for each output of the model, by name: { ${name}: …, … }`,
  })
}

/** The data as one output sees it. */
export function dataOf(data: Dataset, head: Output): Dataset {
  return ofTarget(data, head.partIn(Object.keys(data.y.parts ?? {})))
}

/** Refuses data whose y is not several targets, one for each output. */
export function checkTargets(
  heads: readonly Head[],
  data: { name: string; y: FieldSpec },
  where: string,
): void {
  const names = heads.map(({ name }) => name).join(', ')
  if (!data.y.parts)
    throw new InputError({
      where,
      received: `y as one tensor of shape ${text(data.y.shape)} in ${data.name}`,
      expected: `a target for each output of the model, by name: ${names}`,
      fix: `Give data: { x, y: { ${names} } }, or y as an array of tensors in this order.`,
    })
  heads[0]!.partIn(Object.keys(data.y.parts))
}
