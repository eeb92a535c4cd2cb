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

export type ToPanel =
  | { method: 'runs'; runs: RunSummary[]; active: string | null }
  | { method: 'run'; id: string; data: RunData; learningRate: number; batchSize?: number; points: number[] }
  | { method: 'mistakes'; id: string; of: 'train' | 'evaluation'; iteration: number; rows: ShownMistake[] }
  /** A request was dealt with; `error` says why nothing was done. `interrupt`: a cell trains the run, interrupt that. */
  | { method: 'done'; request: string; error?: string; interrupt?: boolean }

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
  | { action: 'mistakes'; k: number; of: 'train' | 'evaluation' }

export type ToKernel =
  /** Everything as it stands; sent by a page that was opened or reloaded, and after each cell. */
  | { method: 'state' }
  /** Which run a page looks at: it is sent whenever it changes. null: its panel is closed. All pages share one comm. */
  | { method: 'watch'; page: string; id: string | null }
  | ({ method: 'do'; id: string; request: string } & Action)
