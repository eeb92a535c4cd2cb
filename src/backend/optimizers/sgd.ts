import * as tf from '@tensorflow/tfjs'
import { InputError } from '../../errors.js'
import type { Optimizer, Tensors } from './optimizer.js'
import { checkSettings } from './settings.js'
import { largestOf, plainSettings, settingsOf, type GroupedSettings } from './groups.js'

export interface SgdSettings extends GroupedSettings {
  /** Share of the last update that is kept; 0 (the default) is plain gradient descent. */
  momentum?: number
  /** Look ahead along the momentum (Nesterov); needs momentum. */
  nesterov?: boolean
}

/**
 * Stochastic gradient descent, as `torch.optim.SGD` computes it: `velocity = momentum velocity + gradient`,
 * `value -= rate velocity` (Nesterov: `rate (gradient + momentum velocity)`). `weightDecay` is added to the gradient.
 *
 *     sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true })
 */
export function sgd(settings: SgdSettings): Optimizer {
  checkSettings('sgd', settings, {
    learningRate: 'positive',
    momentum: 'share',
    nesterov: 'any',
    weightDecay: 'notNegative',
    groups: 'any',
  })
  const { learningRate, momentum = 0, nesterov = false } = settings
  if (nesterov && !momentum)
    throw new InputError({
      where: 'sgd({ nesterov })',
      received: 'nesterov without momentum',
      expected: 'a momentum to look ahead along',
      fix: 'Write sgd({ learningRate, momentum: 0.9, nesterov: true }).',
    })
  return {
    name: 'sgd',
    learningRate,
    settings: plainSettings(settings),
    reach({ gradient, largest, learningRate: rate }) {
      const { share, decay } = largestOf(settings)
      const decayed = gradient + decay * largest
      const velocity = momentum * largest + decayed
      return Math.max(velocity, largest + share * rate * (decayed + velocity))
    },
    init: (parameter): Tensors => (momentum ? { velocity: tf.zerosLike(parameter) } : {}),
    update(at): { value: tf.Tensor; slots: Tensors } {
      const { rate, weightDecay } = settingsOf(settings, at)
      const gradient = weightDecay ? at.gradient.add(at.value.mul(weightDecay)) : at.gradient
      if (!momentum) return { value: at.value.sub(gradient.mul(rate)), slots: {} }
      const velocity = at.slots.velocity!.mul(momentum).add(gradient)
      const direction = nesterov ? gradient.add(velocity.mul(momentum)) : velocity
      return { value: at.value.sub(direction.mul(rate)), slots: { velocity } }
    },
  }
}
