import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, test } from 'vitest'
import { adam, seed, train } from '../../src/index.js'
import { blobs, classifier, silence, weightsOf } from './setup.js'

beforeEach(() => {
  silence()
})

function start() {
  seed(1)
  const model = classifier({ dropout: 0.3, batchNorm: true })
  const run = train(model, {
    data: blobs(),
    loss: 'sparseCategoricalCrossentropy',
    batchSize: 7,
    seed: 3,
    clipNorm: 0.5,
    optimizer: adam({ learningRate: 0.02 }),
  })
  return { model, run }
}

describe('the iteration is open', () => {
  test('nextBatch, gradients and apply give the bits of iterate', async () => {
    const straight = start()
    await straight.run.iterate(9)
    const hand = start()
    for (let i = 0; i < 8; i++) {
      const batch = await hand.run.nextBatch()
      expect(batch.iteration).toBe(i + 1)
      const { loss, losses, gradients } = await hand.run.gradients(batch)
      expect(losses).toHaveLength(batch.ids.length)
      expect(loss).toBe(straight.run.history[i]!.loss)
      await hand.run.apply(gradients)
      tf.dispose([batch.x, batch.y, ...Object.values(gradients)])
    }
    await hand.run.iterate(1)
    expect(weightsOf(hand.model)).toEqual(weightsOf(straight.model))
    expect(hand.run.history.map((row) => row.gradientNorm)).toEqual(
      straight.run.history.map((row) => row.gradientNorm),
    )
  })

  test('undo after apply goes back to before the batch was drawn', async () => {
    const { run } = start()
    const first = await run.nextBatch()
    await run.apply((await run.gradients(first)).gradients)
    await run.undo()
    expect(run.iteration).toBe(0)
    expect((await run.nextBatch()).ids).toEqual(first.ids)
  })

  test('an inspected iteration shows all it is made of, and is an iteration like any other', async () => {
    const straight = start()
    await straight.run.iterate(3)
    const { model, run } = start()
    await run.iterate(1)
    const before = weightsOf(model)
    const one = await run.iterate(1, { inspect: true })
    expect(one).toMatchObject({ kind: 'iteration', iteration: 2 })
    expect(one.ids).toHaveLength(7)
    expect(one.predictions!.shape).toEqual([7, 2])
    expect(Object.keys(one.gradients)).toEqual(run.parameters)
    expect(run.parameters).toEqual([
      'dense_1/kernel',
      'dense_1/bias',
      'batch_normalization/gamma',
      'batch_normalization/beta',
      'dense_2/kernel',
      'dense_2/bias',
    ])
    expect(one.examples.map(({ loss }) => loss)).toEqual(Array.from(one.losses))
    const after = weightsOf(model)
    const kernel = one.updates['dense_1/kernel']!.dataSync()
    // The update is new - old in float32; adding it again may round once.
    expect(before[0]!.map((value, i) => value + kernel[i]!)).toEqual(
      after[0]!.map((value) => expect.closeTo(value, 6)),
    )
    expect(one.activations!.map(({ layer }) => layer)).toEqual(['dense_1'])
    one.dispose()
    await run.iterate(1)
    expect(weightsOf(model)).toEqual(weightsOf(straight.model))
  })

  test('the sum of the losses of the examples is the loss', async () => {
    const { run } = start()
    const { loss, losses } = await run.gradients(await run.nextBatch())
    expect(losses.reduce((a, b) => a + b, 0) / losses.length).toBeCloseTo(loss, 5)
  })
})
