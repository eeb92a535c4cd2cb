import * as tf from '@tensorflow/tfjs'
import { describe, expect, test } from 'vitest'
import { adam, seed, sgd, train } from '../../../src/index.js'
import { blobs, classifier, line, linearModel, weightsOf, useSilence } from '../../kit/training.js'

useSilence()

describe('iterate', () => {
  test('one step of SGD on a line is the step computed by hand', async () => {
    const { w, b, model } = linearModel()
    const { x, y } = line(4)
    const run = train(model, { data: { x, y }, batchSize: 4, optimizer: sgd({ learningRate: 0.5 }) })
    await run.iterate(1)
    // d/dw mean (wx + b - y)^2 at 0 is -2 mean xy, d/db is -2 mean y; float32 keeps 7 digits.
    const mean = (values: Float32Array) => values.reduce((a, c) => a + c, 0) / values.length
    expect(w.dataSync()[0]).toBeCloseTo(0.5 * 2 * mean(x.map((value, i) => value * y[i]!)), 6)
    expect(b.dataSync()[0]).toBeCloseTo(0.5 * 2 * mean(y), 6)
    expect(run.history[0]).toMatchObject({ iteration: 1, learningRate: 0.5 })
    expect(run.history[0]!.loss).toBeCloseTo(mean(y.map((value) => value * value)), 6)
  })

  test('one step of Adam moves each parameter by the rate', async () => {
    const { w, b, model } = linearModel()
    const run = train(model, { data: line(4), batchSize: 4, optimizer: adam({ learningRate: 0.01 }) })
    await run.iterate(1)
    // m / sqrt(v) is the gradient's sign in the first step, up to epsilon.
    expect(w.dataSync()[0]).toBeCloseTo(0.01, 6)
    expect(b.dataSync()[0]).toBeCloseTo(0.01, 6)
  })

  test('always continues, and the model passed in holds the values', async () => {
    const model = classifier()
    const run = train(model, {
      data: blobs(),
      loss: 'sparseCategoricalCrossentropy',
      metrics: ['accuracy'],
      evaluateOn: blobs(),
      batchSize: 8,
      seed: 1,
      optimizer: adam({ learningRate: 0.05 }),
    })
    await run.iterate(20)
    await run.iterate(20)
    expect(run.iteration).toBe(40)
    expect(run.history.length).toBe(40)
    expect(run.history.at(-1)!.iteration).toBe(40)
    expect(run.history.map((row) => row.iteration)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1))
    const { accuracy, loss } = await run.evaluate()
    expect(accuracy).toBe(1)
    const { x, y } = blobs()
    const probabilities = model.predict(x) as tf.Tensor
    const own = tf.losses.softmaxCrossEntropy(tf.oneHot(tf.tensor1d(y), 2), probabilities.log())
    expect(loss).toBeCloseTo(own.dataSync()[0]!, 5)
  })

  test('the same seeds give the same bits, another order seed others', async () => {
    const weights = async (order: number) => {
      seed(1)
      const model = classifier()
      const run = train(model, {
        data: blobs(),
        loss: 'sparseCategoricalCrossentropy',
        batchSize: 8,
        seed: order,
        optimizer: adam({ learningRate: 0.05 }),
      })
      await run.iterate(7)
      return weightsOf(model)
    }
    const first = await weights(1)
    expect(await weights(1)).toEqual(first)
    expect(await weights(2)).not.toEqual(first)
  })

  test('a constant loss of ln 2 is what two classes begin with when the model knows nothing', async () => {
    const model = tf.sequential({
      layers: [
        tf.layers.dense({ units: 2, inputShape: [2], kernelInitializer: 'zeros', activation: 'softmax' }),
      ],
    })
    const run = train(model, {
      data: blobs(),
      loss: 'sparseCategoricalCrossentropy',
      optimizer: sgd({ learningRate: 0.1 }),
    })
    await run.iterate(1)
    expect(run.history[0]!.loss).toBeCloseTo(Math.log(2), 6)
  })
})
