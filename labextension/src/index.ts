import { catchUp } from './catch-up.js'
import { diagnostics } from './diagnostics.js'
import { highlighting } from './highlighting.js'
import { launcher } from './launcher.js'
import { panel } from './panel/index.js'
import { renderer } from './renderer.js'

export default [catchUp, diagnostics, highlighting, launcher, panel, renderer]
