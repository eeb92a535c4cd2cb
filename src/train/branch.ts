import * as tf from '@tensorflow/tfjs'
import { during } from '../settle.js'
import { Core } from './core.js'
import { restoreSnapshot, takeSnapshot } from './snapshots.js'

/** A second run that starts from where this one stands, with a model of its own. */
export function branchOf(core: Core, name: string): Core {
  let isMade = false
  const known = new Set(variables())
  const end = () => {
    if (!isMade) for (const variable of variables()) if (!known.has(variable)) variable.dispose()
  }
  return during(end, () => {
    const twin = copyOf(core, name)
    isMade = true
    return twin
  })
}

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
