/** The protocol thread begins here: with its sockets, which the front end waits for, and what the first cell will wait for; then all the rest. */
import { workerData } from 'node:worker_threads'
import { startFirst } from './language/typescript/start.js'
import { log } from './log.js'
import type { ProtocolData } from './port.js'
import { openWire, type Wire } from './wire/index.js'

const data = workerData as ProtocolData

function maybeStartFirst(): ReturnType<typeof startFirst> {
  try {
    return startFirst(data)
  } catch {
    // Without it the first cells wait for the service with all types, and whoever asks that hears what is wrong.
    return undefined
  }
}

/** The sockets, bound. */
export let opened: Wire

const opening = openWire(data.connectionFile, log)

/** The TypeScript of the first cells, begun while ZeroMQ's own thread binds the sockets. */
export const first = maybeStartFirst()

opening.then(
  (wire) => {
    opened = wire
    return import('./protocol.js')
  },
  (error: Error) => {
    log(`the kernel cannot start: ${error.message}`)
    // Ends this thread, and main.ts with it the process.
    process.exit(1)
  },
)
