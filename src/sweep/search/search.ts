import type { Entry } from '../space.js'

/** What a search learns of a trial that is over: undefined values where it failed. */
export interface Told {
  readonly number: number
  readonly parameters: { readonly [name: string]: unknown }
  /** One for each objective, smaller is better in all; undefined of one that failed. */
  readonly values: readonly number[] | undefined
  readonly state: 'complete' | 'pruned' | 'failed'
}

/** What a study is, for who searches. */
export interface Task {
  readonly name: string
  readonly entries: readonly Entry[]
  /** Names of the objectives. */
  readonly objectives: readonly { readonly name: string; readonly larger: boolean }[]
  /** Where the study lies, for what a search keeps there. */
  readonly folder: string | undefined
  /** What was told before, in an earlier process. */
  readonly trials: readonly Told[]
}

/** A search at work on a study. */
export interface Searcher {
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
