import { maybeHost, setHost } from '../host.js'
import { silentHost } from './silent.js'
import { terminalHost } from './terminal.js'

export { silentHost, terminalHost }
export type { TerminalOptions } from './terminal.js'

/** Registers the host of a plain script, unless a notebook's kernel (or the program) has registered its own. */
export function installHost(): void {
  if (maybeHost()) return
  setHost(typeof process === 'object' && process.versions?.node ? terminalHost() : silentHost())
}
