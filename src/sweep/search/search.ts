import type { Entry } from '../space.js'

/** What a search learns of a trial that is over: undefined values where it failed. */
export interface Told {
  readonly number: number
  readonly parameters: { readonly [name: string]: unknown }
  /** One for each objective, smaller is better in all; undefined of one that failed. */
  readonly values: readonly number[] | undefined
  readonly state: 'complete' | 'pruned' | 'failed'
  /** Of its last report. */
  readonly iteration?: number
}

/** What a study is, for who searches. */
export interface Task {
  readonly name: string
  readonly entries: readonly Entry[]
  /** Names of the objectives. */
  readonly objectives: readonly { readonly name: string; readonly larger: boolean }[]
  /** Where the study lies, for what a search keeps there. */
  readonly folder: string | undefined
  /** How trials begin, of those that begin where another one ended, also of open ones. */
  readonly branches: ReadonlyMap<number, Branch>
  /** What was told before, in an earlier process. */
  readonly trials: readonly Told[]
}

/** How a trial begins where another one ended. */
export interface Branch {
  /** The line of trials that it belongs to. */
  readonly member: number
  /** The trial that it begins from; undefined for one that begins anew. */
  readonly from: number | undefined
  /** Iterations of its run, those of the trials before it among them, at which it ends. */
  readonly until: number
}

/** A search at work on a study. */
export interface Searcher {
  /** Trials that may be open at a time. Default: any number. */
  readonly atOnce?: number
  /** How the trial that was asked for begins; undefined: anew, to its own end. */
  branchOf?(number: number): Branch | undefined
  /** The parameters of the trial with this number; undefined when there are no more. */
  ask(number: number): Promise<{ readonly [name: string]: unknown } | undefined>
  tell?(trial: Told): Promise<void>
  /** The study needs it no more for now; the next `ask` goes on. */
  close?(): Promise<void>
}

/** A way to choose the parameters of the next trial, as a value. */
export interface Search {
  readonly name: string
  readonly settings: { readonly [name: string]: unknown }
  begin(task: Task): Searcher
}
