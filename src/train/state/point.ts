import type { Snapshot } from './snapshots.js'

/** A point to go back to: what one cell, or one call, began from. */
export interface Point {
  snapshot: Snapshot
  /** The cell that did what came after it; undefined outside a notebook, where each call is a point of its own. */
  cell: number | undefined
  /** The last rows of the point's history, where the run's own history may not have them. */
  tail?: { [name: string]: Float64Array }
  name?: string
  /** Where the run stood when this was taken back: redo leads from there. */
  from?: string
  /** Whether it is on disk. */
  written?: boolean
}

/** What a move did to the points that redo goes to: one more, one less, or none is left. */
export type Move = { undone: Point } | { redone: Snapshot } | 'left'

/** All points of a run that a folder keeps: those that undo goes to, that redo goes to, that have a name. */
export interface Points {
  /** On the run's own line, oldest first. */
  readonly past: readonly Point[]
  /** The nearest first, each with the whole history of its own. */
  future(): Iterable<Point>
  readonly named: ReadonlyMap<string, Point>
}
