import * as tf from '@tensorflow/tfjs'
import { describe, expect, it } from 'vitest'
import { adam, compare, cosine, loadRun, sgd, train } from '../../../src/index.js'
import { fromArrays } from '../../../src/data/index.js'
import { silence, useRuns } from '../../kit/training.js'

useRuns()

/** y = factor x for some values of x. */
function lines(factor: number, count: number, first = 0) {
  const x = Float32Array.from({ length: count }, (_, i) => (i + 1) / count)
  const y = x.map((value) => factor * value)
  const ids = Array.from({ length: count }, (_, i) => first + i)
  return fromArrays({ x, y }, { name: `times ${factor}`, ids })
}

function model() {
  const w = tf.variable(tf.scalar(0))
  const objective = (sign: number) => ({
    parameters: { w },
    loss: ({ x, y }: { x: tf.Tensor; y: tf.Tensor }) => {
      const perExample = x.mul(w).sub(y.mul(sign)).square() as tf.Tensor1D
      return { loss: perExample.mean() as tf.Scalar, perExample }
    },
  })
  return { w, plain: objective(1), turned: objective(-1) }
}

const begin = (from: object, options: object = {}) =>
  train(from as ReturnType<typeof model>['plain'], {
    data: lines(2, 8),
    batchSize: 4,
    optimizer: sgd({ learningRate: 0.2 }),
    seed: 1,
    progress: false,
    ...options,
  })
const value = (w: tf.Variable) => w.dataSync()[0]!

describe('a stage of a run', () => {
  it('goes on with other data in one history, and begins with a mark', async () => {
    const { w, plain } = model()
    const run = begin(plain)
    await run.iterate(30)
    expect(value(w)).toBeCloseTo(2, 1)
    run.stage({ name: 'tuning', data: lines(-3, 12, 100) }, { why: 'the other way' })
    await run.iterate(30)
    expect(value(w)).toBeCloseTo(-3, 1)
    expect(run.history.length).toBe(60)
    expect(run.stages).toEqual([{ name: 'tuning', at: 30, data: 'times -3', loss: 'own function' }])
    expect(run.adjustments).toEqual([
      { at: 30, what: 'stage', from: null, to: 'tuning', why: 'the other way' },
    ])
    expect((await run.mistakes({ of: 'train' })).examined).toBe(12)
    expect(() => run.exclude([0])).toThrow(/the id 0/)
    run.exclude([100])
  })

  it.each(['cpu', 'onnxruntime'])(
    'is taken back over its border to the bit, and made again (%s)',
    async (backend) => {
      await tf.setBackend(backend)
      const { w, plain, turned } = model()
      const run = begin(plain, { evaluateOn: lines(2, 3, 50), optimizer: adam({ learningRate: 0.05 }) })
      await run.iterate(7)
      run.exclude([3])
      const there = { w: value(w), next: [...(await run.nextBatch()).ids] }
      await run.undo()
      run.exclude([3])
      run.stage({
        name: 'turned',
        model: turned,
        data: lines(2, 5, 100),
        evaluateOn: lines(2, 2, 200),
        optimizer: sgd({ learningRate: 0.3 }),
      })
      await run.iterate(40)
      // The other objective is the one that is trained: y of the other sign.
      expect(value(w)).toBeCloseTo(-2, 1)
      const end = value(w)
      const { loss } = await run.evaluate()
      expect(loss).toBeLessThan(0.1)
      await run.undo()
      expect(run.stages.length).toBe(1)
      expect(value(w)).toBe(there.w)
      await run.undo()
      expect(run.stages).toEqual([])
      expect(run.adjustments.map(({ what }) => what)).toEqual(['exclude'])
      expect([...(await run.nextBatch()).ids]).toEqual(there.next)
      expect((await run.evaluate()).loss).toBeGreaterThan(1)
      // What was looked at by hand is a change of its own: back to the border, and over it.
      await run.undo()
      await run.redo()
      run.stage({
        name: 'again',
        model: turned,
        data: lines(2, 5, 100),
        optimizer: sgd({ learningRate: 0.3 }),
      })
      await run.iterate(40)
      expect(Math.abs(value(w) - end)).toBeLessThan(0.1)
      await tf.setBackend('cpu')
    },
  )

  it('counts a schedule of its own from where it begins', async () => {
    const { plain } = model()
    const run = begin(plain)
    await run.iterate(10)
    run.stage({ name: 'falling', schedule: cosine({ over: 10, to: 0.01 }), learningRate: 0.1 })
    expect(run.learningRate).toBeGreaterThan(0.09)
    await run.iterate(10)
    expect(run.learningRate).toBeCloseTo(0.01, 3)
    await run.undo()
    await run.undo()
    expect(run.learningRate).toBe(0.2)
  })

  it('keeps what it does not change: data that is drawn on, slots, settings', async () => {
    const [one, other] = [model(), model()]
    const plain = begin(one.plain, { optimizer: adam({ learningRate: 0.01 }) })
    await plain.iterate(12)
    const staged = begin(other.plain, { optimizer: adam({ learningRate: 0.01 }) })
    await staged.iterate(5)
    staged.stage({ name: 'the same' })
    await staged.iterate(7)
    expect(value(other.w)).toBe(value(one.w))
  })

  it('is branched, compared, saved and loaded', async () => {
    const { w, plain, turned } = model()
    const first = begin(plain, { name: 'staged' })
    await first.iterate(5)
    const run = first.stage({ name: 'turned', model: turned, data: lines(2, 6, 100) })
    await run.iterate(5)
    const branch = run.branch('hotter')
    branch.set({ learningRate: 0.3 })
    await branch.iterate(3)
    await run.iterate(3)
    expect(branch.stages).toEqual(run.stages)
    expect(compare(run, branch).kind).toBe('comparison')
    const end = value(w)
    const folder = await run.save()
    const again = model()
    const loaded = await loadRun(folder, { model: again.turned, data: lines(2, 6, 100), progress: false })
    expect(loaded.stages).toEqual(run.stages)
    expect(value(again.w)).toBe(end)
    await run.iterate(4)
    await loaded.iterate(4)
    expect(value(again.w)).toBe(value(w))
    // Points of this stage are there; of the first the data and the model are not.
    await loaded.undo()
    await loaded.undo()
    await loaded.undo()
    expect(loaded.iteration).toBe(5)
    expect(loaded.stages.length).toBe(1)
    const { shown } = silence()
    await expect(loaded.undo()).rejects.toThrow(/at its beginning/)
    expect(JSON.stringify(shown)).toContain('a point of another stage')
  })

  it('that does not fit is refused, and the run is as it was', async () => {
    const { w, plain } = model()
    const run = begin(plain)
    await run.iterate(3)
    const before = [value(w), run.iteration, run.adjustments.length]
    const stage = (options: object) => () => run.stage(options as never)
    expect(stage({ name: 'other', model: model().plain })).toThrow(/whose w is not this run's/)
    expect(stage({ name: 'other', data: { x: new Float32Array(), y: new Float32Array() } })).toThrow(
      /no examples/,
    )
    expect(stage({ name: 'a/b' })).toThrow(/names a folder/)
    expect(stage({})).toThrow(/name/)
    expect(stage({ name: 'other', data: lines(1, 4), learningRate: -1 })).toThrow(/learning rate/)
    expect(stage({ name: 'other', epochs: 3 })).toThrow(/'epochs'/)
    expect([value(w), run.iteration, run.adjustments.length]).toEqual(before)
    expect(run.stages).toEqual([])
    await run.iterate(1)
    expect((await run.mistakes({ of: 'train' })).examined).toBe(8)
    expect(() => run.replay([{ at: 9, what: 'stage', from: null, to: 'x' }])).toThrow(/the stage 'x'/)
  })
})
