import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, it } from 'vitest'
import { backendStatistics } from '../../../src/backend/index.js'

beforeAll(() => tf.setBackend('onnxruntime'))

function predictions(batchSize?: number): { values: Float32Array; isJoined: boolean } {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ inputShape: [3], units: 16, activation: 'tanh', kernelInitializer: 'ones' }),
      tf.layers.dense({ units: 2, kernelInitializer: tf.initializers.glorotUniform({ seed: 1 }) }),
    ],
  })
  const x = tf.randomNormal([64, 3], 0, 1, 'float32', 1)
  backendStatistics()
  const made = model.predict(x, batchSize === undefined ? {} : { batchSize }) as tf.Tensor
  const values = made.dataSync() as Float32Array
  return { values, isJoined: 'Concat' in backendStatistics().kernels }
}

it('predict takes few rows at once, and says what it says of 32 at a time', () => {
  const [whole, parts] = [predictions(), predictions(32)]
  expect(whole.values).toHaveLength(128)
  for (const [at, value] of whole.values.entries()) expect(value).toBeCloseTo(parts.values[at]!, 6)
  expect(parts.isJoined).toBe(true)
  expect(whole.isJoined).toBe(false)
})
