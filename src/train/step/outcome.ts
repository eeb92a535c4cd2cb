import type { AnyBatch } from '../model/batch.js'
import type { Core, Pace } from '../state/core.js'
import type { Events } from '../state/events.js'
import { maybeSpike } from '../state/spikes.js'

/** What one iteration came to. Where `finite` is false nothing was changed. */
export interface Outcome {
  finite: boolean
  loss: number
  gradientNorm: number
  learningRate: number
  positions: Int32Array
  losses: Float32Array | undefined
  /** What the loss, or an iteration of one's own, says beside: columns of the history. */
  more?: { readonly [name: string]: number } | undefined
  /** Where only what it would write is not finite: the first value of which that is so. */
  written?: string
  /** Of one that is not finite, where the batch was made for it: whoever looks at it disposes it. */
  batch?: AnyBatch
  /** How it became an update; missing for an own iteration. */
  pace?: Pace
}

/** Counts the iteration and writes its row. */
export function countIteration(core: Core, outcome: Outcome, milliseconds: number, journal: Events): void {
  const iteration = core.state.iteration + 1
  const { loss, learningRate, gradientNorm, positions, losses, more } = outcome
  const row = { iteration, loss, learningRate, gradientNorm, milliseconds }
  if (core.state.history.last('iteration') !== iteration)
    core.state.history.append(more ? { ...row, ...more } : row)
  core.state.iteration = iteration
  if (outcome.pace) core.keepPace(outcome.pace)
  core.state.stopReason = null // whatever stopped the call before: it goes on
  for (let i = 0; i < positions.length; i++)
    core.state.books.draw(positions[i]!, core.state.iteration, losses?.[i])
  const spike = maybeSpike(core, positions)
  if (spike) {
    core.state.spikes = [...core.state.spikes, spike]
    journal.event('spike', { ...spike })
  }
}
