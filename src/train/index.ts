export { loadRun, train } from './train.js'
export type { LoadOptions } from './disk/load.js'
export { Run, type IterateOptions } from './run.js'
export type { MetricsNamed, ParameterName } from './run-types.js'
export { compare } from './compare.js'
export { knownRuns, onRuns, type RunListener } from './announce.js'
export type { Changes } from './changes.js'
export type { BatchGradients } from './hand.js'
export type { ResidualRow, SliceRow } from '../mistakes/index.js'
export { repeat, type RepeatRow } from './repeat.js'
export type { CheckRow, RateRow } from './check.js'
export type { Spike } from './spikes.js'
export type { InspectedIteration } from './inspect.js'
export type { AdjustmentRule, RoundsOptions } from './rounds.js'
export { byLoss, curriculum, hardest, uniform, unlike, where, type Choice, type Subset } from './subsets.js'
export type { RunOptions, ModelOptions, MetricFunction } from './options.js'
export type { BatchSchedule } from './batch-sizes.js'
export type { DropoutSetting } from './dropout.js'
export type { OwnModel, OwnLoss, ParameterTree } from './own.js'
export type { BoundOptimizer, Chosen } from './bound-optimizers.js'
export type { IterationTools, OwnIteration } from './own-iteration.js'
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
  type DecaySettings,
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
