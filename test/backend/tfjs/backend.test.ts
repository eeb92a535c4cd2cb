import { inspect } from 'node:util'
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  backendStatistics,
  randomUniform,
  setBackendOptions,
  withRandomness,
} from '../../../src/backend/index.js'
import { Graph } from '../../../src/backend/graph/graph.js'
import { encodeModel } from '../../../src/backend/onnx/model.js'
import { keyOf, uniforms } from '../../../src/backend/random/bits.js'

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

  it.each([[[1, 2, 3]], [[6]]])(
    'sees the numbers that an array held when the tensor was used, not those that it was given later: %j',
    (numbers) => {
      const batch = new Float32Array(numbers)
      const sum = tf.tidy(() => tf.tensor1d(batch).mul(2).sum())
      batch.fill(100)
      expect(sum.dataSync()[0]).toBe(12)
      sum.dispose()
    },
  )

  it('takes graphs for equal only where shapes, attributes, constants, order and outputs are', () => {
    const x = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3])
    const programs: (() => tf.Tensor)[] = [
      () => x.sum(0),
      () => x.sum(1),
      () => x.slice([0, 0], [2, 2]),
      () => x.slice([0, 1], [2, 2]),
      () => tf.concat(tf.split(x, 3, 1), 1),
      () => tf.concat(tf.split(x, [1, 2], 1), 1),
      () => x.sub(x.square()),
      () => x.square().sub(x),
      () => x.leakyRelu(0.1),
      () => x.leakyRelu(0.2),
      () => x.reshape([3, 2]).sum(0),
    ]
    const values = () => programs.map((program) => tf.tidy(() => Array.from(program().dataSync())))
    const first = values()
    expect(backendStatistics().sessions).toBe(programs.length)
    expect(values()).toEqual(first)
    expect(backendStatistics().sessions).toBe(0)
    expect(first[1]).toEqual([6, 15])
    expect(first.at(-1)).toEqual([9, 12])
    x.dispose()
  })

  it('works on with a tensor that was on another backend meanwhile', async () => {
    const x = tf.tensor1d([1, 2, 3])
    const y = x.add(1)
    await tf.setBackend('cpu')
    const z = x.mul(y)
    await tf.setBackend('onnxruntime')
    expect([...z.add(x).add(y).dataSync()]).toEqual([5, 11, 19])
    tf.dispose([x, y, z])
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

  it('prints as any tensor does, in JSON and to a console', () => {
    const tensor = tf.scalar(1).add(1)
    expect(JSON.parse(JSON.stringify({ tensor }))).toMatchObject({ tensor: { shape: [], dataId: {} } })
    expect(inspect(tensor, { depth: 10 }).split('\n').length).toBeLessThan(15)
    tensor.dispose()
  })

  it('finds an index that is outside at the line that takes it, though it waits, and keeps all else that does', () => {
    const waiting = tf.tensor1d([1, 2]).add(3)
    const index = tf.tensor1d([0, 1]).mul(7).toInt()
    expect(() => tf.gather(tf.ones([3, 2]), index)).toThrow(/GatherV2: the index value 7 is not in \[0, 2\]/)
    expect(Array.from(waiting.dataSync())).toEqual([4, 5])
    tf.dispose([index, waiting])
  })
})

it('leaves the native library usable for whoever loads it by its package', async () => {
  const run = (at: number) => tf.tidy(() => tf.tensor1d([1, 2]).add(at).dataSync()[1])
  expect(run(1)).toBe(3)
  const { InferenceSession, Tensor } = await import('onnxruntime-node')
  const graph = new Graph()
  const x = graph.input([2], 'float32')
  const y = graph.mul(x, x)
  const session = await InferenceSession.create(
    encodeModel({ nodes: graph.nodes, inputs: [x], outputs: [y] }).slice(),
  )
  const results = await session.run({ [x.name]: new Tensor('float32', [3, 4], [2]) })
  expect(results[y.name]).toMatchObject({ data: Float32Array.of(9, 16), dims: [2], type: 'float32' })
  expect(run(2)).toBe(4)
})

describe('the eager mode', () => {
  it('runs each kernel at once', () => {
    setBackendOptions({ mode: 'eager' })
    const x = tf.ones([4])
    tf.dispose([x.add(1), x])
    expect(kernels().Add).toEqual({ onnx: 1, host: 0 })
  })
})

describe('gradients', () => {
  const reductions: [name: string, shape: number[], f: (x: tf.Tensor) => tf.Tensor][] = [
    ['a sum over all', [3, 4], (x) => x.square().sum()],
    ['a mean over some axes of five', [2, 3, 1, 2, 2], (x) => x.mean([1, 3]).square().sum()],
    ['a mean that keeps its axes, beside what it was of', [4, 5], (x) => x.sub(x.mean(-1, true)).square().sum()],
    ['a sum over an axis of one', [4, 1, 3], (x) => x.sum(1).square().mean()],
  ] // oxfmt-ignore

  it.each(reductions)('of %s, and their gradients, are those of the cpu backend', async (_, shape, f) => {
    const size = shape.reduce((product, axis) => product * axis, 1)
    const values = Float32Array.from({ length: size }, (_value, at) => Math.sin(at + 1))
    const first = tf.grad((x) => f(x))
    const second = tf.grad((x) => first(x).square().sum())
    const compute = () =>
      tf.tidy(() =>
        [first, second].map((gradient) => Array.from(gradient(tf.tensor(values, shape)).dataSync())),
      )
    const ours = compute()
    await tf.setBackend('cpu')
    const theirs = compute()
    await tf.setBackend('onnxruntime')
    for (const [order, gradient] of ours.entries())
      for (const [at, value] of gradient.entries()) expect(value).toBeCloseTo(theirs[order]![at]!, 5)
  })

  it('have the host write no array of ones for what was summed', () => {
    const x = tf.variable(tf.zeros([300, 100]))
    const write = vi.spyOn(tf.engine(), 'makeTensor')
    const { grads } = tf.variableGrads(() => x.square().sum() as tf.Scalar, [x])
    expect(write.mock.calls.map(([values]) => values.length).filter((size) => size > 1)).toEqual([])
    write.mockRestore()
    tf.dispose(grads)
    x.dispose()
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
