/** What the run panel of the JupyterLab extension and the kernel say to each other over the comm `gradbook.runs`. */
import type { RunData } from '../show/values/run-data.js'
import type { ShownMistake } from '../show/charts/shown-mistake.js'

export type { ShownMistake }

export const target = 'gradbook.runs'

/** A run in the list: enough to choose it and to place it in the tree of branches. */
export interface RunSummary {
  id: string
  name: string
  iteration: number
  live: boolean
  /** The run it branched from, and where. */
  parent?: { name: string; iteration: number }
}

/** What was done in the panel, as the code of a cell that does it again. */
export interface Step {
  /** The request that it was; a step that comes again with the same key has got its reason. */
  key: string
  /** The run's id and name, and where it stood. */
  id: string
  run: string
  at: number
  code: string
  /** Id of the cell above which it belongs: that one trained the run meanwhile. Else it comes after what ran last. */
  above?: string
}

/** What an example can be relabelled as: the names of its classes, or a number. */
export type Labels = readonly string[] | 'number'

export interface RunState {
  method: 'run'
  id: string
  /** Beside the run its parent, where a page compares them. */
  data: RunData
  learningRate: number
  batchSize?: number
  points: number[]
  /** undefined: labels that are more than that. */
  labels?: Labels
}

export type ToPanel =
  | { method: 'runs'; runs: RunSummary[]; active: string | null }
  | RunState
  | { method: 'mistakes'; id: string; of: 'train' | 'evaluation'; iteration: number; rows: ShownMistake[] }
  /** A request was dealt with; `error` says why nothing was done. `interrupt`: a cell trains the run, interrupt that. */
  | { method: 'done'; request: string; error?: string; interrupt?: boolean; step?: Step }

/** What can be done to a run. `why` is written down with the adjustment. */
export type Action =
  | { action: 'set'; changes: { learningRate?: number; batchSize?: number }; why?: string }
  | { action: 'train'; iterations: number }
  | { action: 'stop' }
  | { action: 'undo' }
  | { action: 'redo' }
  | { action: 'goTo'; iteration: number }
  /** From an iteration that can be gone back to, else from the present. */
  | { action: 'branch'; name?: string; at?: number }
  | { action: 'exclude'; ids: number[]; why?: string }
  /** `label`: the index of a class, or a number. */
  | { action: 'relabel'; example: number; label: number; why?: string }
  /** The reason of what was changed here last. */
  | { action: 'why'; why: string }
  | { action: 'mistakes'; k: number; of: 'train' | 'evaluation' }

export type ToKernel =
  /** Everything as it stands; sent by a page that was opened or reloaded, and after each cell. */
  | { method: 'state' }
  /**
   * Which run a page looks at: it is sent whenever it changes. null: its panel is closed. All pages share one comm.
   * `withParent`: beside the run that it branched from.
   */
  | { method: 'watch'; page: string; id: string | null; withParent?: boolean }
  | ({ method: 'do'; id: string; request: string } & Action)
