import type * as tf from '@tensorflow/tfjs'
import { activationTensors, type ActivationTensors } from '../model/activations.js'
import type { Core, Pace } from '../state/core.js'
import { gradientsAt, updatesAt } from './update.js'
import { type Gradients } from '../model/gradients.js'
import { normOf, type Update } from './step.js'
import type { AnyBatch } from '../model/batch.js'
import type { Weights } from '../model/trainee.js'

/** All that an iteration is made of, up to what it would change; nothing is changed yet. */
export interface OpenIteration {
  activations: ActivationTensors
  found: Gradients
  norm: tf.Scalar
  updates: Update[]
}

/** The iteration opened up, op by op: breakpoints and console.log in the model fire. */
export function openIteration(
  core: Core,
  batch: AnyBatch,
  weights: Weights | undefined,
  learningRate: number,
  pace: Pace,
): OpenIteration {
  const activations = activationTensors(core.trainee.model, batch.x)
  const found = gradientsAt(core, batch, { weights, predictions: true })
  const norm = normOf(found.gradients)
  return { activations, found, norm, updates: updatesAt(core, found.gradients, norm, learningRate, pace) }
}
