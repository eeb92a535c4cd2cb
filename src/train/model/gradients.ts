import * as tf from '@tensorflow/tfjs'
import { InputError } from '../../errors.js'
import { during } from '../../settle.js'
import type { Parameter, Trainee, Weights } from './trainee.js'
import type { AnyBatch } from './batch.js'
import type { Parted } from '../../data/dataset.js'
import { mapParts, tensorsIn } from '../../data/table/parts.js'
import { scalarsOf } from './said.js'

/** What one pass forward and back gives. All tensors belong to the caller. */
export interface Gradients {
  loss: tf.Scalar
  losses?: tf.Tensor1D
  /** Scalars that a loss of one's own says beside it. */
  said: { readonly [name: string]: tf.Scalar }
  predictions?: Parted
  /** Whether the model gives predictions at all. */
  predicts: boolean
  /** By place in `parameters`; null where the loss does not depend on the parameter. */
  gradients: (tf.Tensor | null)[]
  /** Values that the pass gave to `trainee.state`; they are set when the update is. */
  state: tf.Tensor[]
}

/**
 * The loss of a batch and its gradients. A pure function of variables and inputs: nothing is read from a tensor and
 * nothing is changed, so the same lines run op by op, recorded, or compiled.
 */
export function gradientsOf(
  trainee: Trainee,
  parameters: readonly Parameter[],
  batch: AnyBatch,
  { weights, predictions: wanted = false }: { weights?: Weights; predictions?: boolean } = {},
): Gradients {
  return tf.tidy(() => {
    let losses: tf.Tensor1D | undefined
    let predictions: Parted | undefined
    let predicts = false
    const said: { [name: string]: tf.Scalar } = {}
    const putBack = keepState(trainee.state)
    const end = () => {
      putBack()
      const kept = [
        losses,
        ...(predictions ? tensorsIn(predictions).map(([, one]) => one) : []),
        ...Object.values(said),
      ]
      for (const tensor of kept) if (tensor?.kept) tensor.dispose()
    }
    return during(end, () => {
      const giveBack = borrow(trainee)
      const through = trainee.borrow
        ? parameters.map((parameter) => trainee.borrow!.through[trainee.parameters.indexOf(parameter)]!)
        : parameters.map(({ variable }) => variable)
      const { value, grads } = tf.engine().gradients(
        () => {
          const pass = trainee.pass!(batch, { training: true, weights })
          // The scope of a gradient disposes all but the loss; these are taken out of it.
          losses = pass.losses && tf.keep(pass.losses.clone())
          for (const [name, value] of Object.entries(scalarsOf(pass.said)))
            said[name] = tf.keep(value.clone())
          predicts = pass.predictions !== undefined
          predictions =
            wanted && pass.predictions
              ? mapParts(pass.predictions(), (one) => tf.keep(one.clone()))
              : undefined
          return pass.loss
        },
        through,
        undefined,
        true,
      )
      // From here on they are this scope's, also where what follows throws.
      if (losses) adopt(losses)
      for (const name in said) adopt(said[name]!)
      if (predictions) for (const [, one] of tensorsIn(predictions)) adopt(one)
      if (grads.every((gradient) => gradient === undefined || gradient === null))
        throw unconnected(parameters)
      giveBack()
      const state = trainee.state.map(({ variable }) => variable.clone())
      return {
        loss: value as tf.Scalar,
        ...(losses && { losses }),
        said,
        predicts,
        ...(predictions && { predictions }),
        gradients: grads.map((gradient) => gradient ?? null),
        state,
      }
    })
  })
}

/** Gives a variable a value, unless it has it: of what is to be put back, part may have been put back already. */
export function assignOnce(variable: tf.Variable, value: tf.Tensor): void {
  if (variable.dataId !== value.dataId) variable.assign(value)
}

/**
 * Runs `work`, which looks at a model by its own functions: what these assign to its state (a moving average) is taken back. The
 * states of recurrent layers go on to the next batch of a look, and are put back by whoever looks.
 */
export function looking<T>(trainee: Trainee, work: () => T): T {
  const passed = new Set(trainee.states)
  return during(keepState(trainee.state.filter((one) => !passed.has(one))), () => {
    const giveBack = borrow(trainee)
    const result = work()
    giveBack()
    return result
  })
}

/** Within a scope of tensors: remembers what a forward pass may move; the function given puts it back. */
function keepState(state: readonly Parameter[]): () => void {
  const before = state.map(({ variable }) => variable.clone())
  return () => {
    for (const [i, { variable }] of state.entries())
      if (!variable.isDisposed) assignOnce(variable, before[i]!)
  }
}

/** Within a `during`: lends a copy's values to the model whose functions it uses, until the function given is called, or to its end. */
export function borrow(trainee: Trainee): () => void {
  return trainee.borrow?.begin() ?? (() => {})
}

/**
 * `tf.tidy` for results of any type: all tensors made in `work` end, but those that it gives to `keep`. (tf.tidy itself
 * looks for tensors in all that is returned, entry by entry of each array.)
 */
export function tidily<T>(work: (keep: <Kept>(tensors: Kept) => Kept) => T): T {
  let result!: T
  const kept: unknown[] = []
  tf.tidy(() => {
    result = work((tensors) => {
      kept.push(tensors)
      return tensors
    })
    return kept as tf.TensorContainer
  })
  return result
}

/** Gives a kept tensor back to the scope that is open now. */
export function adopt<T extends tf.Tensor>(tensor: T): T {
  tensor.kept = false
  return (tf.engine() as unknown as { track(tensor: tf.Tensor): tf.Tensor }).track(tensor) as T
}

export function unconnected(parameters: readonly Parameter[]): InputError {
  return new InputError({
    where: 'the loss',
    received: `a loss that depends on none of the parameters (${parameters
      .slice(0, 4)
      .map(({ name }) => name)
      .join(', ')}${parameters.length > 4 ? ', …' : ''})`,
    expected: 'a loss computed from them with tfjs operations',
    fix: 'A value read with dataSync(), or operations without a gradient (argMax, round), cut the connection.',
  })
}
