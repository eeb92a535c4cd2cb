import * as tf from '@tensorflow/tfjs'
import { markEngine } from '../backend/unwind.js'
import { during } from '../settle.js'
import { Core } from './core.js'
import { restoreSnapshot, takeSnapshot } from './snapshots.js'

/** A second run that starts from where this one stands, with a model of its own. `hold` gets it before it is given. */
export function branchOf(core: Core, name: string, hold: (twin: Core) => void = () => {}): Core {
  return copying(() => {
    const twin = copyOf(core, name)
    hold(twin)
    return twin
  })
}

/** Makes a copy of a model, or more: where that ends in the middle, nothing of it stays. */
export function copying<T>(make: () => T): T {
  const known = new Set(variables())
  const leave = markEngine()
  let made: { copy: T } | undefined
  const end = () => {
    leave()
    if (!made) for (const variable of variables()) if (!known.has(variable)) variable.dispose()
  }
  return during(end, () => {
    let copy!: T
    // What a layer of the user's makes beside its variables is handed up.
    tf.tidy(() => {
      copy = make()
      return [...scope().track]
    })
    made = { copy }
    return copy
  })
}

const scope = () =>
  (tf.engine() as unknown as { state: { activeScope: { track: tf.Tensor[] } } }).state.activeScope

/** All that there are. */
const variables = (): tf.Variable[] =>
  Object.values(
    (tf.engine() as unknown as { registeredVariables: { [name: string]: tf.Variable } }).registeredVariables,
  )

function copyOf(core: Core, name: string): Core {
  const snapshot = takeSnapshot(core)
  const twin = new Core({
    name,
    trainee: core.trainee.copy(),
    data: core.data,
    evaluateOn: core.evaluateOn,
    settings: { ...core.settings },
    optimizer: core.optimizer,
  })
  twin.changed()
  restoreSnapshot(twin, { ...snapshot, version: -1 })
  twin.changed()
  twin.history = core.history.copy()
  twin.looks = core.looks
  twin.parent = { name: core.name, iteration: core.iteration }
  return twin
}
