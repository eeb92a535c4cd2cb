import * as tf from '@tensorflow/tfjs'
import { afterEach, describe, expect, test } from 'vitest'
import { fromArrays, sgd, train } from '../../../src/index.js'
import { useSilence } from '../../kit/training.js'

useSilence()
afterEach(() => void tf.setBackend('onnxruntime'))

const { embedding, flatten, dense } = tf.layers

function model() {
  return tf.sequential({
    layers: [embedding({ inputDim: 5, outputDim: 2, inputLength: 3 }), flatten(), dense({ units: 1 })],
  })
}

/** Six texts of three tokens; the one with the id 3 has a token that is none. */
function texts(token: number) {
  const x = [0, 1, 2, 2, 3, 4, 1, 1, 1, 0, token, 2, 4, 4, 0, 3, 2, 1]
  return fromArrays({
    x: tf.tensor2d(x, [6, 3], 'int32'),
    y: tf.zeros([6, 1]),
  })
}

const settings = { batchSize: 6, loss: 'meanSquaredError', progress: false, save: false } as const
const optimizer = () => sgd({ learningRate: 0.1 })

describe('a token that is none names the example, and the run stays as it is', () => {
  for (const backend of ['onnxruntime', 'cpu'])
    for (const token of [-1, 5])
      test(`${token}, on the backend ${backend}`, async () => {
        await tf.setBackend(backend)
        const net = model()
        const run = train(net, { ...settings, data: texts(token), optimizer: optimizer() })
        const before = net.getWeights().map((weight) => Array.from(weight.dataSync()))
        await expect(run.iterate(1)).rejects.toThrow(
          new RegExp(`the index value ${token} is not in \\[0, 4\\].*in example 3`),
        )
        expect(net.getWeights().map((weight) => Array.from(weight.dataSync()))).toEqual(before)
        expect(run.iteration).toBe(0)
        run.exclude([3])
        await run.iterate(2)
        expect(run.iteration).toBe(2)
        expect(run.history.every(({ loss }) => Number.isFinite(loss))).toBe(true)
      })

  test('when it is evaluated, and by hand', async () => {
    const run = train(model(), {
      ...settings,
      data: texts(3),
      evaluateOn: texts(9),
      optimizer: optimizer(),
    })
    await expect(run.evaluate()).rejects.toThrow(/index value 9 .*in example 3/)
    const other = train(model(), { ...settings, data: texts(-3), optimizer: optimizer() })
    const batch = await other.nextBatch()
    await expect(other.gradients(batch)).rejects.toThrow(/index value -3 .*in example 3/)
  })

  test('also NaN, which would become the first token', async () => {
    const x = tf.tensor2d([0, 1, 2, 2, NaN, 4], [2, 3])
    const run = train(model(), {
      ...settings,
      data: { x, y: tf.zeros([2, 1]) },
      optimizer: optimizer(),
    })
    await expect(run.iterate(1)).rejects.toThrow(
      /NaN as a token \(example 1 of data\). Expected whole numbers from 0 to 4/,
    )
    expect(run.iteration).toBe(0)
  })

  test('in a loss of one’s own', async () => {
    const table = tf.variable(tf.randomNormal([5, 2]))
    const run = train(
      {
        parameters: { table },
        loss: ({ x }: { x: tf.Tensor }) =>
          table
            .gather(x as tf.Tensor2D)
            .square()
            .mean() as tf.Scalar,
      },
      { data: texts(6), batchSize: 6, optimizer: optimizer(), progress: false, save: false },
    )
    await expect(run.iterate(1)).rejects.toThrow(/index value 6 .*in example 3/)
    expect(run.iteration).toBe(0)
  })
})
