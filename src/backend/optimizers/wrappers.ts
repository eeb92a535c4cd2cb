import * as tf from '@tensorflow/tfjs'
import { InputError, describe } from '../../errors.js'
import type { Optimizer, Tensors } from './optimizer.js'

/**
 * Keeps a moving average of every parameter beside another optimizer, in the slot `average`:
 * `average = decay average + (1 - decay) value`. Often better than the last weights.
 *
 *     ema(adam({ learningRate: 1e-3 }), { decay: 0.999 })
 */
export function ema(optimizer: Optimizer, { decay = 0.999 }: { decay?: number } = {}): Optimizer {
  if (!(decay >= 0 && decay < 1))
    throw new InputError({
      where: 'ema(optimizer, { decay })',
      received: describe(decay),
      expected: 'a number from 0 to less than 1',
    })
  return {
    ...optimizer,
    settings: { ...optimizer.settings, ema: decay },
    init: (parameter, name) => ({ ...optimizer.init(parameter, name), average: parameter.clone() }),
    update(at) {
      const { average, ...rest } = at.slots
      const { value, slots } = optimizer.update({ ...at, slots: rest })
      return { value, slots: { ...slots, average: average!.mul(decay).add(value.mul(1 - decay)) } }
    },
  }
}

/**
 * Updates only every `every`-th iteration, with the mean of the gradients since the last update: batches that do not fit in
 * memory, in parts. The optimizer's own count is that of updates.
 *
 *     accumulate(sgd({ learningRate: 0.1 }), { every: 4 })
 */
export function accumulate(optimizer: Optimizer, { every }: { every: number }): Optimizer {
  if (!Number.isInteger(every) || every < 1)
    throw new InputError({
      where: 'accumulate(optimizer, { every })',
      received: describe(every),
      expected: 'a whole number of iterations, 1 or more',
    })
  return {
    ...optimizer,
    settings: { ...optimizer.settings, accumulate: every },
    reach: ({ gradient, largest, learningRate }) =>
      optimizer.reach?.({ gradient: largest + gradient, largest: largest + gradient, learningRate }) ??
      Infinity,
    init: (parameter, name) => ({
      ...optimizer.init(parameter, name),
      gradients: tf.zerosLike(parameter),
    }),
    update(at) {
      const { gradients, ...rest } = at.slots
      const sum = gradients!.add(at.gradient.div(every))
      // Whole numbers of float32 divide to whole numbers exactly, so this is no matter of rounding.
      const due = tf.equal(tf.mod(at.iteration, every), 0)
      const iteration = tf.ceil(at.iteration.div(every)) as tf.Scalar
      const next = optimizer.update({ ...at, gradient: sum, slots: rest, iteration })
      const slots: Tensors = { gradients: tf.where(due, tf.zerosLike(sum), sum) }
      for (const slot in rest) slots[slot] = tf.where(due, next.slots[slot]!, rest[slot]!)
      return { value: tf.where(due, next.value, at.value), slots }
    },
  }
}
