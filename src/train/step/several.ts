import { leavesOf } from '../../data/table/column.js'
import { TableDataset } from '../../data/table/table.js'
import { committing } from '../../settle.js'
import { tidily } from '../model/gradients.js'
import { isStateful } from '../model/recurrent.js'
import type { Core } from '../state/core.js'
import type { Events } from '../state/events.js'
import { maybeCompiled, type CompiledStep } from './compiled.js'
import { reachOf } from './finite.js'
import { Making } from './making.js'
import { countIteration, type Outcome } from './outcome.js'

/**
 * Iterations of one run of a session, the larger the better, and how long a run must be for each: a session of 8 takes as long to make as
 * 160 iterations, one of 32 as long as 900.
 */
const sizes = [
  { times: 32, from: 5000 },
  { times: 8, from: 200 },
]
/**
 * What an iteration may write at most, in elements: about 2 ms here. From there on what a run adds is lost in what it computes,
 * and Stop waits for the end of all of them.
 */
const mostElements = 500_000
/** Of all of them: a session of this many took 1.2 s of a busy machine to make, and Stop waits for it. */
const mostNodes = 4000

/**
 * Several iterations at once, at most `most`: in one run of a session, with all that each would have come to by itself. Undefined where one at a time
 * it must be, or one of them was not finite, and nothing was done.
 */
export function maybeIterateSeveral(core: Core, journal: Events, most: number): Outcome | undefined {
  const found = sizes.find(({ times, from }) => times <= most && from <= core.state.iteration)
  if (!found || !mayBeSeveral(core)) return undefined
  const tries = triesOf(core)
  if (tries.left > 0) {
    tries.left--
    return undefined
  }
  const compiled = maybeCompiled(core)
  const size = core.batchSize()
  const times = sizes.find(
    (one) => one.times <= found.times && one.times <= core.state.order.wholeBatches(size),
  )?.times
  if (!compiled || times === undefined) return undefined
  const outcome = committing((begins): Outcome | undefined => {
    const started = performance.now()
    const making = new Making(core)
    return making.during(() =>
      tidily(() => {
        const { iteration } = core.state
        const made = orNothing(() => computed(core, compiled, times, making, begins))
        if (!made) return undefined
        const { drawn, rates, reports, pace } = made
        const outcomes = reports.map((report, t): Outcome => ({
          ...report,
          finite: true,
          learningRate: rates[t]!,
          positions: drawn[t]!,
          pace,
        }))
        making.finish(() => {
          core.changed()
          reachOf(core).made()
          const milliseconds = (performance.now() - started) / times
          while (core.state.iteration < iteration + times)
            countIteration(core, outcomes[core.state.iteration - iteration]!, milliseconds, journal)
        }, times)
        return outcomes.at(-1)
      }),
    )
  })
  tries.wait = outcome ? 1 : Math.min(2 * tries.wait, longestWait)
  tries.left = outcome ? 0 : tries.wait / 2
  return outcome
}

/** To have drawn the batches of several in vain takes longer than one iteration may: it is tried again after 1, 2, 4 … iterations. */
const longestWait = 4096
const waits = new WeakMap<Core, { wait: number; left: number }>()

function triesOf(core: Core): { wait: number; left: number } {
  let tries = waits.get(core)
  if (!tries) waits.set(core, (tries = { wait: 1, left: 0 }))
  return tries
}

/** What goes wrong is told by the iteration in which it does, alone. */
function orNothing<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

function computed(core: Core, compiled: CompiledStep, times: number, making: Making, begins: () => void) {
  const size = core.batchSize()
  const drawn = Array.from({ length: times }, () => core.nextPositions())
  if (drawn.some(({ length }) => length !== size)) return undefined
  const positions = new Int32Array(times * size)
  for (const [t, one] of drawn.entries()) positions.set(one, t * size)
  const batch = core.batchAt(positions)
  const rates = drawn.map((_, t) => core.learningRate(core.state.iteration + 1 + t))
  const pace = core.paceOf(size)
  const worthwhile = ({ nodes, elements }: { nodes: number; elements: number }) =>
    nodes * times <= mostNodes && elements <= mostElements
  const reports = compiled.several(batch, rates, pace, worthwhile, (takeBack) => {
    begins()
    making.takeBack = takeBack
  })
  if (!reports) return undefined
  const steps = reports.map(({ gradientNorm }, t) => ({ gradientNorm, learningRate: rates[t]!, pace }))
  // What is not finite stays so to the end; which iteration it was is then found one by one.
  if (reachOf(core).findMadeAll(steps) !== undefined) return undefined
  return { drawn, rates, reports, pace }
}

/** Whether what an iteration is made of is known before the one before it was made. */
function mayBeSeveral({ trainee, settings, source, data, state, parameters }: Core): boolean {
  return (
    trainee.pass !== undefined &&
    !trainee.iteration &&
    !trainee.borrow &&
    !source &&
    data instanceof TableDataset &&
    // Sequences are filled up to the longest of their batch.
    !leavesOf(data.table).some(([, { spec }]) => spec.ragged) &&
    settings.batchSchedule === undefined &&
    settings.sampleWeight === undefined &&
    settings.classWeight === undefined &&
    !state.weights &&
    (settings.accumulate ?? 1) === 1 &&
    state.waiting.batches === 0 &&
    !isStateful(trainee) &&
    // A value that is cut back may have been infinite before.
    !parameters.some(({ constrain }) => constrain)
  )
}
