import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  adam,
  byLoss,
  cosine,
  ema,
  linear,
  loadRun,
  piecewise,
  seed,
  sgd,
  train,
  type Run,
} from '../../../src/index.js'
import { coreOf } from '../../../src/train/run/run.js'
import { maybeCompiled } from '../../../src/train/step/compiled.js'
import { blobs, classifier, line, linearModel, silence, weightsOf } from '../../kit/training.js'
import { temporaryFolder } from '../../kit/files.js'

beforeEach(() => {
  silence()
  process.chdir(temporaryFolder())
})
afterEach(() => tf.setBackend('cpu'))

function start(more: object = {}, made: Parameters<typeof classifier>[0] = {}) {
  seed(1)
  const model = classifier(made)
  const run = train(model, {
    data: blobs(48),
    evaluateOn: blobs(16),
    loss: 'sparseCategoricalCrossentropy',
    batchSize: 16,
    seed: 3,
    optimizer: adam({ learningRate: 0.02 }),
    clipNorm: 0.5,
    save: false,
    ...more,
  })
  return { model, run }
}
const far = (a: number[][], b: number[][]) =>
  Math.max(...a.flat().map((value, i) => Math.abs(value - b.flat()[i]!)))

for (const backend of ['cpu', 'onnxruntime'])
  describe(`gradients of several batches as one update on ${backend}`, () => {
    beforeEach(() => tf.setBackend(backend))

    test('4 batches of 4 update as one of 16 does, clipping and Adam’s count included', async () => {
      const whole = start()
      await whole.run.iterate(9)
      const parts = start({ batchSize: 4, accumulate: 4 })
      await parts.run.iterate(36)
      // The same sums in another order; Adam's first steps turn roundings of small gradients into more.
      expect(far(weightsOf(parts.model), weightsOf(whole.model))).toBeLessThan(1e-5)
    })

    test('an epoch’s shorter last batch counts by its examples', async () => {
      const data = blobs(10)
      // 10 = 4 + 4 + 2: three batches are the whole set.
      const whole = start({ data, batchSize: 10 })
      await whole.run.iterate(3)
      const parts = start({ data, batchSize: 4, accumulate: 3 })
      await parts.run.iterate(9)
      expect(far(weightsOf(parts.model), weightsOf(whole.model))).toBeLessThan(1e-5)
    })

    test('nothing moves between updates; undo in the middle of one goes back to the same bits', async () => {
      const one = start({ batchSize: 4, accumulate: 4 }, { dropout: 0.3 })
      await one.run.iterate(4)
      const before = weightsOf(one.model)
      await one.run.iterate(3)
      expect(weightsOf(one.model)).toEqual(before)
      await one.run.iterate(7)
      const end = weightsOf(one.model)
      expect(end).not.toEqual(before)
      await one.run.undo()
      await one.run.iterate(7)
      expect(weightsOf(one.model)).toEqual(end)
      const branch = one.run.branch('same')
      await branch.iterate(5)
      await one.run.iterate(5)
      expect(weightsOf(branch.model)).toEqual(weightsOf(one.model))
    })

    test('can be set in the middle, an update under way is finished, and by hand it is the same', async () => {
      const one = start({ batchSize: 4, accumulate: 4 })
      const by = start({ batchSize: 4, accumulate: 4 })
      await one.run.iterate(6)
      for (let i = 0; i < 6; i++) {
        const batch = await by.run.nextBatch()
        const { gradients } = await by.run.gradients(batch)
        await by.run.apply(gradients)
        tf.dispose([batch, gradients])
      }
      // By hand it runs kernel by kernel.
      expect(far(weightsOf(by.model), weightsOf(one.model))).toBeLessThan(1e-5)
      one.run.set({ accumulate: null })
      const before = weightsOf(one.model)
      await one.run.iterate(1)
      expect(weightsOf(one.model)).not.toEqual(before)
      expect(coreOf(one.run)!.state.waiting).toEqual({ batches: 0, examples: 0 })
      expect(one.run.adjustments).toEqual([{ at: 6, what: 'accumulate', from: 4, to: 1 }])
    })

    test('the average of the parameters is what its definition says, and moves with updates only', async () => {
      const { run, model } = start({ ema: 0.9, accumulate: 2 })
      const average = weightsOf(model).map((values) => values.slice())
      for (let i = 0; i < 6; i++) {
        await run.iterate(1)
        if (i % 2 === 0) continue
        for (const [w, values] of weightsOf(model).entries())
          for (const [at, value] of values.entries()) average[w]![at] = 0.9 * average[w]![at]! + 0.1 * value
      }
      const twin = run.emaModel() as tf.LayersModel
      expect(far(weightsOf(twin), average)).toBeLessThan(1e-6)
      const own = await run.evaluate()
      const row = await run.evaluate({ ema: true })
      const check = train(twin, {
        data: blobs(),
        evaluateOn: blobs(16),
        loss: 'sparseCategoricalCrossentropy',
        optimizer: sgd({ learningRate: 1 }),
      })
      expect(row.loss).toBe((await check.evaluate()).loss)
      expect(row.loss).not.toBe(own.loss)
      expect((await run.evaluate(blobs(16), { ema: true })).loss).toBe(row.loss)
      expect((await run.evaluate({ data: blobs(16), ema: true })).loss).toBe(row.loss)
      expect((await run.evaluate({ data: blobs(16) })).loss).toBe(own.loss)
      // A look, no evaluation of the run; and the run has its own values again.
      expect(run.evaluations.at(-1)!.loss).toBe(own.loss)
      expect((await run.evaluate()).loss).toBe(own.loss)
    })

    test('undo takes the average back, a change of its share records no new graph, null ends it', async () => {
      const { run } = start({ ema: 0.9 })
      await run.iterate(4)
      const before = (await run.evaluate({ ema: true })).loss
      await run.iterate(4)
      const after = (await run.evaluate({ ema: true })).loss
      await run.undo()
      expect((await run.evaluate({ ema: true })).loss).toBe(before)
      await run.iterate(4)
      expect((await run.evaluate({ ema: true })).loss).toBe(after)
      run.set({ ema: 0.99 })
      await run.iterate(2)
      run.set({ ema: null })
      await expect(run.evaluate({ ema: true })).rejects.toThrow('ema: 0.999')
      expect(() => run.emaModel()).toThrow('keeps no averages')
      await run.undo()
      expect((await run.evaluate({ ema: true })).loss).toBeGreaterThan(0)
    })
  })

describe('accumulation and averages', () => {
  test('survive a restart, in the middle of an update, as options and around the optimizer', async () => {
    for (const more of [
      { accumulate: 3, ema: 0.9 },
      { optimizer: ema(adam({ learningRate: 0.02 }), { decay: 0.9 }), accumulate: 3 },
    ]) {
      const one = start({ batchSize: 4, save: true, name: 'kept', ...more })
      await one.run.iterate(7)
      const folder = await one.run.save(`copy-${more.ema ?? 'around'}`)
      const model = classifier()
      const again = await loadRun(folder, { model, data: blobs(48), evaluateOn: blobs(16) })
      await one.run.iterate(8)
      await again.iterate(8)
      expect(weightsOf(model)).toEqual(weightsOf(one.model))
      expect(await again.evaluate({ ema: true })).toEqual(await one.run.evaluate({ ema: true }))
    }
  })

  test('are refused where they cannot be', () => {
    expect(() => start({ accumulate: 0 })).toThrow('a whole number, at least 1')
    expect(() => start({ ema: 1 })).toThrow('less than 1')
    expect(() => start({ ema: 0.9, optimizer: ema(adam({ learningRate: 0.1 })) })).toThrow('ema twice')
    const { run } = start()
    expect(() => run.set({ accumulate: 1.5 })).toThrow('whole number')
  })

  test('a model of one’s own has an average too, and gives it as a model', async () => {
    const { model, w } = linearModel()
    const run = train(model, {
      data: line(),
      batchSize: 4,
      seed: 1,
      ema: 0.5,
      optimizer: sgd({ learningRate: 0.1 }),
    })
    await run.iterate(1)
    const first = w.dataSync()[0]!
    expect(run.emaModel().parameters.w.dataSync()[0]).toBeCloseTo(first / 2, 6)
    expect(w.dataSync()[0]).toBe(first)
  })
})

describe('batch sizes by rule', () => {
  const sizes = async (run: Run, n: number) => {
    const found: number[] = []
    for (let i = 0; i < n; i++) {
      found.push(run.batchSize)
      const batch = await run.nextBatch()
      expect(batch.x.shape[0]).toBe(found.at(-1))
      const { gradients } = await run.gradients(batch)
      await run.apply(gradients)
      tf.dispose([batch, gradients])
    }
    return found
  }

  test('a schedule grows them in powers of two, steps are taken as they are, a list is mixed by the seed', async () => {
    const grown = start({ batchSize: 2, batchSchedule: linear({ over: 12, to: 16 }) })
    const seen = await sizes(grown.run, 14)
    expect(new Set(seen)).toEqual(new Set([4, 8, 16]))
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    const steps = start({ batchSize: 10, batchSchedule: piecewise([{ from: 3, times: 1.5 }]) })
    expect(await sizes(steps.run, 4)).toEqual([10, 10, 15, 15])
    const mixed = start({ batchSchedule: [4, 16] })
    const drawn = await sizes(mixed.run, 12)
    expect(new Set(drawn)).toEqual(new Set([4, 16]))
    expect(await sizes(start({ batchSchedule: [4, 16] }).run, 12)).toEqual(drawn)
    expect(await sizes(start({ batchSchedule: [4, 16], seed: 4 }).run, 12)).not.toEqual(drawn)
  })

  test('record at most eight graphs, whatever the rule, since an epoch’s end is filled up', async () => {
    await tf.setBackend('onnxruntime')
    const { run } = start({ batchSize: 2, batchSchedule: linear({ over: 100, to: 48 }) })
    await run.iterate(120)
    const step = maybeCompiled(coreOf(run)!)!
    expect(step.recordings).toBeLessThanOrEqual(6)
    expect(step.reason).toBeUndefined()
    expect(() => start({ batchSchedule: (i: number) => (i % 50) + 1 })).toThrow('more than 8 sizes')
    expect(() => start({ batchSchedule: [1, 2, 3, 4, 5, 6, 7, 8, 9] })).toThrow('1 to 8')
    expect(() => start({ batchSchedule: (i: number) => i / 2 })).toThrow('a batch size')
  })

  test('epochs count examples; set, undo, a restart and rounds that ask for larger batches go on with them', async () => {
    const one = start({ batchSize: 8, batchSchedule: [8, 16], save: true, name: 'sizes' })
    await one.run.epochs(1)
    const drawn = coreOf(one.run)!
      .state.books.vectors()
      .drawn.filter((at) => at > 0).length
    expect(drawn).toBe(48)
    one.run.set({ batchSchedule: piecewise([{ from: 1, times: 2 }]) })
    expect(one.run.batchSize).toBe(16)
    await one.run.save('sizes-copy')
    const model = classifier()
    const again = await loadRun('sizes-copy', { model, data: blobs(48), evaluateOn: blobs(16) })
    await again.iterate(5)
    await one.run.iterate(5)
    expect(weightsOf(model)).toEqual(weightsOf(one.model))
    await one.run.undo()
    await one.run.undo()
    expect(one.run.adjustments).toEqual([])
    one.run.set({ batchSchedule: null })
    await one.run.rounds(2, {
      iterations: 2,
      subset: byLoss(),
      adjust: [{ when: () => true, change: { batchSize: (size: number) => size * 2 } }],
    })
    expect(one.run.batchSize).toBe(32)
    // A function is a rule by itself here, not a way from the present one to the next.
    await one.run.rounds(1, {
      iterations: 1,
      adjust: [{ when: () => true, change: { batchSchedule: (_: number, size: number) => size / 4 } }],
    })
    expect(one.run.batchSize).toBe(8)
    const own = start({ batchSchedule: (i: number) => (i < 3 ? 4 : 8), save: true, name: 'own-sizes' })
    await own.run.iterate(4)
    await own.run.save('own-copy')
    await expect(loadRun('own-copy', { model: classifier(), data: blobs(48) })).rejects.toThrow(
      'batchSchedule: (iteration, batchSize)',
    )
  })
})

describe('rates of several optimizers', () => {
  function two(more: object = {}) {
    const parameters = { a: tf.variable(tf.scalar(0)), b: tf.variable(tf.scalar(0)) }
    const run = train(
      {
        parameters,
        optimizers: { a: sgd({ learningRate: 0.1 }), b: sgd({ learningRate: 0.01 }) },
        iteration: (_batch: unknown, { optimizers }) => {
          const loss = optimizers.a!.minimize(() => parameters.a.mul(1))
          optimizers.b!.minimize(() => parameters.b.mul(1))
          return { loss }
        },
      },
      { data: line(), batchSize: 4, seed: 1, ...more },
    )
    return { run, read: () => [parameters.a, parameters.b].map((one) => one.dataSync()[0]!) }
  }

  test('are set by name, each alone, recorded, undone', async () => {
    const { run, read } = two()
    await run.iterate(1)
    run.set({ learningRate: { b: 0.5 } }, { why: 'b lags' })
    await run.iterate(1)
    expect(read()[0]).toBeCloseTo(-0.2, 6)
    expect(read()[1]).toBeCloseTo(-0.51, 6)
    expect(run.history.at(-1)).toMatchObject({ learningRate: 0.1, learningRate_b: 0.5 })
    expect(run.adjustments).toEqual([
      { at: 1, what: 'learningRate', from: { b: 0.01 }, to: { b: 0.5 }, why: 'b lags' },
    ])
    await run.undo()
    await run.undo()
    await run.iterate(1)
    expect(read()[1]).toBeCloseTo(-0.02, 6)
  })

  test('one number for several, a wrong name, another optimizer: refused with what to write', async () => {
    const { run } = two()
    expect(() => run.set({ learningRate: 0.1 })).toThrow('{ a: …, b: … }')
    expect(() => run.set({ learningRate: { c: 0.1 } })).toThrow('names of its optimizers')
    expect(() => run.set({ learningRate: { a: -1 } })).toThrow('finite learning rate')
    expect(() => run.set({ optimizer: adam({ learningRate: 1 }) })).toThrow('iteration is your own')
    expect(() => run.set({ accumulate: 2 })).toThrow('iteration is your own')
    expect(() => two({ accumulate: 2 })).toThrow('an own iteration')
    expect(run.adjustments).toEqual([])
    expect(() => start().run.set({ learningRate: { a: 1 } as never })).toThrow('one optimizer')
  })

  test('a schedule scales each from its own peak', async () => {
    const { run } = two({ schedule: cosine({ warmup: 2, over: 10 }) })
    await run.iterate(1)
    expect(run.history.at(-1)).toMatchObject({ learningRate: 0.05, learningRate_b: 0.005 })
  })
})
