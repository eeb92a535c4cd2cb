export { train } from './train.js'
export { Run, type IterateOptions } from './run.js'
export { knownRuns, onRuns, type RunListener } from './announce.js'
export type { RunOptions, ModelOptions, MetricFunction } from './options.js'
export type { OwnModel, OwnLoss, ParameterTree } from './own.js'
export type { Batch } from './trainee.js'
export type { HistoryRow } from './history.js'
export type { LossFunction } from './layers.js'
export type { Metric } from './metrics.js'
export {
  constant,
  cosine,
  linear,
  oneCycle,
  piecewise,
  rates,
  warmUp,
  type Schedule,
  type ScheduleFunction,
} from './schedules.js'
export {
  all,
  any,
  diverged,
  iterationsSpent,
  plateau,
  targetReached,
  timeSpent,
  type StopFunction,
  type StopRule,
} from './stops.js'
