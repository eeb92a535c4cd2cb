export { lora } from './lora.js'
export type { Adapter, LoraGpt, LoraOptions, LoraParameters } from './lora.js'
export { loadAdapter, saveAdapter } from './peft.js'
