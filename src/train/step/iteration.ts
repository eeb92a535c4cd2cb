import * as tf from '@tensorflow/tfjs'
import { committing } from '../../settle.js'
import { tidily, type Gradients } from '../model/gradients.js'
import { readScalars } from '../model/said.js'
import type { Core, Pace } from '../state/core.js'
import type { Events } from '../state/events.js'
import { maybeCompiled } from './compiled.js'
import { reachOf } from './finite.js'
import { Making } from './making.js'
import { countIteration, type Outcome } from './outcome.js'
import { normOf } from './step.js'
import { commit, gradientsAt, isFiniteUpdate, updatesAt } from './update.js'
import type { AnyBatch } from '../model/batch.js'
import type { Weights } from '../model/trainee.js'

/**
 * One iteration: draw a batch, forward and loss, gradients, checks, update. The run changes only at the end, all at
 * once; an update that is not finite changes nothing, not even which examples come next.
 *
 * @param made the batch, where it was made for this iteration.
 */
export function iterateOnce(core: Core, journal: Events, made?: MadeFor): Outcome {
  return committing((begins) => {
    const started = made?.started ?? performance.now()
    const making = new Making(core)
    return making.during(() =>
      tidily(() => {
        const positions = core.nextPositions()
        const learningRate = core.learningRate()
        const batch = made?.batch ?? core.batchAt(positions)
        const given: Given = {
          batch,
          weights: core.weightsOf(batch, positions),
          learningRate,
          pace: core.paceOf(batch.ids.length),
        }
        const { update, ...seen } =
          throughGraph(core, given, making, begins) ?? byKernels(core, given, begins)
        const outcome = { ...seen, learningRate, positions, pace: given.pace }
        if (outcome.finite)
          making.finish(() => {
            update()
            countIteration(core, outcome, performance.now() - started, journal)
          })
        return outcome
      }),
    )
  })
}

/** A batch that was made for its iteration, and when that began. */
export interface MadeFor {
  batch: AnyBatch
  started: number
}

/** What an iteration is made from. */
interface Given {
  batch: AnyBatch
  weights: Weights | undefined
  learningRate: number
  pace: Pace
}

/** What was seen of it, and how the run is given what came of it. */
interface Step extends Pick<Outcome, 'finite' | 'loss' | 'gradientNorm' | 'losses' | 'more' | 'written'> {
  /** It may be ended in the middle and called again. */
  update(): void
}

/**
 * As one graph, which makes the update itself; undefined where it cannot be compiled.
 *
 * @param begins is called where the run begins to change: from there on the iteration is made.
 */
function throughGraph(core: Core, given: Given, making: Making, begins: () => void): Step | undefined {
  const { batch, weights, learningRate, pace } = given
  const report = maybeCompiled(core)?.run(batch, weights, learningRate, pace, (takeBack) => {
    begins()
    making.takeBack = takeBack
  })
  if (!report) return undefined
  const { gradientNorm } = report
  // On a device it cannot be taken back, nor looked at.
  const isLooked = report.finite && making.takeBack !== undefined
  const written = isLooked ? reachOf(core).findMade({ gradientNorm, learningRate, pace }) : undefined
  return {
    ...report,
    finite: report.finite && written === undefined,
    ...(written && { written }),
    update() {
      core.changed()
      if (isLooked) reachOf(core).made()
    },
  }
}

/** Kernel by kernel: the update is looked at before it is made. */
function byKernels(core: Core, { batch, weights, learningRate, pace }: Given, begins: () => void): Step {
  const found = gradientsAt(core, batch, { weights })
  const norm = normOf(found.gradients)
  const updates = updatesAt(core, found.gradients, norm, learningRate, pace)
  const report = readReport(found, norm)
  const { loss, gradientNorm } = report
  const isFinite = Number.isFinite(loss) && isFiniteUpdate(gradientNorm, learningRate)
  const step = { gradientNorm, learningRate, pace }
  const written = isFinite ? reachOf(core).findPlanned(step, updates, found.state) : undefined
  const finite = isFinite && written === undefined
  if (finite) begins()
  return {
    ...report,
    finite,
    ...(written && { written }),
    update() {
      commit(core, updates, found.state)
      reachOf(core).made()
    },
  }
}

/** Loss, norm and losses of the examples in one read, and what else the loss says. */
function readReport(
  found: Gradients,
  norm: tf.Scalar,
): Pick<Outcome, 'loss' | 'gradientNorm' | 'losses' | 'more'> {
  const parts = [found.loss.reshape([1]), norm.reshape([1])]
  if (found.losses) parts.push(found.losses)
  const values = tf.concat(parts).dataSync() as Float32Array
  return {
    loss: values[0]!,
    gradientNorm: values[1]!,
    losses: found.losses ? values.slice(2) : undefined,
    more: readScalars(found.said),
  }
}
