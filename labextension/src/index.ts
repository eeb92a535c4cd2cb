import { diagnostics } from './diagnostics.js'
import { launcher } from './launcher.js'

export default [diagnostics, launcher]
