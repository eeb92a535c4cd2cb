import * as tf from '@tensorflow/tfjs'
import type { Optimizer } from './optimizer.js'
import { checkSettings } from './settings.js'
import { largestOf, leastEpsilon, plainSettings, settingsOf, type GroupedSettings } from './groups.js'

export interface AdagradSettings extends GroupedSettings {
  /** What the sum of squared gradients starts from, 0. */
  initial?: number
  /** Added to the root, 1e-10. */
  epsilon?: number
}

/**
 * Adagrad (Duchi, Hazan & Singer 2011) as `torch.optim.Adagrad` computes it. `weightDecay` is added to the gradient.
 *
 *     adagrad({ learningRate: 0.01 })
 */
export function adagrad(settings: AdagradSettings): Optimizer {
  checkSettings('adagrad', settings, {
    learningRate: 'positive',
    initial: 'notNegative',
    epsilon: 'notNegative',
    weightDecay: 'notNegative',
    groups: 'any',
  })
  const { learningRate, initial = 0, epsilon = 1e-10 } = settings
  return {
    name: 'adagrad',
    learningRate,
    settings: plainSettings(settings),
    reach({ gradient, largest, learningRate: rate }) {
      if (epsilon < leastEpsilon) return Infinity
      const { share, decay } = largestOf(settings)
      const decayed = gradient + decay * largest
      // What is divided by is at least what is divided.
      return Math.max(largest + decayed ** 2, largest + share * rate)
    },
    init: (parameter) => ({ sum: tf.fill(parameter.shape, initial) }),
    update(at) {
      const { rate, weightDecay } = settingsOf(settings, at)
      const gradient = weightDecay ? at.gradient.add(at.value.mul(weightDecay)) : at.gradient
      const sum = at.slots.sum!.add(gradient.square())
      return { value: at.value.sub(gradient.mul(rate).div(sum.sqrt().add(epsilon))), slots: { sum } }
    },
  }
}
