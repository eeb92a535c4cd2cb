import * as tf from '@tensorflow/tfjs'
import type { Optimizer } from '../../backend/optimizers/optimizer.js'
import { atomically } from '../../settle.js'
import type { Parameter } from '../model/trainee.js'

/** Slots of the optimizer by parameter name. */
export type Slots = Map<string, { [slot: string]: tf.Variable }>

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

/** How the gradients of a batch become an update. */
export interface Pace {
  /** 'plain': one by themselves; 'add': they wait; 'update': one together with those that waited. */
  mode: 'plain' | 'add' | 'update'
  /** In this batch. */
  examples: number
  /** Examples whose gradients wait. */
  waiting: number
}

/** Names of what a run keeps of each parameter beside the optimizer's slots. */
export const sumOf = (name: string) => `sum of ${name}`
export const averageOf = (name: string) => `average of ${name}`

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

/** Makes the slots that are missing. They are variables, so that a compiled step can keep them as its state. */
export function ensureSlots(optimizer: Optimizer, parameters: readonly Parameter[], slots: Slots): void {
  for (const { name, variable } of parameters)
    if (!slots.has(name)) addSlots(slots, name, () => optimizer.init(variable, name))
}

/** Makes the sums of gradients that wait, or the averages of values, that are missing. */
export function ensureBeside(kind: 'sum' | 'average', parameters: readonly Parameter[], slots: Slots): void {
  for (const { name, variable } of parameters) {
    const key = kind === 'sum' ? sumOf(name) : averageOf(name)
    if (slots.has(key)) continue
    const slot = kind === 'sum' ? 'gradients' : 'average'
    addSlots(slots, key, () => ({
      [slot]: kind === 'sum' ? tf.zerosLike(variable) : (variable as tf.Tensor).clone(),
    }))
  }
}

/** All of a key, or none: nobody would know of one that was made and not written down. */
function addSlots(slots: Slots, key: string, make: () => { [slot: string]: tf.Tensor }): void {
  tf.tidy(() => {
    const values = make()
    atomically(() => {
      const entries = Object.entries(values).map(([slot, value]) => [slot, tf.variable(value, false)])
      slots.set(key, Object.fromEntries(entries))
      tf.dispose(values)
    })
  })
}

/** Ends the life of slots with these keys. */
export function disposeSlots(slots: Slots, which: (key: string) => boolean = () => true): void {
  for (const [key, entry] of slots) {
    if (!which(key)) continue
    atomically(() => {
      tf.dispose(Object.values(entry))
      slots.delete(key)
    })
  }
}
