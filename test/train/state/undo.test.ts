import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, test } from 'vitest'
import { adam, compare, seed, train } from '../../../src/index.js'
import { silence, thorough, thoroughModel, weightsOf } from '../../kit/training.js'

let host: ReturnType<typeof silence>['host']
beforeEach(() => {
  host = silence().host
})

function start(name = 'run') {
  seed(1)
  const model = thoroughModel()
  return { model, run: train(model, { ...thorough(), name }) }
}

const state = ({ model, run }: ReturnType<typeof start>) => ({
  weights: weightsOf(model),
  iteration: run.iteration,
  losses: run.history.map((row) => [row.iteration, row.loss, row.learningRate, row.gradientNorm]),
  evaluations: [...run.evaluations],
  adjustments: [...run.adjustments],
})

describe('undo', () => {
  test('40 iterations are 20, 10, undo and 20, to the bit', async () => {
    const straight = start()
    await straight.run.iterate(40)
    const other = start()
    await other.run.iterate(20)
    await other.run.iterate(10)
    await other.run.undo()
    expect(other.run.iteration).toBe(20)
    expect(other.run.history.length).toBe(20)
    await other.run.iterate(20)
    expect(state(other)).toEqual(state(straight))
  })

  test('an optimizer that fails while its slots are made leaves those of the run as they were, to the bit', async () => {
    const straight = start()
    await straight.run.iterate(15)
    const other = start()
    await other.run.iterate(5)
    const tensors = tf.memory().numTensors
    let slots = 0
    const optimizer = adam({ learningRate: 0.1 })
    const failing: typeof optimizer = {
      ...optimizer,
      init(parameter, name) {
        if (++slots === 3) throw new Error('no memory')
        return optimizer.init(parameter, name)
      },
    }
    expect(() => other.run.set({ optimizer: failing })).toThrow('no memory')
    expect(tf.memory().numTensors).toBe(tensors)
    await other.run.iterate(10)
    expect(state(other)).toEqual(state(straight))
  })

  test('redo brings back what undo took, history and evaluations included', async () => {
    const one = start()
    await one.run.iterate(20)
    one.run.set({ learningRate: 0.001 }, { why: 'to see' })
    await one.run.iterate(15)
    const before = state(one)
    await one.run.undo()
    await one.run.undo()
    expect(one.run.adjustments).toEqual([])
    await one.run.redo()
    expect(one.run.adjustments).toEqual([
      { at: 20, what: 'learningRate', from: 0.02, to: 0.001, why: 'to see' },
    ])
    await one.run.redo()
    expect(state(one)).toEqual(before)
    await expect(one.run.redo()).rejects.toThrow('nothing was taken back')
  })

  test('takes back one call at a time outside a notebook, a whole cell in one', async () => {
    const one = start()
    await one.run.iterate(5)
    await one.run.iterate(5)
    await one.run.undo()
    expect(one.run.iteration).toBe(5)
    host.cell = { number: 7, source: '' }
    await one.run.iterate(3)
    one.run.exclude([2])
    await one.run.iterate(3)
    host.cell = { number: 8, source: '' }
    await one.run.undo()
    expect(one.run.iteration).toBe(5)
    expect(one.run.adjustments).toEqual([])
    // The cell that undid is not one that trained: the next undo takes back the call before.
    await one.run.undo()
    expect(one.run.iteration).toBe(0)
    await expect(one.run.undo()).rejects.toThrow('at its beginning')
  })

  test('goTo goes to where a call began or to a kept point, and undo leads back', async () => {
    const one = start()
    await one.run.iterate(10)
    await one.run.iterate(10)
    one.run.keep('good')
    const good = state(one)
    await one.run.iterate(10)
    const last = state(one)
    await one.run.goTo(10)
    expect(one.run.iteration).toBe(10)
    expect(one.run.history.length).toBe(10)
    await one.run.iterate(4)
    await one.run.goTo('good')
    expect(state(one)).toEqual(good)
    await one.run.undo()
    expect(one.run.iteration).toBe(14)
    await one.run.undo()
    await one.run.undo()
    expect(state(one)).toEqual(last)
    await expect(one.run.goTo('nowhere')).rejects.toThrow('good')
  })

  test('a branch goes on by itself, with its own model, from the same bits', async () => {
    const one = start()
    await one.run.iterate(15)
    const branch = one.run.branch('hotter')
    expect(branch.model).not.toBe(one.model)
    await one.run.iterate(5)
    const straight = weightsOf(one.model)
    await branch.iterate(5)
    expect(weightsOf(branch.model)).toEqual(straight)
    branch.set({ learningRate: 0.1 })
    await branch.iterate(5)
    expect(weightsOf(one.model)).toEqual(straight)
    expect(branch.iteration).toBe(25)
    expect(branch.history.length).toBe(25)
    const table = compare(one.run, branch)
    expect(table.kind).toBe('comparison')
    expect(table.runs).toEqual(['run', 'hotter'])
    expect(table.rows.find(({ what }) => what === 'adjustments of its own')!.values).toEqual([
      null,
      'learning rate 0.1 at 20',
    ])
  })

  test('fresh begins anew, to the bit, and undo leads back', async () => {
    const one = start()
    const first = weightsOf(one.model)
    await expect(one.run.fresh()).rejects.toThrow('has not changed')
    await one.run.iterate(10)
    one.run.set({ batchSize: 3 })
    const before = state(one)
    await one.run.fresh()
    expect(weightsOf(one.model)).toEqual(first)
    expect(one.run.adjustments).toEqual([])
    await one.run.undo()
    expect(state(one)).toEqual(before)
    await one.run.fresh()
    await one.run.iterate(10)
    expect(state(one).losses).toEqual(before.losses)
  })
})
