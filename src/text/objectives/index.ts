export { dpo, type Dpo, type DpoOptions } from './dpo.js'
export { preferences, type PreferencePair, type PreferencesOptions } from './preferences.js'
export type { LanguageModel } from './language-model.js'
