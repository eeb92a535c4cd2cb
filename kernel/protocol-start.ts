/** The protocol thread begins here: with its sockets, which the front end waits for; then all the rest. */
import { workerData } from 'node:worker_threads'
import { log } from './log.js'
import type { ProtocolData } from './port.js'
import { openWire, type Wire } from './wire/index.js'

const { connectionFile } = workerData as ProtocolData

/** The sockets, bound. */
export let opened: Wire

openWire(connectionFile, log).then(
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
