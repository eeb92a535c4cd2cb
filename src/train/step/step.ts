import * as tf from '@tensorflow/tfjs'
import type { Optimizer } from '../../backend/optimizers/optimizer.js'
import type { Parameter } from '../model/trainee.js'
import type { Pace } from '../state/core.js'
import { averageOf, sumOf, type Slots } from '../state/slots.js'

/** What the squares of the gradient at place `i` count for in the norm: themselves, or 0. */
export type Counted = (square: tf.Tensor, i: number) => tf.Tensor

/** Euclidean norm over all gradients. */
export function normOf(
  gradients: readonly (tf.Tensor | null)[],
  counted: Counted = (square) => square,
): tf.Scalar {
  return tf.tidy(() => {
    const squares = gradients.flatMap((gradient, i) =>
      gradient ? [counted(gradient.square().sum(), i)] : [],
    )
    return tf.addN(squares).sqrt().reshape([])
  })
}

export interface Clipping {
  /** Gradients are scaled down together to this norm. */
  clipNorm?: number
  /** Each entry is cut to -clipValue … clipValue, before the norm is clipped. */
  clipValue?: number
}

/** The gradients as the optimizer gets them. `norm` is theirs before. */
export function clip(
  gradients: readonly (tf.Tensor | null)[],
  norm: tf.Scalar,
  { clipNorm, clipValue }: Clipping,
  counted?: Counted,
): (tf.Tensor | null)[] {
  if (clipNorm === undefined && clipValue === undefined) return [...gradients]
  let cut = [...gradients]
  let size = norm
  if (clipValue !== undefined) {
    cut = cut.map((gradient) => gradient?.clipByValue(-clipValue, clipValue) ?? null)
    if (clipNorm !== undefined) size = normOf(cut, counted)
  }
  if (clipNorm === undefined) return cut
  // 1e-6 as torch.nn.utils.clip_grad_norm_ has it, so that the same run there gives the same numbers.
  const scale = tf.minimum(1, tf.div(clipNorm, size.add(1e-6)))
  return cut.map((gradient) => gradient?.mul(scale) ?? null)
}

export interface Update {
  parameter: Parameter
  /** The parameter's new value; undefined where its gradient only waits. */
  value: tf.Tensor | undefined
  /** All that changes, the parameter itself included, not yet assigned. */
  changes: (readonly [tf.Variable, tf.Tensor])[]
}

/**
 * New values and slots, not yet assigned. Pure, as `gradientsOf` is. Gradients that waited count by their examples, so
 * four batches of 16 update as one of 64 does, also where an epoch's last batch is shorter.
 */
export function updatesOf(at: {
  optimizer: Optimizer
  parameters: readonly Parameter[]
  gradients: readonly (tf.Tensor | null)[]
  norm: tf.Scalar
  clipping: Clipping
  slots: Slots
  learningRate: tf.Scalar
  /** Which of the optimizer's updates it is, from 1. */
  count: tf.Scalar
  pace: Omit<Pace, 'waiting'> & { waiting: tf.Scalar | null }
  /** Share of the average of each parameter that is kept; null: there is none. */
  decay: tf.Scalar | null
  /** What counts in the norm; all, unless said otherwise. */
  counted?: Counted
}): Update[] {
  const { optimizer, parameters, slots, learningRate, count, pace } = at
  const { mode, examples, waiting } = pace
  const sums = parameters.map(({ name }) => slots.get(sumOf(name))?.gradients)
  if (mode === 'add')
    return parameters.map((parameter, i) => {
      const gradient = at.gradients[i]
      const sum = sums[i]!
      return {
        parameter,
        value: undefined,
        changes: gradient ? [[sum, sum.add(gradient.mul(examples))]] : [],
      }
    })
  const total = waiting?.add(examples)
  const gradients =
    mode === 'plain'
      ? at.gradients
      : at.gradients.map((own, i) => (own ? sums[i]!.add(own.mul(examples)) : sums[i]!).div(total!))
  const norm = mode === 'plain' ? at.norm : normOf(gradients, at.counted)
  const clipped = clip(gradients, norm, at.clipping, at.counted)
  return parameters.flatMap((parameter, i): Update[] => {
    const gradient = clipped[i]
    if (!gradient) return []
    const { name, variable } = parameter
    const own = slots.get(name)!
    const input = { name, value: variable, gradient, slots: own, learningRate, iteration: count }
    const update = optimizer.update(input)
    const value = parameter.constrain?.(update.value) ?? update.value
    const changes: Update['changes'] = [[variable, value]]
    for (const slot in update.slots) changes.push([own[slot]!, update.slots[slot]!])
    if (mode === 'update') changes.push([sums[i]!, tf.zerosLike(sums[i]!)])
    const average = at.decay && slots.get(averageOf(name))?.average
    if (average) changes.push([average, movedAverage(average, value, at.decay!)])
    return [{ parameter, value, changes }]
  })
}

/** `decay average + (1 - decay) value` */
export function movedAverage(average: tf.Tensor, value: tf.Tensor, decay: tf.Scalar): tf.Tensor {
  return average.mul(decay).add(value.mul(tf.sub(1, decay)))
}
