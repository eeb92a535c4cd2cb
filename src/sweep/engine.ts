/** What a study asks of whoever does the work of its trials: this process, others on this machine, a cluster. */

/** A pass through a trial's function: one trial with one seed. */
export interface Pass {
  /** Of the trial. */
  readonly number: number
  readonly parameters: { readonly [name: string]: unknown }
  readonly seed: number
  /** Where its runs lie, as this process sees it: an engine elsewhere brings back what is written there. */
  readonly folder: string | undefined
  /** Where calls of its runs ended before it was broken off, by the run's name: these iterations are not made again. */
  readonly before: Calls
  /** Of a member of a population: where its run ends, whatever the trial's function would do. */
  readonly until?: number
}

/** Iterations at which the calls of each run ended. */
export interface Calls {
  readonly [run: string]: readonly number[]
}

/** A row of numbers at an iteration of a pass. */
export interface PassReport {
  readonly seed: number
  readonly iteration: number
  readonly [name: string]: number
}

/** Is told of a pass as it goes on. */
export interface Watch {
  /** Gives why the pass shall end here, where it shall: others were better. */
  onReport(report: PassReport): string | undefined
  /** A call of a run ended: the runs' files are as far as this. */
  onCalls(calls: Calls): void
  /** The worker was lost; another takes the pass up from the last snapshots. */
  onLost?(why: string): void
}

/** How a pass ended. */
export type Ended =
  | { readonly state: 'complete'; readonly values: { readonly [objective: string]: number } }
  | { readonly state: 'pruned'; readonly message: string }
  | { readonly state: 'failed'; readonly message: string }
  /** Stopped: it goes on where it stands when it is run again. */
  | { readonly state: 'waiting' }

/** The work of a study. */
export interface Job {
  /** Of the study, for messages. */
  readonly name: string
  readonly objectives: readonly { readonly name: string; readonly larger: boolean }[]
  /** The function of the user's, `(parameters, context) => outcome`. */
  readonly trial: (...given: never[]) => unknown
}

/** Those who work on one study. */
export interface Workers {
  /** Passes at once. */
  readonly size: number
  /**
   * Does a pass; those beyond `size` wait for their turn. Settles within a second after `signal` is aborted, and has lost nothing
   * of what was written down. Rejects where the engine itself cannot go on: the pass is then as one that was stopped.
   */
  run(pass: Pass, watch: Watch, signal: AbortSignal): Promise<Ended>
  /** Ends all workers; what still runs is stopped. */
  close(): Promise<void>
}

/** A way to do the trials of a study, as a value. */
export interface Engine {
  readonly name: string
  readonly settings: { readonly [name: string]: unknown }
  /**
   * Sends the trial with all that it uses, and starts workers.
   *
   * @throws InputError naming what cannot be sent, before anything starts.
   */
  open(job: Job): Promise<Workers>
}
