import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { blockSize } from '../../../src/backend/session/blocks.js'
import { setBackendOptions } from '../../../src/backend/index.js'

beforeAll(async () => {
  await tf.setBackend('onnxruntime')
  setBackendOptions({ minimumSize: 0 })
})
afterAll(() => setBackendOptions({ minimumSize: 4000 }))

interface Row {
  x: [number, number, number, number]
  filter: [number, number, number, number]
  pad?: 'valid' | 'same' | number
  strides?: number | [number, number]
  dilations?: number
}

/** Channels of 16 and 32 are whole blocks on any processor; large enough to be worth it. */
const rows: { [title: string]: Row } = {
  'without padding': { x: [16, 9, 9, 16], filter: [3, 3, 16, 32] },
  'with padding': { x: [16, 8, 8, 32], filter: [3, 3, 32, 16], pad: 'same' },
  'with an uneven padding, a filter that is not square': { x: [16, 9, 8, 16], filter: [2, 5, 16, 16], pad: 'same' },
  'with padding as a number': { x: [16, 8, 8, 16], filter: [3, 3, 16, 16], pad: 1 },
  'with strides': { x: [16, 11, 12, 16], filter: [3, 3, 16, 32], pad: 'same', strides: 2 },
  'with strides that leave pixels over': { x: [16, 14, 14, 16], filter: [3, 3, 16, 32], strides: [2, 3] },
  'with dilation': { x: [16, 11, 11, 16], filter: [3, 3, 16, 16], dilations: 2 },
  'of a batch that is no block': { x: [15, 9, 9, 16], filter: [3, 3, 16, 32] },
  'of channels that are no block': { x: [16, 12, 12, 12], filter: [3, 3, 12, 20] },
} // oxfmt-ignore

const fill = (shape: readonly number[], seed: number) =>
  tf.randomNormal(shape as Row['x'], 0, 1, 'float32', seed)

/** Result, gradient of the image and gradient of the filter. */
function compute({ x, filter, pad = 'valid', strides = 1, dilations = 1 }: Row): Float32Array[] {
  return tf.tidy(() => {
    const [image, weights] = [fill(x, 1), fill(filter, 2)]
    const convolve = (a: tf.Tensor, b: tf.Tensor) =>
      tf.conv2d(
        a as tf.Tensor4D,
        b as tf.Tensor4D,
        strides,
        pad,
        'NHWC',
        dilations,
        pad === 1 ? 'floor' : undefined,
      )
    const y = convolve(image, weights)
    const dy = fill(y.shape, 3)
    const gradients = dilations === 1 ? tf.grads(convolve)([image, weights], dy) : []
    return [y, ...gradients].map((one) => one.dataSync().slice() as Float32Array)
  })
}

describe('a convolution and its gradients', () => {
  it.each(Object.entries(rows))('%s are those of the cpu backend', async (_, row) => {
    const ours = compute(row)
    await tf.setBackend('cpu')
    const theirs = compute(row)
    await tf.setBackend('onnxruntime')
    expect(ours.length).toBe(theirs.length)
    for (const [part, values] of ours.entries()) {
      // Sums of hundreds of products of standard normal numbers, in another order.
      const scale = Math.sqrt(theirs[part]!.reduce((sum, value) => sum + value * value, 0) / values.length)
      let worst = 0
      for (const [at, value] of values.entries())
        worst = Math.max(worst, Math.abs(value - theirs[part]![at]!) / scale)
      expect(worst).toBeLessThan(1e-5)
    }
  })

  it('know how wide ONNX Runtime’s blocks of channels are, if there are any', () => {
    expect([0, 8, 16]).toContain(blockSize())
    if (process.arch === 'x64') expect(blockSize()).toBeGreaterThan(0)
  })
})
