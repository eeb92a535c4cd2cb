import { beforeEach, describe, expect, it } from 'vitest'
import { hardest, plateau, seed, train } from '../../../src/index.js'
import { decodeTensors, encodeTensors } from '../../../src/store/safetensors.js'
import { checkFit } from '../../../src/train/disk/check-snapshot.js'
import { decodeSnapshot, encodeSnapshot } from '../../../src/train/disk/snapshot-file.js'
import { branchOf } from '../../../src/train/run/branch.js'
import { coreOf } from '../../../src/train/run/run.js'
import type { Core } from '../../../src/train/state/core.js'
import {
  firstState,
  restoreState,
  type Beside,
  type Kept,
  type State,
} from '../../../src/train/state/fields.js'
import { takeSnapshot } from '../../../src/train/state/snapshots.js'
import { silence, thorough, thoroughModel } from '../../kit/training.js'

beforeEach(() => void silence())

/** A run of which no field is as it began. */
async function someRun(): Promise<Core> {
  seed(1)
  const options = thorough()
  const run = train(thoroughModel(), {
    ...options,
    save: false,
    accumulate: 3,
    stop: plateau({ patience: 1 }),
  })
  const core = coreOf(run)!
  await run.iterate(13)
  run.set({ learningRate: 0.01 }, { why: 'to try' })
  run.exclude([3, 4])
  run.reweight([5], 2)
  run.relabel(7, 1)
  await run.focus(hardest(0.5))
  await run.evaluate(options.evaluateOn)
  await run.evaluate(options.data)
  run.replay([{ at: 99, what: 'learningRate', from: 0.01, to: 0.02 }])
  await run.iterate(1)
  // What needs luck or several optimizers.
  core.state.ruleSpent = true
  core.state.stopReason = { kind: 'plateau', iteration: 14, message: 'no better' }
  core.state.spikes = [{ iteration: 5, loss: Number.NaN, expected: 1, ids: [1, 2] }]
  core.state.peaks = { g: 0.1, d: 0.2 }
  core.state.counts = { g: 3, d: 6 }
  core.state.scheduleFrom = 3
  core.state.stages = [{ name: 'second', at: 3, data: 'some' }]
  const { x, y } = core.data.valuesAt(2) as { x: ArrayLike<number>; y: ArrayLike<number> }
  core.state.corrections = new Map([
    [
      2,
      { answers: [{ id: 2, answer: 'better' }], values: { x: Array.from(x).toReversed(), y: Array.from(y) } },
    ],
  ])
  core.state.notes = [{ iteration: 13, samples: [{ prompts: ['a'], texts: ['b'] }] }]
  return core
}

/**
 * A state in a form to compare: objects that are changed in place by what they hold. What lies beside the parameters stands in the
 * model, and has tests of its own (step/held.test.ts).
 */
const seen = ({ order, books, history, held: _, ...rest }: State) => ({
  ...rest,
  order: order.state(),
  books: books.vectors(),
  history: Object.fromEntries(history.names.map((name) => [name, history.column(name)])),
})

function stateOf(core: Core, kept: Kept, beside: Beside): State {
  const state = firstState(core)
  restoreState(state, kept)
  return Object.assign(state, beside)
}

describe('each field of a run', () => {
  it('is another than at the beginning in the run that is tried here', async () => {
    const core = await someRun()
    const now: { [field: string]: unknown } = seen(core.state)
    for (const [field, first] of Object.entries(seen(firstState(core))))
      expect(now[field], field).not.toEqual(first)
  })

  it('comes back from a file', async () => {
    const core = await someRun()
    const bytes = encodeTensors(encodeSnapshot(core, takeSnapshot(core)))
    const decoded = decodeSnapshot(decodeTensors(bytes, 'a file'), 'a file', core)
    checkFit(core, decoded, 'a test')
    expect(seen(stateOf(core, decoded.snapshot, decoded.beside))).toEqual(seen(core.state))
  })

  it('comes back with a snapshot, whatever came after it', async () => {
    const core = await someRun()
    const kept = takeSnapshot(core)
    const before = seen(core.state)
    const { history, looks } = core.state
    const first = firstState(core)
    Object.assign(core.state, first)
    restoreState(core.state, kept)
    expect(seen(Object.assign(core.state, { history, looks }))).toEqual(before)
  })

  it('is a branch’s too', async () => {
    const core = await someRun()
    expect(seen(branchOf(core, 'twin').state)).toEqual(seen(core.state))
  })
})
