import type * as tf from '@tensorflow/tfjs'
import { largestOf, valuesAt } from '../../backend/tfjs/copy.js'
import { during } from '../../settle.js'
import type { Core, Pace } from '../state/core.js'
import type { Parameter } from '../model/trainee.js'
import type { Update } from './step.js'

/** Beyond this a sum of two may not be finite any more, in float32. */
const limit = 1e37

/** A value that an update writes, by what it is called. */
interface Written {
  name: string
  value: tf.Tensor
}

interface Step {
  gradientNorm: number
  learningRate: number
  pace: Pace
}

/**
 * Whether what an update writes is finite: new values, slots, sums, averages, and what the forward pass moves. To look at all
 * of it would be to read once more what the update has written. So what was looked at once is carried on: optimizers say how far an update can reach
 * from there (`Optimizer.reach`), by the gradients' norm, and only where that is too far, or cannot be said, is it looked at again.
 * What the forward pass moves is little, and looked at each time. (What lies on a device is not looked at.)
 */
class Reach {
  readonly #core: Core
  /** No value or slot is larger, as of this version of them. */
  #largest = Infinity
  #version = -1
  #next = Infinity
  /** Arrays that were looked at: what no pass moves stays in its own. */
  readonly #seen = new WeakMap<object, tf.TypedArray>()

  constructor(core: Core) {
    this.#core = core
  }

  /** Of an update that a compiled step has made: the name of the first value that is not finite, if one is not. */
  findMade(step: Step): string | undefined {
    const { trainee, slots } = this.#core
    const all = function* (): Generator<Written> {
      yield* asWritten(trainee.parameters)
      for (const [key, entry] of slots)
        for (const [slot, value] of Object.entries(entry)) yield { name: slotName(slot, key), value }
    }
    return this.#find(step, all, asWritten(trainee.state))
  }

  /** The same of one that is not made yet; `state`: what the pass gave to the model's own. */
  findPlanned(step: Step, updates: readonly Update[], state: readonly tf.Tensor[]): string | undefined {
    const { trainee } = this.#core
    const all = function* (): Generator<Written> {
      for (const { parameter, changes } of updates)
        for (const [variable, value] of changes)
          yield {
            name: variable === parameter.variable ? parameter.name : `a slot of ${parameter.name}`,
            value,
          }
    }
    const moved = trainee.state.flatMap(({ name, variable }, i): Written[] =>
      state[i] && state[i].dataId !== variable.dataId ? [{ name, value: state[i] }] : [],
    )
    return this.#find(step, all, moved)
  }

  /** The same of several updates that a compiled step has made one after the other: what they came to in the end. */
  findMadeAll(steps: readonly Step[]): string | undefined {
    const before = this.#largest
    return during(
      () => void (this.#largest = before),
      () => {
        for (const step of steps.slice(0, -1))
          this.#largest = this.#version === this.#core.version ? this.#reachOf(step) : Infinity
        return this.findMade(steps.at(-1)!)
      },
    )
  }

  #find(step: Step, all: () => Iterable<Written>, state: readonly Written[]): string | undefined {
    for (const { name, value } of state) {
      const values = valuesAt(value)
      if (!values || this.#seen.get(value) === values) continue
      if (Number.isNaN(largestOf(values))) return name
      this.#seen.set(value, values)
    }
    this.#next = this.#version === this.#core.version ? this.#reachOf(step) : Infinity
    if (this.#next < limit) return undefined
    this.#next = 0
    for (const { name, value } of all()) {
      const values = valuesAt(value)
      const largest = values ? largestOf(values) : Infinity
      if (Number.isNaN(largest)) return name
      this.#next = Math.max(this.#next, largest)
    }
    return undefined
  }

  #reachOf({ gradientNorm, learningRate, pace: { mode, examples } }: Step): number {
    const { settings, parameters } = this.#core
    const largest = this.#largest
    if (mode === 'add') return largest + gradientNorm * examples
    if (parameters.some(({ constrain }) => constrain)) return Infinity
    // The mean of what waited and of this batch.
    const gradient = mode === 'update' ? largest + gradientNorm : gradientNorm
    return settings.optimizer.reach?.({ gradient, largest, learningRate }) ?? Infinity
  }

  /** The update was made, and the values have a version of their own. */
  made(): void {
    this.#largest = this.#next
    this.#version = this.#core.version
  }
}

const reaches = new WeakMap<Core, Reach>()

/** How large the values of a run can be by now. */
export function reachOf(core: Core): Reach {
  let reach = reaches.get(core)
  if (!reach) reaches.set(core, (reach = new Reach(core)))
  return reach
}

const asWritten = (parameters: readonly Parameter[]): Written[] =>
  parameters.map(({ name, variable }) => ({ name, value: variable }))

const slotName = (slot: string, key: string): string => `the slot ${slot} of ${key}`

/** The name of the first variable of the run that was changed to something that is not finite, if one was. */
export function findChanged(
  { trainee, slots }: Core,
  isChanged: (variable: tf.Variable) => boolean,
): string | undefined {
  const all = asWritten([...trainee.parameters, ...trainee.state])
  for (const [key, entry] of slots)
    for (const [slot, value] of Object.entries(entry)) all.push({ name: slotName(slot, key), value })
  return all.find(({ value }) => {
    if (!isChanged(value as tf.Variable)) return false
    const values = valuesAt(value)
    return values !== undefined && Number.isNaN(largestOf(values))
  })?.name
}
