export * from './optimizers/index.js'
export type * from './optimizer.js'
export { withRandomness, randomUniform, randomNormal, type RandomnessSettings } from './random.js'
