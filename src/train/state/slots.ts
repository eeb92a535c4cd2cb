import * as tf from '@tensorflow/tfjs'
import type { Optimizer } from '../../backend/optimizers/optimizer.js'
import { atomically } from '../../settle.js'
import type { Parameter } from '../model/trainee.js'

/** Slots of the optimizer by parameter name. */
export type Slots = Map<string, { [slot: string]: tf.Variable }>

/** Names of what a run keeps of each parameter beside the optimizer's slots. */
export const sumOf = (name: string) => `sum of ${name}`
export const averageOf = (name: string) => `average of ${name}`
export const outerOf = (name: string) => `outer step of ${name}`

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

/** Makes what the outer step of several workers keeps, where it is missing. */
export function ensureOuter(parameters: readonly Parameter[], slots: Slots): void {
  for (const { name, variable } of parameters)
    if (!slots.has(outerOf(name)))
      addSlots(slots, outerOf(name), () => ({ momentum: tf.zerosLike(variable) }))
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
