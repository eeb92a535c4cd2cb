import * as tf from '@tensorflow/tfjs'
import { describe, expect, test } from 'vitest'
import { adam, fromArrays, loadRun, train } from '../../src/index.js'
import { blobs, classifier, line, linearModel, usual, wrongLabels, useSilence } from '../kit/training.js'
import { temporaryFolder } from '../kit/files.js'

useSilence()

function start() {
  return train(classifier(), { ...usual(), data: wrongLabels() })
}

describe('mistakes', () => {
  test('the worst training examples are the ones with a wrong label, with ids that exclude takes', async () => {
    const run = start()
    await run.iterate(80)
    const worst = await run.mistakes({ k: 2, of: 'train' })
    expect(worst).toMatchObject({
      kind: 'mistakes',
      of: 'train',
      by: 'loss',
      iteration: 80,
      examined: 40,
      wrong: 2,
    })
    expect(worst.rows.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual([3, 10])
    expect(worst.rows[0]!.loss).toBeGreaterThan(worst.rows[1]!.loss)
    const three = worst.rows.find(({ id }) => id === 3)!
    expect(three).toMatchObject({ split: 'train', expected: 0, predicted: 1 })
    expect(three.probability).toBeGreaterThan(0.5)
    run.exclude(worst.rows.map(({ id }) => id))
    const rest = await run.mistakes({ k: 2, of: 'train' })
    expect(rest.rows.some(({ id }) => id === 3 || id === 10)).toBe(false)
  })

  test('of a model with an answer for each place say what it takes each for', async () => {
    const model = tf.sequential({
      layers: [tf.layers.dense({ units: 3, inputShape: [2, 4], activation: 'softmax' })],
    })
    const x = Float32Array.from({ length: 24 * 8 }, (_, i) => Math.sin(i))
    const y = Int32Array.from({ length: 24 * 2 }, (_, i) => i % 3)
    const run = train(model, {
      data: fromArrays({ x, y }, { shape: [2, 4], yShape: [2] }),
      loss: 'sparseCategoricalCrossentropy',
      optimizer: adam({ learningRate: 0.02 }),
    })
    const { rows } = await run.mistakes({ k: 3, of: 'train' })
    const classes = (model.predict(tf.tensor(x, [24, 2, 4])) as tf.Tensor)
      .argMax(-1)
      .arraySync() as number[][]
    for (const { id, predicted } of rows) expect(predicted).toBe(`[${classes[id]!.join(', ')}]`)
  })

  test('of evaluation by default, and by confidence only the wrong ones', async () => {
    const run = start()
    await run.iterate(80)
    const view = await run.mistakes()
    expect(view.rows[0]!.split).toBe('validation')
    expect((await run.mistakes({ by: 'confidence' })).rows).toEqual([])
    expect((await run.mistakes({ of: 'train', by: 'confidence' })).rows).toHaveLength(2)
  })

  test('forgotten: right at an evaluation before, wrong now', async () => {
    const run = start()
    await run.iterate(80)
    await run.evaluate()
    const model = run.model as any
    const [kernel, ...rest] = model.getWeights()
    model.setWeights([kernel.mul(-1), ...rest])
    await run.iterate(1)
    const forgotten = await run.mistakes({ by: 'forgotten' })
    expect(forgotten.rows.length).toBeGreaterThan(0)
    expect(forgotten.rows.length).toBe(forgotten.wrong)
  })

  test('what was right once stays forgotten over evaluations in which it is wrong, and over a restart', async () => {
    const run = start()
    await run.iterate(80)
    await run.evaluate()
    await run.mistakes({ of: 'train' })
    const model = run.model as any
    const [kernel, ...rest] = model.getWeights()
    model.setWeights([kernel.mul(-1), ...rest])
    await run.iterate(1)
    await run.evaluate()
    const lost = (await run.mistakes({ by: 'new' })).rows.map(({ id }) => id)
    expect(lost.length).toBeGreaterThan(0)
    expect((await run.mistakes({ of: 'train', by: 'new' })).rows.length).toBeGreaterThan(0)
    await run.iterate(1)
    await run.evaluate()
    const still = await run.mistakes({ by: 'forgotten', k: 100 })
    expect((await run.mistakes({ by: 'new' })).rows.length).toBeLessThan(still.rows.length)
    expect(still.rows.map(({ id }) => id)).toEqual(expect.arrayContaining(lost))
    const folder = await run.save(temporaryFolder(), { overwrite: true })
    const { x, y } = wrongLabels()
    const again = await loadRun(folder, { model: classifier(), data: { x, y }, evaluateOn: blobs(16) })
    expect((await again.mistakes({ by: 'forgotten', k: 100 })).rows.map(({ id }) => id)).toEqual(
      still.rows.map(({ id }) => id),
    )
  })

  test('the confusion matrix counts every example once and knows them by id', async () => {
    const run = start()
    await run.iterate(80)
    const confusion = await run.confusion({ of: 'train' })
    expect(confusion.counts).toEqual([
      [19, 1],
      [1, 19],
    ])
    expect(confusion.ids[0]![1]).toEqual([3])
    expect(confusion.classes[0]).toMatchObject({ precision: 0.95, recall: 0.95, count: 20 })
  })

  test('a loss of one number a batch has no mistakes, and says how to', async () => {
    const { model } = linearModel()
    const run = train(
      { parameters: model.parameters, loss: (batch: any) => model.loss(batch).loss },
      { data: line(), optimizer: adam({ learningRate: 0.1 }) },
    )
    await expect(run.mistakes({ of: 'train' })).rejects.toThrow('perExample')
    await expect(run.mistakes()).rejects.toThrow('without evaluateOn')
  })
})
