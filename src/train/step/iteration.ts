import * as tf from '@tensorflow/tfjs'
import { withRandomness } from '../../backend/random/index.js'
import { markEngine } from '../../backend/tfjs/unwind.js'
import { committing, during, temporary } from '../../settle.js'
import { maybeCompiled } from './compiled.js'
import type { Core } from '../state/core.js'
import type { HistoryRow } from '../state/history.js'
import { namingExample } from './outside.js'
import { maybeSpike } from './spikes.js'
import { gradientsOf, tidily, type Gradients } from '../model/gradients.js'
import { normOf, updatesOf, type Pace, type Update } from './step.js'
import type { Batch } from '../model/batch.js'

/** What one iteration came to. Where `finite` is false nothing was changed. */
export interface Outcome {
  finite: boolean
  loss: number
  gradientNorm: number
  learningRate: number
  positions: Int32Array
  losses: Float32Array | undefined
  /** Where only what it would write is not finite: the first value of which that is so. */
  written?: string
  /** How it became an update; missing for an own iteration. */
  pace?: Pace
}

/**
 * One iteration: draw a batch, forward and loss, gradients, checks, update. The run changes only at the end, all at
 * once; an update that is not finite changes nothing, not even which examples come next.
 */
export function iterateOnce(core: Core): Outcome {
  return committing((commit) => oneIteration(core, commit))
}

/** @param begins is called where the run begins to change: from there on the iteration is made. */
function oneIteration(core: Core, begins: () => void): Outcome {
  const started = performance.now()
  const making = new Making(core)
  return making.during(() => {
    const outcome = tidily(() => {
      const positions = core.nextPositions()
      const batch = core.batchAt(positions)
      const weights = core.weightsAt(positions)
      const learningRate = core.learningRate()
      const pace = core.paceOf(positions.length)
      const compiled = maybeCompiled(core)?.run(batch, weights, learningRate, pace, (takeBack) => {
        begins()
        making.takeBack = takeBack
      })
      if (compiled) {
        const { gradientNorm } = compiled
        // On a device it cannot be taken back, nor looked at.
        const isLooked = compiled.finite && making.takeBack !== undefined
        const written = isLooked ? core.reach.findMade({ gradientNorm, learningRate, pace }) : undefined
        const finite = compiled.finite && written === undefined
        const outcome = { ...compiled, finite, learningRate, positions, pace, ...(written && { written }) }
        if (finite)
          making.finish(() => {
            core.changed()
            if (isLooked) core.reach.made()
            record(core, outcome, performance.now() - started)
          })
        return outcome
      }
      const found = gradientsAt(core, batch, { weights })
      const norm = normOf(found.gradients)
      const updates = updatesAt(core, found.gradients, norm, learningRate, pace)
      const { loss, gradientNorm, losses } = readReport(found, norm)
      const isFinite = Number.isFinite(loss) && isFiniteUpdate(gradientNorm, learningRate)
      const step = { gradientNorm, learningRate, pace }
      const written = isFinite ? core.reach.findPlanned(step, updates, found.state) : undefined
      const finite = isFinite && written === undefined
      const outcome = { finite, loss, ...step, positions, losses, ...(written && { written }) }
      if (finite) {
        begins()
        making.finish(() => {
          commit(core, updates, found.state)
          core.reach.made()
          record(core, outcome, performance.now() - started)
        })
      }
      return outcome
    })
    return outcome
  })
}

/**
 * An iteration that is being made. Ended in the middle, or by an error, it has not happened: unless it was about to be written
 * down already, then that is finished.
 */
export class Making {
  /** What takes back the change that a compiled step has made. */
  takeBack: (() => void) | undefined
  readonly #core: Core
  readonly #cursor: ReturnType<Core['order']['state']>
  readonly #call: object | undefined
  readonly #at: number
  readonly #endScopes = markEngine()
  #isMade = false

  constructor(core: Core) {
    this.#core = core
    this.#cursor = core.order.state()
    this.#call = core.owner
    this.#at = core.iteration
  }

  during<T>(work: () => T): T {
    return during((left) => this.#end(left), work)
  }

  #end(left: boolean): void {
    this.#endScopes()
    if (this.#isMade) return
    this.takeBack?.()
    this.#core.order.restore(this.#cursor)
    if (left) this.#core.onLeft(this.#call)
  }

  /** Within `during`: writes the iteration down. `write` may be ended in the middle and called again. */
  finish(write: () => void): void {
    temporary(() => {
      if (this.#core.iteration === this.#at) write()
      this.#isMade = true
    })()
  }
}

/** Whether gradients of this norm make a finite update at this rate, in float32. */
export function isFiniteUpdate(gradientNorm: number, learningRate: number): boolean {
  return Number.isFinite(Math.fround(gradientNorm * learningRate))
}

/** Loss and gradients of a batch, with the randomness of its iteration. */
export function gradientsAt(
  core: Core,
  batch: Batch,
  options: { weights?: tf.Tensor1D; predictions?: boolean } = {},
): Gradients {
  return namingExample(batch, () =>
    withRandomness(core.randomnessOf(batch.iteration), () =>
      gradientsOf(core.trainee, core.parameters, batch, options),
    ),
  )
}

/** The optimizer's updates to these gradients, clipped, not yet made. */
export function updatesAt(
  core: Core,
  gradients: readonly (tf.Tensor | null)[],
  norm: tf.Scalar,
  learningRate: number,
  pace: Pace,
): Update[] {
  const { ema } = core.settings
  return updatesOf({
    optimizer: core.optimizer,
    parameters: core.parameters,
    gradients,
    norm,
    clipping: core.settings,
    slots: core.slots,
    learningRate: tf.scalar(learningRate),
    count: tf.scalar(core.updates + 1),
    pace: { ...pace, waiting: tf.scalar(pace.waiting) },
    decay: ema === undefined ? null : tf.scalar(ema),
  })
}

/** Loss, norm and losses of the examples in one read. */
function readReport(
  found: Gradients,
  norm: tf.Scalar,
): { loss: number; gradientNorm: number; losses: Float32Array | undefined } {
  const parts = [found.loss.reshape([1]), norm.reshape([1])]
  if (found.losses) parts.push(found.losses)
  const values = tf.concat(parts).dataSync() as Float32Array
  return {
    loss: values[0]!,
    gradientNorm: values[1]!,
    losses: found.losses ? values.slice(2) : undefined,
  }
}

/** Makes the updates: references change, nothing is computed, so there is no moment at which half is done. */
export function commit(core: Core, updates: readonly Update[], state: readonly tf.Tensor[]): void {
  for (const { changes } of updates) for (const [variable, value] of changes) variable.assign(value)
  // By hand an update may be made of gradients that no forward pass gave: then the state stays.
  for (const [i, { variable }] of core.trainee.state.entries()) if (state[i]) variable.assign(state[i])
  core.changed()
}

/** Counts the iteration and writes its row. */
export function record(
  core: Core,
  outcome: Outcome & { more?: Partial<HistoryRow> },
  milliseconds: number,
): void {
  const iteration = core.iteration + 1
  const { loss, learningRate, gradientNorm, positions, losses, more } = outcome
  const row = { iteration, loss, learningRate, gradientNorm, milliseconds }
  if (core.history.last('iteration') !== iteration)
    core.history.append(more ? { ...row, ...(more as { [name: string]: number }) } : row)
  core.iteration = iteration
  if (outcome.pace) core.keepPace(outcome.pace)
  core.stopReason = null // whatever stopped the call before: it goes on
  for (let i = 0; i < positions.length; i++) core.books.draw(positions[i]!, core.iteration, losses?.[i])
  const spike = maybeSpike(core, positions)
  if (spike) {
    core.spikes = [...core.spikes, spike]
    core.onEvent('spike', { ...spike })
  }
}
