import { copying } from '../model/copying.js'
import { Core } from '../state/core.js'
import { keepBeside } from '../state/fields.js'
import { restoreSnapshot, takeSnapshot } from '../state/snapshots.js'

/** A second run that starts from where this one stands, with a model of its own. `hold` gets it before it is given. */
export function branchOf(core: Core, name: string, hold: (twin: Core) => void = () => {}): Core {
  return copying(() => {
    const twin = copyOf(core, name)
    hold(twin)
    return twin
  })
}

function copyOf(core: Core, name: string): Core {
  const snapshot = takeSnapshot(core)
  const twin = new Core({
    name,
    trainee: core.trainee.copy(),
    data: core.data,
    source: core.source,
    evaluateOn: core.evaluateOn,
    settings: { ...core.settings },
  })
  twin.changed()
  restoreSnapshot(twin, { ...snapshot, version: -1, parts: twin.parts })
  twin.changed()
  Object.assign(twin.state, keepBeside(core.state))
  twin.given = core.given
  twin.parent = { name: core.name, iteration: core.state.iteration }
  return twin
}
