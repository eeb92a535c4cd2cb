export { maybeRandomness, type DropoutRates, type Randomness } from './context.js'
export { randomNormal, randomUniform } from './draw.js'
export { dropout } from './dropout.js'
export { withRandomness, type RandomnessSettings } from './keyed.js'
