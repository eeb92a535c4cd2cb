import './tfjs/register.js'

export * from './optimizers/index.js'
export type * from './optimizers/optimizer.js'
export {
  dropout,
  withRandomness,
  randomUniform,
  randomNormal,
  type DropoutRates,
  type RandomnessSettings,
} from './random/index.js'
export { compile, type Compiled, type CompileOptions } from './compile/compile.js'
export { exportOnnx, type ExportOptions } from './compile/export.js'
export { compileTraining, type TrainingOptions } from './compile/training.js'
export { Untraceable } from './compile/trace.js'
export { setDevice } from './session/device.js'
export { setBackendOptions, type BackendOptions } from './session/options.js'
export { backendStatistics, type BackendStatistics } from './session/statistics.js'
