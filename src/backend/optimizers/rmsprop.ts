import * as tf from '@tensorflow/tfjs'
import type { Optimizer, Tensors } from './optimizer.js'
import { checkSettings } from './settings.js'
import { largestOf, leastEpsilon, plainSettings, settingsOf, type GroupedSettings } from './groups.js'

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
    settings: plainSettings(settings),
    reach({ gradient, largest, learningRate: rate }) {
      if (epsilon < leastEpsilon) return Infinity
      const { share, decay: weightDecay } = largestOf(settings)
      const decayed = gradient + weightDecay * largest
      const ratio = centered ? decayed / epsilon : 1 / Math.sqrt(1 - decay)
      const step = momentum * largest + ratio
      return Math.max(decayed, decayed ** 2, step, largest + share * rate * step)
    },
    init: (parameter): Tensors => ({
      square: tf.zerosLike(parameter),
      ...(centered && { mean: tf.zerosLike(parameter) }),
      ...(momentum && { velocity: tf.zerosLike(parameter) }),
    }),
    update(at) {
      const { rate, weightDecay } = settingsOf(settings, at)
      const gradient = weightDecay ? at.gradient.add(at.value.mul(weightDecay)) : at.gradient
      const slots: Tensors = { square: at.slots.square!.mul(decay).add(gradient.square().mul(1 - decay)) }
      // As `lerp` has it, which PyTorch takes here: the mean of a gradient that stays the same ends a little short of it, so that
      // its square stays below the mean square. Where it does not, by a rounding, the variance is 0.
      const { mean } = at.slots
      if (mean) slots.mean = mean.add(gradient.sub(mean).mul(1 - decay))
      const variance = slots.mean ? slots.square!.sub(slots.mean.square()).maximum(0) : slots.square!
      let step = gradient.div(variance.sqrt().add(epsilon))
      if (momentum) step = slots.velocity = at.slots.velocity!.mul(momentum).add(step)
      return { value: at.value.sub(step.mul(rate)), slots }
    },
  }
}
