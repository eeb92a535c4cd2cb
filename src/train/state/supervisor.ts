import { createStore } from '../../backend/random/context.js'
import type { EvaluationRow } from '../../views.js'
import type { Core } from './core.js'

/** Who looks after the runs that a piece of work makes: the trial of a study. */
export interface Supervisor {
  /** Where its runs lie; undefined where they are not written. */
  readonly folder: string | undefined
  /** Ends its runs as Stop does. */
  readonly signal: AbortSignal
  /** The options of a run that is made within the work. */
  options<Options extends object>(given: Options): Options
  /** @param close writes what is not on disk yet and lets its folder go; gives whether all of it is there. */
  made(core: Core, close: () => boolean): void
  /** A call that trains begins. Gives how many of its iterations were made before the work was broken off. */
  begin(core: Core, iterations: number): number
  /** Where its runs end, whatever the work would do. */
  readonly until?: number | undefined
  /** The error that ends a call there, once the run is evaluated. */
  halted?(core: Core): Error
  /** The call has made all its iterations, or a rule has ended it. */
  ended(core: Core): void
  /** May throw, to end the call. */
  evaluated(core: Core, row: EvaluationRow): void
}

const store = createStore<Supervisor>()

/** Runs `work` with `supervisor` looking after the runs that it makes, also after its awaits. */
export const supervised = <T>(supervisor: Supervisor, work: () => T): T => store.run(supervisor, work)

/** Who looks after the runs that the running code makes, if anybody does. */
export const maybeSupervisor = (): Supervisor | undefined => store.getStore()
