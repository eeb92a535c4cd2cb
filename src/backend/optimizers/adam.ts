import * as tf from '@tensorflow/tfjs'
import type { Optimizer } from './optimizer.js'
import { checkSettings } from './settings.js'
import { largestOf, leastEpsilon, plainSettings, settingsOf, type GroupedSettings } from './groups.js'

export interface AdamSettings extends Omit<GroupedSettings, 'weightDecay'> {
  /** Share of the mean gradient that is kept, 0.9. */
  beta1?: number
  /** Share of the mean squared gradient that is kept, 0.999. */
  beta2?: number
  /** Added to the root of the mean square, 1e-8. */
  epsilon?: number
}

export interface AdamwSettings extends AdamSettings {
  /** Share of the value that an update takes away, times the rate: 0.01. All parameters decay unless `groups` says otherwise. */
  weightDecay?: number
}

/** `1 - beta^iteration`, by way of expm1: in float32, `1 - 0.999` alone is already wrong in the fifth digit. */
function biasCorrection(beta: number, iteration: tf.Scalar): tf.Scalar {
  return tf.expm1(iteration.mul(Math.log(beta))).neg() as tf.Scalar
}

function createAdam(name: string, settings: AdamwSettings): Optimizer {
  const { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = settings
  return {
    name,
    learningRate,
    settings: plainSettings(settings),
    reach({ gradient, largest, learningRate: rate }) {
      if (epsilon < leastEpsilon || beta1 ** 2 >= beta2) return Infinity
      const { share, decay } = largestOf(settings)
      // By Cauchy and Schwarz m is no more than so many roots of v; the corrections add a factor.
      const roots = 1 / Math.sqrt((1 - beta2) * (1 - beta1 ** 2 / beta2))
      return Math.max(gradient, gradient ** 2, largest + share * rate * (roots + decay * largest))
    },
    init: (parameter) => ({ m: tf.zerosLike(parameter), v: tf.zerosLike(parameter) }),
    update(at) {
      const { rate, weightDecay } = settingsOf(settings, at)
      const m = at.slots.m!.mul(beta1).add(at.gradient.mul(1 - beta1))
      const v = at.slots.v!.mul(beta2).add(at.gradient.square().mul(1 - beta2))
      // The corrections stand beside the rate, so that they are no passes over the parameter.
      const correction = biasCorrection(beta2, at.iteration).sqrt()
      const root = v.sqrt().add(correction.mul(epsilon))
      const step = m.div(root).mul(rate.mul(correction).div(biasCorrection(beta1, at.iteration)))
      const kept = weightDecay ? at.value.mul(tf.sub(1, rate.mul(weightDecay))) : at.value
      return { value: kept.sub(step), slots: { m, v } }
    },
  }
}

const rows = {
  learningRate: 'positive',
  beta1: 'share',
  beta2: 'share',
  epsilon: 'notNegative',
  groups: 'any',
} as const

/**
 * Adam (Kingma & Ba 2015) with bias correction, as `torch.optim.Adam` computes it.
 *
 *     adam({ learningRate: 1e-3 })
 */
export function adam(settings: AdamSettings): Optimizer {
  checkSettings('adam', settings, rows)
  return createAdam('adam', settings)
}

/**
 * Adam with decoupled weight decay (Loshchilov & Hutter 2019), as `torch.optim.AdamW` computes it.
 *
 *     adamw({ learningRate: 1e-3, beta2: 0.99, weightDecay: 0.1, groups: [{ parameters: 'vectors', weightDecay: 0 }] })
 */
export function adamw(settings: AdamwSettings): Optimizer {
  checkSettings('adamw', settings, { ...rows, weightDecay: 'notNegative' })
  return createAdam('adamw', { ...settings, weightDecay: settings.weightDecay ?? 0.01 })
}
