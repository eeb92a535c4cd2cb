import * as tf from '@tensorflow/tfjs'
import type { Optimizer } from './optimizer.js'
import { checkSettings } from './settings.js'
import { largestOf, plainSettings, settingsOf, type GroupedSettings } from './groups.js'

export interface LionSettings extends GroupedSettings {
  /** Share of the momentum in the direction of a step, 0.9. */
  beta1?: number
  /** Share of the momentum that is kept, 0.99. */
  beta2?: number
}

/**
 * Lion (Chen et al. 2023, algorithm 2): each entry moves by the rate, in the direction of the sign of a mean of gradients.
 * The rate is 3 to 10 times smaller than AdamW's, the decoupled weight decay as much larger.
 *
 *     lion({ learningRate: 1e-4, weightDecay: 1 })
 */
export function lion(settings: LionSettings): Optimizer {
  checkSettings('lion', settings, {
    learningRate: 'positive',
    beta1: 'share',
    beta2: 'share',
    weightDecay: 'notNegative',
    groups: 'any',
  })
  const { learningRate, beta1 = 0.9, beta2 = 0.99 } = settings
  return {
    name: 'lion',
    learningRate,
    settings: plainSettings(settings),
    reach({ gradient, largest, learningRate: rate }) {
      const { share, decay } = largestOf(settings)
      return Math.max(gradient, largest + share * rate * (1 + decay * largest))
    },
    init: (parameter) => ({ momentum: tf.zerosLike(parameter) }),
    update(at) {
      const { rate, weightDecay } = settingsOf(settings, at)
      const direction = at.slots
        .momentum!.mul(beta1)
        .add(at.gradient.mul(1 - beta1))
        .sign()
      const momentum = at.slots.momentum!.mul(beta2).add(at.gradient.mul(1 - beta2))
      const kept = weightDecay ? at.value.mul(tf.sub(1, rate.mul(weightDecay))) : at.value
      return { value: kept.sub(direction.mul(rate)), slots: { momentum } }
    },
  }
}
