/** The protocol thread begins here: TypeScript first, which takes longest, in a process of its own; then all the rest. */
import { workerData } from 'node:worker_threads'
import { startService, type StartedService } from './language/start.js'
import type { ProtocolData } from './port.js'

function maybeStart(): StartedService | undefined {
  try {
    return startService(workerData as ProtocolData)
  } catch {
    // No room for its files, say: createLanguage tries again, and whoever asks it hears why.
    return undefined
  }
}

/** The type service of this kernel. */
export const started = maybeStart()

// Not awaited: it imports this module.
void import('./protocol.js')
