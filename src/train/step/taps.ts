import type * as tf from '@tensorflow/tfjs'
import { tapActivations, type ActivationTaps } from '../model/activations.js'
import type { Core } from '../state/core.js'
import { gradientsAt, updatesAt } from './iteration.js'
import { type Gradients } from '../model/gradients.js'
import { normOf, type Pace, type Update } from './step.js'
import type { Batch } from '../model/batch.js'

/** All that an iteration is made of, up to what it would change; nothing is changed yet. */
export interface Taps {
  activations: ActivationTaps
  found: Gradients
  norm: tf.Scalar
  updates: Update[]
}

/** The iteration opened up, op by op: breakpoints and console.log in the model fire. */
export function tapsAt(
  core: Core,
  batch: Batch,
  weights: tf.Tensor1D | undefined,
  learningRate: number,
  pace: Pace,
): Taps {
  const activations = tapActivations(core.trainee.model, batch.x)
  const found = gradientsAt(core, batch, { weights, predictions: true })
  const norm = normOf(found.gradients)
  return { activations, found, norm, updates: updatesAt(core, found.gradients, norm, learningRate, pace) }
}
