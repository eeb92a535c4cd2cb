import * as tf from '@tensorflow/tfjs'
import type { Optimizer, Tensors } from '../optimizer.js'
import { checkSettings } from './check.js'
import { record, settingsOf, type GroupedSettings } from './groups.js'

export interface RmspropSettings extends GroupedSettings {
  /** Share of the mean squared gradient that is kept, 0.99. */
  decay?: number
  /** Share of the last update that is kept, 0. */
  momentum?: number
  /** Added to the root, 1e-8. */
  epsilon?: number
  /** Divides by the standard deviation of the gradient instead of its root mean square. */
  centered?: boolean
}

/**
 * RMSprop (Hinton's lecture 6e) as `torch.optim.RMSprop` computes it. `weightDecay` is added to the gradient.
 *
 *     rmsprop({ learningRate: 1e-3, momentum: 0.9 })
 */
export function rmsprop(settings: RmspropSettings): Optimizer {
  checkSettings('rmsprop', settings, {
    learningRate: 'positive',
    decay: 'share',
    momentum: 'share',
    epsilon: 'notNegative',
    centered: 'any',
    weightDecay: 'notNegative',
    groups: 'any',
  })
  const { learningRate, decay = 0.99, momentum = 0, epsilon = 1e-8, centered = false } = settings
  return {
    name: 'rmsprop',
    learningRate,
    settings: record(settings),
    init: (parameter): Tensors => ({
      square: tf.zerosLike(parameter),
      ...(centered && { mean: tf.zerosLike(parameter) }),
      ...(momentum && { velocity: tf.zerosLike(parameter) }),
    }),
    update(at) {
      const { rate, weightDecay } = settingsOf(settings, at)
      const gradient = weightDecay ? at.gradient.add(at.value.mul(weightDecay)) : at.gradient
      const slots: Tensors = { square: at.slots.square!.mul(decay).add(gradient.square().mul(1 - decay)) }
      if (centered) slots.mean = at.slots.mean!.mul(decay).add(gradient.mul(1 - decay))
      const variance = centered ? slots.square!.sub(slots.mean!.square()) : slots.square!
      let step = gradient.div(variance.sqrt().add(epsilon))
      if (momentum) step = slots.velocity = at.slots.velocity!.mul(momentum).add(step)
      return { value: at.value.sub(step.mul(rate)), slots }
    },
  }
}
