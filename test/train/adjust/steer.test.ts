import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  byLoss,
  curriculum,
  hardest,
  Interrupted,
  plateau,
  seed,
  sgd,
  targetReached,
  timeSpent,
  train,
  uniform,
  unlike,
  where,
} from '../../../src/index.js'
import { classifier, line, linearModel, silence, usual } from '../../kit/training.js'

let host: ReturnType<typeof silence>['host']
let shown: any[]
beforeEach(() => {
  ;({ host, shown } = silence())
  seed(1)
})

function start(more: object = {}) {
  return train(classifier(), { ...usual(), ...more })
}

describe('steering', () => {
  test('evaluates once an epoch by default, and at what was asked', async () => {
    const run = start()
    await run.iterate(12)
    expect(run.evaluations.map(({ iteration }) => iteration)).toEqual([5, 10])
    const other = start({ evaluateEvery: 4 })
    await other.iterate(12)
    expect(other.evaluations.map(({ iteration }) => iteration)).toEqual([4, 8, 12])
  })

  test('an epoch draws every example once', async () => {
    const run = start({ batchSize: 7 })
    const ids: number[] = []
    for (let i = 0; i < 6; i++) ids.push(...(await run.nextBatch()).ids)
    expect(ids.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i))
    expect(ids).not.toEqual(ids.toSorted((a, b) => a - b))
  })

  test('a target ends the call, and the next call goes on', async () => {
    const run = start({ stop: targetReached('accuracy', 0.9), evaluateEvery: 5 })
    await run.iterate(500)
    expect(run.stopReason).toMatchObject({ kind: 'target', iteration: run.iteration })
    const at = run.iteration
    expect(at).toBeLessThan(500)
    await run.iterate(20)
    expect(run.iteration).toBe(at + 20)
    expect(run.stopReason).toBeNull()
    run.set({ stop: targetReached('accuracy', 0.9) })
    await run.iterate(500)
    expect(run.stopReason!.kind).toBe('target')
    await run.iterate(1, { inspect: true })
    expect(run.stopReason).toBeNull()
    await run.until(() => false, { atMost: 1 })
    expect(run.stopReason!.kind).toBe('iterations')
    await run.apply((await run.gradients(await run.nextBatch())).gradients)
    expect(run.stopReason).toBeNull()
  })

  test('until ends by its rule or after atMost', async () => {
    const run = start()
    await run.until(targetReached('accuracy', 2), { atMost: 10 })
    expect(run.stopReason).toMatchObject({ kind: 'iterations', iteration: 10 })
    await run.until(timeSpent({ seconds: 0.05 }))
    expect(run.stopReason!.kind).toBe('time')
    run.set({ learningRate: 0, evaluateEvery: 1 })
    await run.until(plateau({ patience: 3 }))
    expect(run.stopReason!.kind).toBe('plateau')
    await run.until(({ iteration }) => iteration % 7 === 0 && 'sevens')
    expect(run.stopReason).toMatchObject({ kind: 'target', message: 'sevens' })
  })

  test('Stop ends the call at a whole iteration, with an error, and the next call goes on', async () => {
    const run = start()
    let turns = 0
    host.breathe = async () => {
      if (++turns === 2) host.interrupted = true
    }
    await expect(run.iterate(1_000_000)).rejects.toBeInstanceOf(Interrupted)
    expect(run.stopReason!.kind).toBe('interrupted')
    expect(run.iteration).toBe(run.history.length)
    host.interrupted = false
    const at = run.iteration
    await run.iterate(3)
    expect(run.iteration).toBe(at + 3)
  })

  test('an aborted signal ends the call as Stop does', async () => {
    const run = start()
    const stop = new AbortController()
    host.breathe = async () => stop.abort()
    await expect(run.iterate(1_000_000, { signal: stop.signal })).rejects.toBeInstanceOf(Interrupted)
  })

  test('changes hold from the next iteration on and are written down', async () => {
    const run = start()
    await run.iterate(3)
    run.set({ learningRate: 0.5, batchSize: 4 }, { why: 'to see' })
    await run.iterate(1)
    expect(run.history.at(-1)!.learningRate).toBe(0.5)
    expect((await run.nextBatch()).ids).toHaveLength(4)
    expect(run.adjustments).toEqual([
      { at: 3, what: 'learningRate', from: 0.02, to: 0.5, why: 'to see' },
      { at: 3, what: 'batchSize', from: 8, to: 4, why: 'to see' },
    ])
  })

  test('excluded examples are not drawn, and come back', async () => {
    const run = start()
    const out = [1, 2, 3, 5, 8]
    run.exclude(out)
    const drawn = async (batches: number) => {
      const ids = new Set<number>()
      for (let i = 0; i < batches; i++) for (const id of (await run.nextBatch()).ids) ids.add(id)
      return ids
    }
    const without = await drawn(10)
    expect(without.size).toBe(35)
    expect(out.filter((id) => without.has(id))).toEqual([])
    run.include(out)
    expect((await drawn(10)).size).toBe(40)
  })

  test('a weight of 2 is the gradient of the example counted twice', async () => {
    const one = linearModel()
    const run = train(one.model, { data: line(4), batchSize: 4, optimizer: sgd({ learningRate: 1 }) })
    run.reweight([3], 2)
    await run.iterate(1)
    const { x, y } = line(4)
    // d/db of mean weight (b - y)^2 at 0, times -1.
    const expected = (2 * (y[0]! + y[1]! + y[2]! + 2 * y[3]!)) / 4
    expect(one.b.dataSync()[0]).toBeCloseTo(expected, 5)
    expect(x).toHaveLength(4)
  })

  test('a corrected label is what is trained on', async () => {
    const run = start()
    run.relabel(3, 0)
    run.set({ batchSize: 40 })
    const batch = await run.nextBatch()
    expect(batch.y.dataSync()[batch.ids.indexOf(3)]).toBe(0)
    expect(() => run.relabel(3, 'cat')).toThrow('cat')
    await run.undo()
    await run.undo()
    run.set({ batchSize: 40 })
    const again = await run.nextBatch()
    expect(again.y.dataSync()[again.ids.indexOf(3)]).toBe(1)
  })

  test('frozen parameters stay as they are', async () => {
    const run = start()
    run.set({ freeze: /^dense_1/ })
    const model = run.model as tf.LayersModel
    const before = model.getWeights().map((weight) => Array.from(weight.dataSync()))
    await run.iterate(3)
    const after = model.getWeights().map((weight) => Array.from(weight.dataSync()))
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2))
    expect(after[2]).not.toEqual(before[2])
    expect(() => run.set({ freeze: /./ })).toThrow('every parameter')
    run.set({ freeze: null })
    await run.iterate(1)
    expect(Array.from(model.getWeights()[0]!.dataSync())).not.toEqual(before[0])
  })

  test('rounds draw from their subset, evaluate, and let the errors adjust', async () => {
    const run = start()
    const seen: (number | undefined)[] = []
    const view = await run.rounds(3, {
      iterations: 4,
      subset: hardest(0.5),
      adjust(evaluation, run) {
        seen.push(evaluation?.iteration)
        run.set({ learningRate: run.learningRate / 2 }, { why: 'each round' })
      },
    })
    expect(view.kind).toBe('rounds')
    expect(view.rows.map(({ from, to, subset }) => [from, to, subset])).toEqual([
      [0, 4, 'hardest(0.5)'],
      [4, 8, 'hardest(0.5)'],
      [8, 12, 'hardest(0.5)'],
    ])
    expect(seen).toEqual([4, 8, 12])
    expect(view.rows[0]!.adjustments).toHaveLength(1)
    expect(view.rows[1]!.before).toEqual(view.rows[0]!.after)
    expect(run.stopReason!.kind).toBe('iterations')
    await run.undo()
    expect(run.iteration).toBe(0)
    expect(run.adjustments).toEqual([])
  })

  test('rounds end when their rule is met, and a table of rules adjusts', async () => {
    const run = start()
    const view = await run.rounds(100, {
      iterations: 5,
      adjust: [
        { when: ({ iteration }) => iteration === 5, change: { learningRate: (now: number) => now / 2 } },
      ],
      until: targetReached('accuracy', 0.9),
    })
    expect(run.stopReason!.kind).toBe('target')
    expect(view.rows.length).toBeLessThan(100)
    expect(run.adjustments).toEqual([expect.objectContaining({ what: 'learningRate', from: 0.02, to: 0.01 })])
  })

  test.each([
    ['uniform', uniform(), 40],
    ['hardest', hardest(0.25), 10],
    ['byLoss', byLoss({ temperature: 2 }), undefined],
    ['where', where((row) => row.expected === 1), 20],
    ['curriculum', curriculum({ from: 0.5, over: 2 }), 20],
    ['unlike', unlike(), 40],
  ])('the subset %s is what a round draws from', async (_name, subset, size) => {
    const run = start({ batchSize: 40 })
    const drawn = new Set<number>()
    const original = run.evaluations
    expect(original).toEqual([])
    let ids: number[] = []
    await run.rounds(1, {
      iterations: 1,
      subset,
      adjust: async (_evaluation, run) => {
        ids = (await run.nextBatch()).ids
      },
    })
    for (const id of ids) drawn.add(id)
    if (size !== undefined) expect(drawn.size).toBe(size)
    expect(run.iteration).toBe(1)
  })

  test('an update that is not finite is not made, and the reason is data', async () => {
    const { w, model } = linearModel()
    const x = Float32Array.from([1, 2, Infinity, 4])
    const run = train(model, {
      data: { x, y: x },
      batchSize: 1,
      seed: 1,
      optimizer: sgd({ learningRate: 0.01 }),
    })
    await run.iterate(10)
    expect(run.stopReason).toMatchObject({ kind: 'notFinite', iteration: run.iteration })
    expect(run.stopReason!.message).toContain('examples 2')
    expect(Number.isFinite(w.dataSync()[0])).toBe(true)
    expect(run.history.every(({ loss }) => Number.isFinite(loss))).toBe(true)
    run.exclude([2])
    await run.iterate(10)
    expect(run.stopReason).toBeNull()
  })

  test('shows one display for a call, whose last state is not live', async () => {
    const run = start()
    await run.iterate(30)
    expect(shown.length).toBeGreaterThan(0)
    expect(shown.at(-1)).toMatchObject({
      kind: 'run',
      live: false,
      iteration: 30,
      from: 0,
      to: 30,
      metrics: ['accuracy'],
    })
    expect(shown.at(-1).history.loss).toHaveLength(30)
  })
})
