import * as tf from '@tensorflow/tfjs'
import { describe, expect, test } from 'vitest'
import { adam, train } from '../../../src/index.js'
import { blobs, useSilence } from '../../kit/training.js'

useSilence()

const { dense, batchNormalization } = tf.layers
const trunk = () =>
  tf.sequential({ layers: [dense({ inputShape: [2], units: 4, activation: 'relu' }), batchNormalization()] })
const withHead = (trunk: tf.Sequential) =>
  tf.sequential({ layers: [trunk, dense({ units: 2, activation: 'softmax' })] })
const options = {
  data: blobs(),
  evaluateOn: blobs(),
  batchSize: 8,
  seed: 1,
  loss: 'sparseCategoricalCrossentropy',
  optimizer: adam({ learningRate: 0.05 }),
}
const values = (model: tf.LayersModel) => model.getWeights().map((weight) => [...weight.dataSync()])

/** The ways of tfjs to freeze the layers of a model that becomes part of another. */
const ways: { [way: string]: (trunk: tf.Sequential) => void } = {
  'the model as a whole': (trunk) => void (trunk.trainable = false),
  'each of its layers': (trunk) => {
    for (const layer of trunk.layers) layer.trainable = false
  },
}

describe('a trunk that is frozen before the run is made', () => {
  for (const [way, freeze] of Object.entries(ways))
    test(`${way}: stays to the bit, averages of its normalisations too, and a branch knows it`, async () => {
      const base = trunk()
      freeze(base)
      const run = train(withHead(base), options)
      const before = values(base)
      await run.iterate(6)
      expect(run.parameters).toEqual(['dense/kernel', 'dense/bias'])
      expect(values(base)).toEqual(before)
      const branch = run.branch('other')
      expect(branch.parameters).toEqual(run.parameters)
      expect(await branch.evaluate()).toEqual(await run.evaluate())
      await run.iterate(4)
      await branch.iterate(4)
      expect(values(branch.model)).toEqual(values(run.model))
      expect(branch.history.at(-1)!.loss).toBe(run.history.at(-1)!.loss)
    })

  test('what is trained is computed with the averages, as it is when the model predicts', async () => {
    const base = trunk()
    base.trainable = false
    const run = train(withHead(base), { ...options, batchSize: 40 })
    const { loss } = await run.evaluate()
    await run.iterate(1)
    expect(run.history[0]!.loss).toBeCloseTo(loss, 5)
  })

  test('a branch goes by what the run trains, whatever its layers say since', async () => {
    const base = trunk()
    base.trainable = false
    const run = train(withHead(base), options)
    await run.iterate(2)
    base.trainable = true
    const branch = run.branch('other')
    await branch.iterate(1)
    await run.iterate(1)
    expect(branch.parameters).toEqual(run.parameters)
    expect(values(branch.model)).toEqual(values(run.model))
  })
})

test('normalisations that are trained take the mean of the batch and move their averages', async () => {
  const base = trunk()
  const run = train(withHead(base), options)
  const before = values(base).slice(-2)
  await run.iterate(3)
  expect(values(base).slice(-2)).not.toEqual(before)
})
