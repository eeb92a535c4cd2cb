import type { Core } from '../state/core.js'
import type { Events } from '../state/events.js'
import type { SteeredRun } from '../rules/options.js'
import type { Live } from './live.js'

/** A run under way: what it is, who writes it down, who shows it, and how it is changed between two iterations. */
export interface Course {
  readonly core: Core
  readonly journal: Events
  readonly live: Live
  /** As a function of the user's gets it. */
  readonly run: SteeredRun
  /** Makes adjustments, recorded, in one step for undo. */
  adjust(work: () => void): void
}
