import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compile, setBackendOptions } from '../../../src/backend/index.js'

beforeAll(() => setBackendOptions({ minimumSize: 0 }))
afterAll(() => setBackendOptions({ minimumSize: 4000 }))

/** What a function of tensors gives on a backend, with its gradients where there are some to take. */
async function on(backend: string, work: () => tf.Tensor | tf.Tensor[]) {
  await tf.setBackend(backend)
  return tf.tidy(() =>
    [work()].flat().map((tensor) => ({
      dtype: tensor.dtype,
      shape: tensor.shape,
      values: Array.from(tensor.dataSync()),
    })),
  )
}

async function expectSame(work: () => tf.Tensor | tf.Tensor[]) {
  const expected = await on('cpu', work)
  const received = await on('onnxruntime', work)
  for (const [at, { dtype, shape, values }] of expected.entries()) {
    expect(received[at]).toMatchObject({ dtype, shape })
    for (const [i, value] of values.entries())
      if (Number.isFinite(value)) expect(received[at]!.values[i], `element ${i}`).toBeCloseTo(value, 4)
      else expect(received[at]!.values[i], `element ${i}`).toBe(value)
  }
}

const draw = (shape: number[], seed = 1) => tf.randomUniform(shape, -1, 1, 'float32', seed)

/** The result and the gradients of its squares. */
const withGradients =
  (work: (...inputs: tf.Tensor[]) => tf.Tensor, ...shapes: number[][]) =>
  () => {
    const inputs = shapes.map((shape, seed) => draw(shape, seed + 1))
    return [work(...inputs), ...tf.grads((...given) => work(...given).square())(inputs)]
  }

describe('the numbers of tfjs’s cpu backend', () => {
  const edges = [NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.5, -2.5, 1e-8, 1e8]
  const each = () => [tf.tensor2d(edges, [edges.length, 1]), tf.tensor2d(edges, [1, edges.length])] as const

  it('come out of angles, remainders and logarithms of infinities and of both zeros', () =>
    expectSame(() => {
      const [a, b] = each()
      return [tf.atan2(a, b), tf.mod(a, b), tf.log1p(a), tf.floorDiv(a, tf.scalar(4))]
    }))

  it('come out of whole numbers that are too large: they wrap', () =>
    expectSame(() => {
      const whole = (...values: number[]) => tf.tensor1d(values, 'int32')
      return [
        tf.tensor1d([3e9, -3e9, 1e15, 1.9, -1.9, NaN, Infinity, -Infinity]).mul(1).toInt(),
        whole(2 ** 31 - 1, 2 ** 31 - 1).sum(),
        whole(100_000, 100_000).prod(),
        tf.range(0, 100_000, 1, 'int32').sum(),
        whole(2 ** 31 - 1, 1).cumsum(),
      ]
    }))

  for (const [height, width] of [
    [2, 3],
    [5, 2],
  ] as const)
    for (const stride of [1, 2, [1, 2]] as const)
      it(`come out of a filter of ${height} x ${width} with stride ${stride} and a number as padding, as tfjs counts its windows`, () =>
        expectSame(() => [
          ...withGradients(
            (x, filter) => tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride as number, 1),
            [2, 9, 8, 3],
            [height, width, 3, 5],
          )(),
          ...withGradients(
            (x, filter) => tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride as number, 1),
            [2, 9, 8, 3],
            [height, width, 3, 2],
          )(),
        ]))

  it('come out of a pooling or convolution in space whose stride is longer than its window', () =>
    expectSame(() => [
      ...withGradients((x) => tf.maxPool3d(x as tf.Tensor5D, 2, 3, 'same'), [1, 6, 6, 6, 2])(),
      ...withGradients((x) => tf.avgPool3d(x as tf.Tensor5D, 2, 3, 'same'), [1, 6, 6, 6, 2])(),
      ...withGradients(
        (x, filter) => tf.conv3d(x as tf.Tensor5D, filter as tf.Tensor5D, 3, 'same'),
        [1, 6, 6, 6, 2],
        [2, 2, 2, 2, 3],
      )(),
    ]))
})

describe('gradients that tfjs’s cpu backend has wrong', () => {
  const image = (work: (x: tf.Tensor4D) => tf.Tensor) => [
    (x: tf.Tensor) => work(x as tf.Tensor4D),
    [2, 3, 4, 2],
  ]
  for (const [title, work, shape] of [
    ['nearest neighbours of two images', ...image((x) => tf.image.resizeNearestNeighbor(x, [6, 8]))],
    ['a bilinear resize that is not square', ...image((x) => tf.image.resizeBilinear(x, [6, 5]))],
    [
      'pooling in space over windows that are not square',
      (x: tf.Tensor) => tf.maxPool3d(x as tf.Tensor5D, [2, 3, 1], 2, 'valid'),
      [1, 4, 5, 4, 1],
    ],
  ] as [string, (x: tf.Tensor) => tf.Tensor, number[]][])
    for (const minimumSize of [0, 4000])
      it(`are right here: ${title} (minimumSize ${minimumSize})`, async () => {
        await tf.setBackend('onnxruntime')
        setBackendOptions({ minimumSize })
        tf.tidy(() => {
          const loss = (x: tf.Tensor) =>
            work(x)
              .mul(draw(work(x).shape, 7))
              .sum()
          const x = draw(shape)
          const direction = draw(shape, 3)
          const along = tf.grad(loss)(x).mul(direction).sum().dataSync()[0]!
          const [after, before] = [1, -1].map(
            (sign) => loss(x.add(direction.mul(sign * 1e-3))).dataSync()[0]!,
          )
          expect((after! - before!) / 2e-3).toBeCloseTo(along, 2)
        })
        setBackendOptions({ minimumSize: 0 })
      })
})

describe('a graph', () => {
  it('that adds 0 and divides 1 runs, though one of ONNX Runtime’s own passes breaks it', async () => {
    await tf.setBackend('onnxruntime')
    const step = compile((a: tf.Tensor, b: tf.Tensor) =>
      tf.tidy(() => {
        const sum = tf.scalar(0).add(b.exp())
        return tf.scalar(1).div(a).mul(sum)
      }),
    )
    expect(step(tf.tensor1d([2, 4]), tf.tensor1d([0, 0])).dataSync()).toEqual(Float32Array.of(0.5, 0.25))
    expect(tf.tidy(() => step(tf.scalar(4), tf.zeros([3])).dataSync())).toEqual(
      new Float32Array(3).fill(0.25),
    )
    step.dispose()
  })
})

describe('a sum of many numbers', () => {
  // One after the other in float32, two million squares are off by 7e-5.
  for (const shape of [[2_000_000], [1000, 2000], [50_000, 4], [128, 26, 26, 32]])
    it(`of shape [${shape}] keeps six digits, of squares and as a mean too`, async () => {
      await tf.setBackend('onnxruntime')
      const x = tf.randomUniform(shape, 0, 1, 'float32', 1)
      let [sum, squares] = [0, 0]
      for (const value of x.dataSync()) {
        sum += value
        squares += value * value
      }
      const received = tf.tidy(() => [x.sum(), x.mean(), x.square().sum()].map((one) => one.dataSync()[0]!))
      for (const [at, expected] of [sum, sum / x.size, squares].entries())
        expect(Math.abs(received[at]! / expected - 1)).toBeLessThan(1e-6)
      x.dispose()
    })
})
