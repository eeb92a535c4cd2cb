import * as tf from '@tensorflow/tfjs'
import { maybeHold, type Held } from '../../backend/compile/held.js'
import type { Core } from '../state/core.js'
import { assignOnce } from '../model/gradients.js'

/** All values of a run, to go back to if an iteration fails. */
export interface Saved extends Omit<Held, 'changing'> {
  changing?: Held['changing']
}

/** References to all values: nothing is copied. */
export function saveAll(core: Core): Saved {
  const { trainee, slots, state } = core
  const variables = [...trainee.parameters, ...trainee.state].map(({ variable }) => variable)
  for (const entry of slots.values()) variables.push(...Object.values(entry))
  const keys = new Set(slots.keys())
  const { counts } = state
  // A copy that borrows has its values in variables that are not its own while it trains.
  const held = (trainee.borrow ? undefined : maybeHold(variables)) ?? holdClones(variables)
  return {
    ...held,
    restore() {
      held.restore()
      for (const [key, entry] of slots) {
        if (keys.has(key)) continue
        tf.dispose(Object.values(entry))
        slots.delete(key)
      }
      state.counts = counts
    },
  }
}

/** On any backend: a clone of each. */
function holdClones(variables: readonly tf.Variable[]): Saved {
  const values = variables.map((variable) => tf.keep(variable.clone()))
  const before = new Set(values.map(({ dataId }) => dataId))
  return {
    isChanged: ({ dataId }) => !before.has(dataId),
    restore() {
      for (const [i, variable] of variables.entries())
        if (!variable.isDisposed) assignOnce(variable, values[i]!)
    },
    release: () => tf.dispose(values),
  }
}
