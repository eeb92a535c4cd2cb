import { installHost } from './hosts/index.js'
import { serveRuns } from './panel/serve.js'

export { GradbookError, InputError, Interrupted, MissingPackage, type Problem } from './errors.js'
export {
  clearOutput,
  confirm,
  display,
  host,
  html,
  latex,
  markdown,
  prompt,
  svg,
  type Comm,
  type Display,
  type DisplayOptions,
  type Host,
  type MimeBundle,
} from './host.js'
export type * from './views.js'
export {
  digits,
  examples,
  fromArrays,
  fromFunction,
  fromRecords,
  generate,
  replayBuffer,
  iris,
  load,
  sample,
  split,
} from './data/index.js'
export type * from './data/dataset.js'
export type { Generated, MakeAt } from './data/generate.js'
export type { ReplayBuffer, Transition } from './data/replay-buffer.js'
import './backend/tfjs/register.js'
export * from './backend/optimizers/index.js'
export type * from './backend/optimizers/optimizer.js'
export { show } from './show/values/values.js'

installHost()
serveRuns()
export { seed } from './seed.js'
export * from './train/index.js'
