import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, it } from 'vitest'
import { adam, train } from '../../../src/index.js'

beforeAll(() => tf.setBackend('onnxruntime'))

const quiet = { save: false, progress: false, seed: 1, batchSize: 8 } as const
const seeded = (seed: number) => tf.initializers.glorotUniform({ seed })
const x = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i))

/** A small autoencoder of two models, or of a model and a layer that has no weights yet. */
function autoencoder(built: boolean) {
  const encoder = tf.sequential({
    layers: [
      tf.layers.dense({ inputShape: [4], units: 3, activation: 'tanh', kernelInitializer: seeded(1) }),
      tf.layers.dense({ units: 2, kernelInitializer: seeded(2) }),
    ],
  })
  const settings = { units: 4, kernelInitializer: seeded(3) }
  const decoder = built
    ? tf.sequential({ layers: [tf.layers.dense({ ...settings, inputShape: [2] })] })
    : tf.layers.dense(settings)
  return {
    parameters: { encoder, decoder },
    loss({ x }: { x: tf.Tensor }) {
      const decoded = decoder.apply(encoder.apply(x) as tf.Tensor) as tf.Tensor
      return decoded.sub(x).square().mean()
    },
  }
}

const options = () => ({
  ...quiet,
  data: { x: tf.tensor2d(x, [16, 4]) },
  optimizer: adam({ learningRate: 1e-2 }),
})

describe('layers and models as parts of a model of one’s own', () => {
  it('give their weights, named by where they lie', () => {
    const run = train(autoencoder(true), options())
    expect(run.parameters).toEqual([
      'encoder/dense_1/kernel',
      'encoder/dense_1/bias',
      'encoder/dense_2/kernel',
      'encoder/dense_2/bias',
      'decoder/dense/kernel',
      'decoder/dense/bias',
    ])
  })

  it('are built by the first batch where they are not, and train alike', async () => {
    const built = train(autoencoder(true), options())
    const run = train(autoencoder(false), options())
    expect(run.parameters.slice(-2)).toEqual(['decoder/kernel', 'decoder/bias'])
    for (const one of [built, run]) await one.iterate(10)
    expect(run.history.map(({ loss }) => loss)).toEqual(built.history.map(({ loss }) => loss))
  })

  it('are reached in a branch and in an average as in the run, with values of their own', async () => {
    const run = train(autoencoder(false), { ...options(), ema: 0.9 })
    await run.iterate(10)
    const branch = run.branch('other')
    const point = tf.tensor2d([[0.3, -0.2]])
    const decoded = (model: { parameters: { decoder: { apply(x: tf.Tensor): unknown } } }) =>
      Array.from((model.parameters.decoder.apply(point) as tf.Tensor).dataSync())
    const before = decoded(run.model)
    expect(decoded(branch.model)).toEqual(before)
    await branch.iterate(10)
    expect(decoded(branch.model)).not.toEqual(before)
    expect(decoded(run.model)).toEqual(before)
    const averaged = decoded(run.emaModel())
    expect(averaged).not.toEqual(before)
    expect(Math.abs(averaged[0]! - before[0]!)).toBeLessThan(0.2)
    // The run from there goes where its branch went.
    await run.iterate(10)
    expect(decoded(run.model)).toEqual(decoded(branch.model))
  })

  it('of an own iteration say how they are built', () => {
    const critic = tf.layers.dense({ units: 1 })
    const model = {
      parameters: { critic },
      optimizers: { critic: adam({ learningRate: 1e-3 }) },
      iteration: () => ({ loss: 0 }),
    }
    expect(() => train(model, { ...quiet, data: { x: tf.zeros([8, 2]) } })).toThrow(/critic\.build\(/)
  })
})
