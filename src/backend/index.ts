import './register.js'

export * from './optimizers/index.js'
export type * from './optimizer.js'
export { withRandomness, randomUniform, randomNormal, type RandomnessSettings } from './random.js'
export { compile, type Compiled, type CompileOptions } from './compile.js'
export { Untraceable } from './trace.js'
export { setBackendOptions, setDevice, type BackendOptions } from './options.js'
export { backendStatistics, type BackendStatistics } from './statistics.js'
