/**
 * `gradbook/host`: for a host of one's own (a place that shows what is displayed), and for libraries over gradbook that speak
 * to whichever host there is. A notebook needs none of it.
 */
export { describe } from './errors.js'
export {
  beside,
  currentHost,
  maybeHost,
  setHost,
  type CellInfo,
  type Comm,
  type Comms,
  type Display,
  type DisplayOptions,
  type Host,
  type MimeBundle,
  type Sink,
} from './host.js'
export { silentHost, terminalHost, type TerminalOptions } from './hosts/index.js'
export { nextSeed } from './seed.js'
export { knownRuns, onRuns, type RunListener } from './train/run/announce.js'
