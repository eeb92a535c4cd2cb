import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { dropout, withRandomness } from '../../../src/backend/index.js'
import { compile } from '../../../src/backend/compile/compile.js'
import { adam, seed, sgd, train, type Run } from '../../../src/index.js'
import { blobs, classifier, linearModel, silence, weightsOf } from '../../kit/training.js'

beforeEach(() => {
  silence().host.breathe = () => new Promise((resolve) => setImmediate(resolve))
})
afterEach(() => tf.setBackend('cpu'))

const settings = () => ({
  data: blobs(),
  loss: 'sparseCategoricalCrossentropy',
  batchSize: 8,
  seed: 3,
  optimizer: adam({ learningRate: 0.02 }),
})

function start(rate: number, more: object = {}) {
  seed(1)
  const { dense, dropout: layer } = tf.layers
  const model = tf.sequential({
    layers: [
      dense({ units: 16, inputShape: [2], activation: 'relu' }),
      layer({ rate }),
      dense({ units: 16, activation: 'relu' }),
      layer({ rate, name: 'late' }),
      dense({ units: 2, activation: 'softmax' }),
    ],
  })
  return { model, run: train(model, { ...settings(), ...more }) as Run }
}

const losses = (run: Run) => run.history.map(({ loss }) => loss)

for (const backend of ['cpu', 'onnxruntime'])
  describe(`the rate of dropout on ${backend}`, () => {
    beforeEach(() => tf.setBackend(backend))

    test('can be changed in the middle: from there on the run is one that was made with the other rate', async () => {
      const other = start(0.5)
      await other.run.iterate(5)
      const changed = start(0.2)
      changed.run.set({ dropout: 0.5 })
      await changed.run.iterate(5)
      expect(losses(changed.run)).toEqual(losses(other.run))
      expect(weightsOf(changed.model)).toEqual(weightsOf(other.model))
      changed.run.set({ dropout: 0 })
      const before = weightsOf(changed.model)
      await changed.run.iterate(1)
      const { model, run } = start(0)
      model.setWeights(before.map((values, i) => tf.tensor(values, model.getWeights()[i]!.shape)))
      // Without dropout the sixth batch has the loss of a model that never had any.
      const sixth = await at(run, 6)
      expect(changed.run.history.at(-1)!.loss).toBeCloseTo(sixth, 5)
    })

    test('goes by the names of layers too, is recorded, undone, kept by branches', async () => {
      const { run } = start(0.2)
      expect(run.dropout).toEqual({ dropout: 0.2, late: 0.2 })
      await run.iterate(4)
      run.set({ dropout: { late: 0.6 } }, { why: 'overfits' })
      expect(run.dropout).toEqual({ dropout: 0.2, late: 0.6 })
      expect(run.adjustments).toEqual([
        { at: 4, what: 'dropout', from: { late: 0.2 }, to: { late: 0.6 }, why: 'overfits' },
      ])
      run.set({ dropout: 0.1 })
      run.set({ dropout: { dropout: 0.3 } })
      expect(run.dropout).toEqual({ dropout: 0.3, late: 0.1 })
      const branch = run.branch('other')
      await run.undo()
      await run.undo()
      expect(run.dropout).toEqual({ dropout: 0.2, late: 0.6 })
      await run.undo()
      expect(run.dropout).toEqual({ dropout: 0.2, late: 0.2 })
      expect(branch.dropout).toEqual({ dropout: 0.3, late: 0.1 })
      run.replay(branch.adjustments)
      await run.iterate(1)
      expect(run.dropout).toEqual(branch.dropout)
      run.set({ dropout: null })
      expect(run.dropout).toEqual({ dropout: 0.2, late: 0.2 })
    })
  })

for (const backend of ['cpu', 'onnxruntime'])
  test(`masks differ from iteration to iteration, and come again after undo, on ${backend}`, async () => {
    await tf.setBackend(backend)
    const w = tf.variable(tf.scalar(1))
    const places = tf.linspace(1, 2, 64)
    // The loss is a sum over what the mask left: with other masks it is another, and w does not move it.
    const loss = () => dropout(places, 0.5).sum().add(w.mul(0))
    const run = train(
      { parameters: { w }, loss },
      { data: blobs(), seed: 1, optimizer: sgd({ learningRate: 1 }) },
    )
    await run.iterate(20)
    const masks = losses(run)
    expect(new Set(masks).size).toBe(20)
    await run.undo()
    await run.iterate(20)
    expect(losses(run)).toEqual(masks)
    const other = train(
      { parameters: { w }, loss },
      { data: blobs(), seed: 2, optimizer: sgd({ learningRate: 1 }) },
    )
    await other.iterate(20)
    expect(losses(other).filter((value) => masks.includes(value))).toEqual([])
  })

/** The loss of iteration `n` with the weights that the model has now. */
async function at(run: Run, n: number): Promise<number> {
  for (let i = 1; i < n; i++) tf.dispose(await run.nextBatch())
  const batch = await run.nextBatch()
  const { loss, gradients } = await run.gradients(batch)
  tf.dispose([batch.x, batch.y, ...Object.values(gradients)])
  return loss
}

describe('in a compiled step', () => {
  beforeEach(() => tf.setBackend('onnxruntime'))

  test('the rate is an input: other rates, 0 included, record nothing anew', async () => {
    let traced = 0
    const step = compile((x: tf.Tensor) => {
      traced++
      return dropout(x, 0.5, 'hidden')
    })
    let rate = 0.5
    const rates = { find: () => () => rate }
    const x = tf.ones([1000])
    const kept = (next: number) => {
      rate = next
      const y = withRandomness({ seed: 1, iteration: 1, dropout: rates }, () => step(x)) as tf.Tensor
      return [...y.dataSync()].filter((value) => value !== 0)
    }
    // 1,000 draws: the share kept is within 5 standard deviations of its chance.
    for (const one of [0.5, 0.1, 0.9]) {
      const values = kept(one)
      expect(Math.abs(values.length / 1000 - (1 - one))).toBeLessThan(5 * Math.sqrt((one * (1 - one)) / 1000))
      expect(values[0]).toBeCloseTo(1 / (1 - one), 5)
    }
    expect(kept(0)).toEqual(Array.from({ length: 1000 }, () => 1))
    expect(traced).toBe(1)
    expect(step.recordings).toBe(1)
  })

  test('a loss of one’s own is traced once for any rates of its dropouts', async () => {
    let calls = 0
    const w = tf.variable(tf.ones([2, 2]))
    const model = {
      parameters: { w },
      loss({ x, y }: { x: tf.Tensor; y: tf.Tensor }) {
        calls++
        const hidden = dropout(x.matMul(w), 0.25, 'hidden')
        const perExample = hidden.sum(1).sub(y.toFloat()).square() as tf.Tensor1D
        return { loss: perExample.mean(), perExample }
      },
    }
    const run = train(model, { data: blobs(), batchSize: 8, seed: 1, optimizer: sgd({ learningRate: 0.01 }) })
    expect(run.dropout).toEqual({ hidden: 0.25 })
    await run.iterate(3)
    const control = new AbortController()
    run.start({ signal: control.signal })
    while (run.iteration < 5) await new Promise((resolve) => setImmediate(resolve))
    await run.pause()
    const before = calls
    run.resume()
    run.set({ dropout: 0.5 })
    const { iteration } = run
    while (run.iteration < iteration + 3) await new Promise((resolve) => setImmediate(resolve))
    await run.stop()
    // A call that trains begins with one trace (a cell may have changed what the loss uses); a new rate adds none.
    expect(calls - before).toBeLessThanOrEqual(1)
    expect(run.dropout).toEqual({ hidden: 0.5 })
    expect((await run.evaluate(blobs())).loss).toBe((await run.evaluate(blobs())).loss)
  })
})

describe('a rate that cannot be', () => {
  test('is refused with what can', () => {
    const { run } = start(0.2)
    expect(() => run.set({ dropout: 1 })).toThrow('a rate from 0 to less than 1')
    expect(() => run.set({ dropout: { lat: 0.1 } })).toThrow('late')
    expect(() => run.set({ dropout: { late: -1 } })).toThrow("-1 for 'late'")
    expect(run.adjustments).toEqual([])
    expect(() => start(0.2, { dropout: 2 })).toThrow('train(model, { dropout })')
    const plain = train(classifier(), settings())
    expect(plain.dropout).toEqual({})
    expect(() => plain.set({ dropout: 0.1 })).toThrow('no dropout is known')
    const own = train(linearModel().model, { data: blobs(), optimizer: sgd({ learningRate: 0.01 }) })
    expect(() => own.set({ dropout: 0.1 })).toThrow('dropout(x, rate, name)')
  })

  test('of 0 costs nothing until it is set, and can be', async () => {
    const { run } = start(0)
    await run.iterate(3)
    run.set({ dropout: 0.5 })
    await run.iterate(3)
    const other = start(0.5)
    const never = start(0)
    await never.run.iterate(6)
    expect(losses(run).slice(0, 3)).toEqual(losses(never.run).slice(0, 3))
    expect(losses(run)[4]).not.toBe(losses(never.run)[4])
    expect(other.run.dropout).toEqual({ dropout: 0.5, late: 0.5 })
  })
})

test('a note is an adjustment that changes nothing', async () => {
  const { run, model } = start(0.2)
  await run.iterate(2)
  const before = weightsOf(model)
  run.note('  looks flat ')
  expect(run.adjustments).toEqual([{ at: 2, what: 'note', from: null, to: 'looks flat' }])
  expect(weightsOf(model)).toEqual(before)
  expect(() => run.note(' ')).toThrow('some text')
  await run.undo()
  expect(run.adjustments).toEqual([])
})
