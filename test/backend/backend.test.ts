import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  backendStatistics,
  randomUniform,
  setBackendOptions,
  withRandomness,
} from '../../src/backend/index.js'
import { keyOf, uniforms } from '../../src/backend/random/bits.js'

beforeAll(() => tf.setBackend('onnxruntime'))
beforeEach(() => {
  setBackendOptions({ minimumSize: 0, mode: 'lazy' })
  backendStatistics()
})
afterEach(() => setBackendOptions({ minimumSize: 0, mode: 'lazy' }))

const kernels = () => backendStatistics().kernels

describe('the lazy mode', () => {
  it('runs nothing until a value is read, and then all of it as one graph', () => {
    const y = tf.tidy(() =>
      tf
        .ones([8, 8])
        .mul(2)
        .add(1)
        .matMul(tf.ones([8, 8]))
        .sum(),
    )
    expect(backendStatistics().flushes).toBe(0)
    expect(y.dataSync()[0]).toBe(8 * 8 * 24)
    expect(backendStatistics()).toMatchObject({
      flushes: 1,
      sessions: 1,
      kernels: { BatchMatMul: { onnx: 1, host: 0 } },
    })
    y.dispose()
  })

  it('finds the session of an equal graph again, whatever the numbers are', () => {
    const step = (values: number[]) => tf.tidy(() => tf.tensor1d(values).square().sum().dataSync()[0])
    expect(step([1, 2, 3])).toBe(14)
    expect(step([4, 5, 6])).toBe(77)
    expect(backendStatistics()).toMatchObject({ sessions: 1, flushes: 2 })
  })

  it('folds a scalar in while it stays the same, and makes it an input once it changes', () => {
    const x = tf.tensor1d([1, 2])
    const step = (rate: number) => tf.tidy(() => [...x.mul(rate).add(1).dataSync()])
    expect([0.5, 0.5, 0.25, 2, 3].map(step)).toEqual([[1.5, 2], [1.5, 2], [1.25, 1.5], [3, 5], [4, 7]]) // oxfmt-ignore
    expect(backendStatistics().sessions).toBe(2)
    x.dispose()
  })

  it('sees the numbers that an array held when the tensor was used, not those that it was given later', () => {
    const batch = new Float32Array([1, 2, 3])
    const sum = tf.tidy(() => tf.tensor1d(batch).mul(2).sum())
    batch.fill(100)
    expect(sum.dataSync()[0]).toBe(12)
    sum.dispose()
  })

  it('gives each tensor an array of its own, so that a reader may write into what was read', () => {
    const x = tf.tensor1d([1, 2, 3])
    const [y, z] = [x.add(1), x.mul(1)]
    y.dataSync().fill(0)
    z.dataSync().fill(0)
    expect([...x.add(1).dataSync()]).toEqual([2, 3, 4])
    tf.dispose([x, y, z])
  })

  it('stays bounded where nothing is ever read', () => {
    const state = tf.variable(tf.zeros([16]))
    for (let i = 0; i < 3000; i++) tf.tidy(() => state.assign(state.mul(0.5).add(1)))
    expect(backendStatistics().flushes).toBeGreaterThan(0)
    expect(state.dataSync()[0]).toBeCloseTo(2, 6)
    state.dispose()
  })

  it('has run when a time is taken', async () => {
    const x = tf.ones([64, 64])
    const { kernelMs } = (await tf.time(() => void x.matMul(x))) as { kernelMs: number }
    expect(kernelMs).toBeGreaterThan(0)
    expect(kernels().BatchMatMul).toEqual({ onnx: 1, host: 0 })
    x.dispose()
  })

  it('names the kernel when a graph fails', () => {
    const index = tf.tensor1d([0, 1]).mul(7).toInt()
    const rows = tf.gather(tf.ones([3, 2]), index)
    expect(() => rows.dataSync()).toThrow(/GatherV2/)
    tf.dispose([index, rows])
  })
})

describe('the eager mode', () => {
  it('runs each kernel at once', () => {
    setBackendOptions({ mode: 'eager' })
    const x = tf.ones([4])
    tf.dispose([x.add(1), x])
    expect(kernels().Add).toEqual({ onnx: 1, host: 0 })
  })
})

describe('small work', () => {
  it('stays on the host where its inputs are there, and joins the graph where they are not', () => {
    setBackendOptions({ minimumSize: 100 })
    tf.tidy(() => tf.tensor1d([1, 2]).add(1).dataSync())
    expect(kernels().Add).toEqual({ onnx: 0, host: 1 })
    tf.tidy(() => tf.ones([200]).mul(3).sum().add(1).dataSync())
    expect(kernels().Add).toEqual({ onnx: 1, host: 0 })
  })

  it('is refused a size or a mode that makes no sense', () => {
    expect(() => setBackendOptions({ minimumSize: -1 })).toThrow(/at least 0/)
    expect(() => setBackendOptions({ mode: 'fast' as never })).toThrow(/'lazy' or 'eager'/)
    expect(() => setBackendOptions({ speed: 1 } as never)).toThrow(/minimumSize/)
  })
})

describe('numbers', () => {
  it('keep NaN through maxima and minima', () => {
    const x = tf.tensor2d([[1, NaN, 3], [4, 5, 6]]) // oxfmt-ignore
    expect([...x.max(1).dataSync(), ...x.min(1).dataSync()]).toEqual([NaN, 6, NaN, 4])
    x.dispose()
  })

  it('divide whole numbers by zero without ending the process', () => {
    const [a, b] = [tf.tensor1d([7, -7, 5], 'int32'), tf.tensor1d([0, 2, -3], 'int32')]
    expect([...a.floorDiv(b).dataSync(), ...a.mod(b).dataSync()]).toEqual([0, -4, -2, 0, 1, -1])
    tf.dispose([a, b])
  })

  it('keep the digits of expm1 and log1p near zero', () => {
    const x = tf.tensor1d([1e-7, -1e-7, 1e-3, 0, 20, -20, Infinity])
    const expected = [...x.dataSync()]
    const relative = (received: tf.TypedArray, exact: (x: number) => number) =>
      expected.forEach((value, at) => {
        const right = exact(value)
        if (Number.isFinite(right) && right !== 0)
          expect(Math.abs(received[at]! / right - 1)).toBeLessThan(1e-6)
        else expect(received[at]).toEqual(right)
      })
    relative(x.expm1().dataSync() as tf.TypedArray, Math.expm1)
    relative(x.log1p().dataSync() as tf.TypedArray, Math.log1p)
    x.dispose()
  })

  it('of keyed randomness are those of the host, to the bit', () => {
    const drawn = withRandomness({ seed: 3, iteration: 5 }, () => randomUniform([1000]))
    expect(kernelsOf('KeyedUniform')(drawn)).toEqual(uniforms(keyOf(3, 5), 0, 1000))
    const iteration = tf.scalar(5)
    const again = withRandomness({ seed: 3, iteration }, () => randomUniform([1000]))
    expect(again.dataSync()).toEqual(uniforms(keyOf(3, 5), 0, 1000))
    tf.dispose([drawn, again, iteration])
  })
})

/** Reads a tensor, and makes sure that its kernel ran in ONNX Runtime. */
const kernelsOf = (name: string) => (tensor: tf.Tensor) => {
  const values = tensor.dataSync()
  expect(kernels()[name]).toEqual({ onnx: 1, host: 0 })
  return values
}

describe('memory', () => {
  it('is given back: steps leave no tensor behind', () => {
    const x = tf.randomNormal([64, 128])
    const step = () => tf.tidy(() => x.matMul(x, false, true).relu().sum().dataSync()[0])
    step()
    const { numTensors, numDataBuffers } = tf.memory()
    for (let i = 0; i < 50; i++) step()
    expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers })
    x.dispose()
  })
})
