export { adam, adamw, type AdamSettings, type AdamwSettings } from './adam.js'
export { sgd, type SgdSettings } from './sgd.js'
export type { ParameterGroup } from './groups.js'
