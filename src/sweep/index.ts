/** `gradbook/sweep`: many trainings of one kind, over a space of parameters. */
export { sweep, type SweepOptions } from './sweep.js'
export type { Study } from './study.js'
export {
  choice,
  integer,
  logUniform,
  uniform,
  when,
  type Dimension,
  type ParametersOf,
  type Space,
} from './space.js'
export { random } from './search/random.js'
export { grid } from './search/grid.js'
export { sobol } from './search/sobol.js'
export { cmaEs, gp, optuna, tpe, type OptunaOptions } from './search/optuna.js'
export type { ImportanceRow } from './importance.js'
export { population, type PopulationOptions } from './search/population.js'
export type { Branch, Search, Searcher, Task, Told } from './search/search.js'
export { asha, median, type Course, type Pruner } from './pruning/pruner.js'
export type { Objective, ObjectiveOption, Outcome, SeedResult, Trial } from './trial.js'
export { Pruned, type TrialContext } from './work.js'
export { here } from './engines/here.js'
export { local, type LocalOptions } from './engines/local.js'
export { ray, rayNodes, type RayNode, type RayOptions } from './engines/ray.js'
export type { Calls, Ended, Engine, Job, Pass, PassReport, Watch, Workers } from './engine.js'
