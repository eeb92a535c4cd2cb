export { gpt, Gpt, type GptParameters, type TokenBatch } from './gpt.js'
export type { GptConfig, GptOptions } from './config.js'
export type { GptSummary } from './summary.js'
export { presets } from './presets.js'
