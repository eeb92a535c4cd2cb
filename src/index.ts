import { installHost } from './hosts/index.js'
import { serveRuns } from './panel/serve.js'

export * from './errors.js'
export * from './host.js'
export type * from './views.js'
export {
  digits,
  examples,
  fromArrays,
  fromFunction,
  fromRecords,
  iris,
  load,
  sample,
  split,
} from './data/index.js'
export type * from './data/dataset.js'
import './backend/tfjs/register.js'
export * from './backend/optimizers/index.js'
export type * from './backend/optimizer.js'
export { show } from './show/values/values.js'
export { silentHost, terminalHost } from './hosts/index.js'
export type { TerminalOptions } from './hosts/index.js'

installHost()
serveRuns()
export { nextSeed, seed } from './seed.js'
export * from './train/index.js'
