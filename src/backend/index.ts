import './register.js'

export * from './optimizers/index.js'
export type * from './optimizer.js'
export {
  dropout,
  withRandomness,
  randomUniform,
  randomNormal,
  type DropoutRates,
  type RandomnessSettings,
} from './random.js'
export { compile, type Compiled, type CompileOptions } from './compile.js'
export { exportOnnx, type ExportOptions } from './export.js'
export { compileTraining, type TrainingOptions } from './training.js'
export { Untraceable } from './trace.js'
export { setDevice } from './device.js'
export { setBackendOptions, type BackendOptions } from './options.js'
export { backendStatistics, type BackendStatistics } from './statistics.js'
