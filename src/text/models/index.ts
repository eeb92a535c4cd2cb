export { gpt, Gpt, type GptParameters, type TokenBatch } from './gpt.js'
export type { GptConfig, GptOptions } from '../parts/config.js'
export type { GptSummary } from '../parts/summary.js'
export { presets } from './presets.js'
