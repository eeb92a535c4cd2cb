import { createRequire } from 'node:module'
import type { Agent } from './agent.js'

/** The property of the global object under which the protocol thread finds the agent: `Symbol.for` of this. */
export const agentKey = 'gradbook.debugger'

const require = createRequire(import.meta.url)

/** Makes the debugger's agent reachable. It is loaded when a debugger first asks for it, also in the middle of a cell. */
export function offerAgent(...options: ConstructorParameters<typeof Agent>): void {
  let agent: Agent | undefined
  const load = (): Agent => {
    // From here and from the bundle alike.
    const module = require('./agent.js') as typeof import('./agent.js')
    return new module.Agent(...options)
  }
  Object.defineProperty(globalThis, Symbol.for(agentKey), {
    get: () => (agent ??= load()),
    enumerable: false,
  })
}
