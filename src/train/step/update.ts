import * as tf from '@tensorflow/tfjs'
import { withRandomness } from '../../backend/random/index.js'
import { gradientsOf, type Gradients } from '../model/gradients.js'
import type { AnyBatch } from '../model/batch.js'
import type { Weights } from '../model/trainee.js'
import { checkPredicts } from '../model/measure.js'
import type { Core, Pace } from '../state/core.js'
import { namingExample } from './outside.js'
import { updatesOf, type Update } from './step.js'

/** Whether gradients of this norm make a finite update at this rate, in float32. */
export function isFiniteUpdate(gradientNorm: number, learningRate: number): boolean {
  return Number.isFinite(Math.fround(gradientNorm * learningRate))
}

/** Loss and gradients of a batch, with the randomness of its iteration. */
export function gradientsAt(
  core: Core,
  batch: AnyBatch,
  options: { weights?: Weights; predictions?: boolean } = {},
): Gradients {
  const found = namingExample(batch, () =>
    withRandomness(core.randomnessOf(batch.iteration), () =>
      gradientsOf(core.trainee, core.parameters, batch, options),
    ),
  )
  checkPredicts(core, found.predicts)
  return found
}

/** The optimizer's updates to these gradients, clipped, not yet made. */
export function updatesAt(
  core: Core,
  gradients: readonly (tf.Tensor | null)[],
  norm: tf.Scalar,
  learningRate: number,
  pace: Pace,
): Update[] {
  const { ema } = core.settings
  return updatesOf({
    optimizer: core.settings.optimizer,
    parameters: core.parameters,
    gradients,
    norm,
    clipping: core.settings,
    slots: core.slots,
    learningRate: tf.scalar(learningRate),
    count: tf.scalar(core.state.updates + 1),
    pace: { ...pace, waiting: tf.scalar(pace.waiting) },
    decay: ema === undefined ? null : tf.scalar(ema),
  })
}

/** Makes the updates: references change, nothing is computed, so there is no moment at which half is done. */
export function commit(core: Core, updates: readonly Update[], state: readonly tf.Tensor[]): void {
  for (const { changes } of updates) for (const [variable, value] of changes) variable.assign(value)
  // By hand an update may be made of gradients that no forward pass gave: then the state stays.
  for (const [i, { variable }] of core.trainee.state.entries()) if (state[i]) variable.assign(state[i])
  core.changed()
}
