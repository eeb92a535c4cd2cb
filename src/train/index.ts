export { loadRun, train } from './run/train.js'
export type { LoadOptions } from './disk/load.js'
export { Run, type IterateOptions } from './run/run.js'
export type { MetricsNamed, ParameterName } from './run/run-types.js'
export { compare } from './run/compare.js'
export { findRun } from './run/announce.js'
export type { Changes } from './adjust/changes.js'
export type { StageOptions } from './adjust/stage.js'
export type { StageRecord } from './state/fields.js'
export type { BatchGradients } from './run/primitives.js'
export type { ResidualRow, SliceRow } from '../mistakes/index.js'
export { repeat, type RepeatRow } from './run/repeat.js'
export type { DistributeOptions, Distribution, ReplicaEngine, ReplicaOf } from './run/distribute.js'
export type { Part, PartDone, Replicas } from './state/together.js'
export type { CheckRow, RateRow } from './run/check.js'
export type { Spike } from './state/spikes.js'
export type { InspectedIteration } from './run/inspect.js'
export type { AdjustmentRule, RoundsOptions } from './run/rounds.js'
export {
  byLoss,
  bySource,
  curriculum,
  hardest,
  uniform,
  unlike,
  where,
  type Choice,
  type Subset,
} from './rules/subsets.js'
export type { RunOptions, CompiledOptions, ModelOptions, MetricFunction } from './rules/options.js'
export type { BatchSchedule } from './rules/batch-sizes.js'
export type { DropoutSetting } from './model/dropout.js'
export type { OwnModel, OwnLoss, ParameterTree } from './model/own.js'
export type { BoundOptimizer, Chosen } from './step/bound-optimizers.js'
export type { IterationTools, OwnIteration } from './step/own-iteration.js'
export type { Keepable } from './held/kinds.js'
export type { Batch, BatchOf } from './model/batch.js'
export type { HistoryRow } from './state/history.js'
export type { LossFunction, LossWeights } from './model/heads.js'
export type { ClassWeight, SampleWeight } from './model/example-weights.js'
export type { Metric } from './loss/metrics.js'
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
} from './rules/schedules.js'
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
} from './rules/stops.js'
