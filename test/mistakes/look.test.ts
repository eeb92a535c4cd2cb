import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { describe, expect, test } from 'vitest'
import { adam, digits, fromArrays, loadRun, sgd, split, train } from '../../src/index.js'
import { shareInterval } from '../../src/mistakes/index.js'
import { blobs, classifier, linearModel, usual, wrongLabels, useSilence } from '../kit/training.js'
import { temporaryFolder } from '../kit/files.js'

useSilence()

function start() {
  return train(classifier(), { ...usual(), data: wrongLabels() })
}

describe('looking closer', () => {
  test('slices count every example once and hold the whole accuracy', async () => {
    const run = start()
    await run.iterate(80)
    const rows = await run.slices({ by: (row) => row.expected, of: 'train' })
    expect(rows.map(({ count }) => count)).toEqual([20, 20])
    for (const row of rows) {
      expect(row.accuracy).toBe(0.95)
      expect(row.accuracyFrom).toBeLessThan(0.95)
      expect(row.lossFrom).toBeLessThan(row.loss)
    }
  })

  test("the interval of a share is Wilson's", () => {
    // 10 of 10: [0.722, 1]; 0 of 20: [0, 0.161]; published in Agresti & Coull 1998's tables to three digits.
    expect(shareInterval(10, 10)[1]).toBeCloseTo(0.722, 3)
    expect(shareInterval(10, 10)[2]).toBeCloseTo(1, 9)
    expect(shareInterval(0, 20)[2]).toBeCloseTo(0.161, 3)
  })

  test('calibration: the mean distance of confidence and accuracy', async () => {
    const run = start()
    await run.iterate(80)
    const { bins, error, predictions } = await run.calibration({ of: 'train' })
    expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(40)
    const by = bins.reduce((sum, bin) => sum + (bin.count / 40) * Math.abs(bin.confidence - bin.accuracy), 0)
    expect(error).toBeCloseTo(by, 12)
    expect(predictions.filter(({ right }) => right)).toHaveLength(38)
  })

  test('calibration of a model that has gone wrong counts what has a probability', async () => {
    const run = start()
    await run.iterate(1)
    const model = run.model as tf.LayersModel
    model.setWeights(model.getWeights().map(({ shape }) => tf.fill(shape, NaN)))
    const { bins, predictions } = await run.calibration({ of: 'train' })
    expect(bins).toEqual([])
    expect(predictions).toHaveLength(40)
  })

  test('focus draws from what it is given, until it is told otherwise', async () => {
    const run = start()
    await run.focus([1, 2, 3])
    const ids = new Set<number>()
    for (let i = 0; i < 4; i++) for (const id of (await run.nextBatch()).ids) ids.add(id)
    expect([...ids].toSorted()).toEqual([1, 2, 3])
    await run.undo()
    expect((await run.nextBatch()).ids).toHaveLength(8)
    await expect(run.focus([41])).rejects.toThrow('held out')
    expect(run.adjustments).toEqual([])
  })

  test('a slice is focused on, left out, weighed by its ids; one of held-out data is refused', async () => {
    const run = start()
    const [slice] = await run.slices({ by: (row) => row.id < 5, of: 'train' })
    const ids = slice!.slice === 'true' ? 5 : 35
    expect(slice!.ids).toHaveLength(ids)
    await run.focus(slice!)
    expect(run.adjustments.at(-1)!.to).toMatchObject({ count: ids })
    await run.focus(null)
    run.reweight(slice!, 2)
    run.exclude(slice!)
    expect(run.adjustments.at(-1)!.to).toMatchObject({ left: 40 - ids })
    const [held] = await run.slices({ by: () => 'all' })
    await expect(run.focus(held!)).rejects.toThrow(/held out \(validation\).*of: 'train'/)
  })

  test('residuals are what a prediction of a number is off by, the farthest first', async () => {
    const { w, model } = linearModel()
    w.assign(tf.scalar(2))
    const run = train(
      { ...model, predict: (x: tf.Tensor) => x.mul(w) },
      {
        data: { x: Float32Array.of(1, 2, 3), y: Float32Array.of(2, 9, 5) },
        optimizer: sgd({ learningRate: 1 }),
      },
    )
    const rows = await run.residuals({ of: 'train' })
    expect(rows.map(({ id, residual }) => [id, residual])).toEqual([
      [1, -5],
      [2, 1],
      [0, 0],
    ])
    await expect(start().residuals()).rejects.toThrow('run.confusion()')
  })

  test('each look at the test split stays in the record, undo or not, and on disk', async () => {
    const { test: held, train: some } = split(fromArrays(blobs()), { train: 0.8, test: 0.2 })
    const run = train(classifier(), {
      data: some,
      loss: 'sparseCategoricalCrossentropy',
      optimizer: adam({ learningRate: 0.02 }),
    })
    await run.iterate(3)
    const { loss } = await run.evaluate(held)
    await run.undo()
    expect(run.looks).toEqual([{ data: 'data', split: 'test', ema: false, iteration: 3, loss }])
    const folder = join(temporaryFolder(), 'looks')
    await run.save(folder)
    const again = await loadRun(folder, { model: classifier(), data: some })
    expect(again.looks).toEqual(run.looks)
  })

  test('of 2 % swapped digits, most are among the first 200 doubtful labels', async () => {
    await tf.setBackend('onnxruntime')
    const { train: set } = await digits({ seed: 1, flat: true })
    const all = Int32Array.from(set.ids, (_, position) => position)
    const { x, y } = set.at(all)
    const labels = y.dataSync().slice() as Int32Array
    const swapped = new Set<number>()
    for (let i = 0; i < 160; i++) {
      const position = (i * 4973 + 17) % 8000
      labels[position] = (labels[position]! + 1 + (i % 9)) % 10
      swapped.add(position)
    }
    const model = tf.sequential({
      layers: [
        tf.layers.dense({ units: 64, inputShape: [784], activation: 'relu' }),
        tf.layers.dense({ units: 10, activation: 'softmax' }),
      ],
    })
    const run = train(model, {
      data: fromArrays({ x, y: labels }),
      loss: 'sparseCategoricalCrossentropy',
      batchSize: 64,
      seed: 1,
      optimizer: adam({ learningRate: 1e-3 }),
    })
    await run.epochs(5)
    const { rows } = await run.doubtfulLabels({ k: 200 })
    const found = rows.filter(({ id }) => swapped.has(id)).length
    expect(swapped.size).toBe(160)
    expect(found).toBeGreaterThan(140)
  })
})
