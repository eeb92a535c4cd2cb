import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compile, setBackendOptions } from '../../../src/backend/index.js'

/**
 * Right values are of double precision. PyTorch 2.13 is off by at most 6e-7 on the same sums (its variances by 5e-8, its products
 * and poolings by more than ours); what adds one element after the other is off by 1e-5 to 7e-3 here.
 */
const close = 1.5e-6

beforeAll(() => void tf.setBackend('onnxruntime'))
afterAll(() => setBackendOptions({ minimumSize: 4000, mode: 'lazy' }))

/** Numbers from 0 to 1 that are the same each time. */
function drawn(count: number, seed = 1): Float32Array {
  let state = seed
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state >>> 8) / 2 ** 24
  })
}

/** Data on which sums go wrong: far from 0, large beside small, the same at each place, of both signs. */
const data: { [name: string]: (count: number) => Float32Array } = {
  'of years': (count) => Float32Array.from({ length: count }, (_, at) => 1990 + ((at >> 1) % 31)),
  'of tenths': (count) => new Float32Array(count).fill(0.1),
  'of large beside small': (count) => Float32Array.from({ length: count }, (_, at) => (at % 2 ? 1e-3 : 1e4)),
  'of a large offset': (count) => drawn(count).map((value) => 1000 + value),
  'of numbers below one': (count) => drawn(count),
}

const shapes: [shape: number[], axes: number[]][] = [
  [[40_000, 2], [0]],
  [[50_021], [0]],
  [[2, 40_000], [1]],
  [[5, 2503, 9], [1]],
  [
    [20, 15, 40, 6],
    [0, 2],
  ],
  [
    [20, 15, 40, 6],
    [1, 3],
  ],
  [
    [16, 28, 28, 4],
    [0, 1, 2],
  ],
  [[300, 4], [0]],
  [[16, 700], [1]],
]

/** The sums of f(x, place of the result) over some axes, in double precision. */
function sums(
  x: ArrayLike<number>,
  shape: readonly number[],
  axes: readonly number[],
  f = (value: number, _: number) => value,
): number[] {
  const places: number[] = []
  let size = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    places[axis] = axes.includes(axis) ? 0 : size
    if (!axes.includes(axis)) size *= shape[axis]!
  }
  const result = Array<number>(size).fill(0)
  for (let at = 0; at < x.length; at++) {
    let place = 0
    for (let axis = shape.length - 1, rest = at; axis >= 0; axis--) {
      place += (rest % shape[axis]!) * places[axis]!
      rest = Math.floor(rest / shape[axis]!)
    }
    result[place]! += f(x[at]!, place)
  }
  return result
}

function expectClose(received: tf.Tensor, expected: readonly number[], bound = close, what = ''): void {
  const values = received.dataSync()
  expect(values.length, what).toBe(expected.length)
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const off = expected.reduce((most, value, at) => Math.max(most, Math.abs(values[at]! - value)), 0)
  expect(off / largest, what).toBeLessThan(bound)
}

const modes: { [mode: string]: (work: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor) => tf.Tensor } = {
  lazily: (work, x) => work(x),
  eagerly(work, x) {
    setBackendOptions({ mode: 'eager', minimumSize: 0 })
    const result = work(x)
    result.dataSync()
    setBackendOptions({ mode: 'lazy', minimumSize: 4000 })
    return result
  },
  'on the host': (work, x) => {
    setBackendOptions({ minimumSize: 10 ** 9 })
    const result = work(x)
    setBackendOptions({ minimumSize: 4000 })
    return result
  },
  compiled(work, x) {
    const step = compile(work)
    const result = step(x)
    step.dispose()
    return result
  },
}

describe('sums, means and variances keep the digits of float32', () => {
  for (const [name, make] of Object.entries(data))
    it(`${name}, along any axes`, () => {
      for (const [shape, axes] of shapes) {
        const x = make(tf.util.sizeFromShape(shape))
        const count = axes.reduce((product, axis) => product * shape[axis]!, 1)
        const total = sums(x, shape, axes)
        const means = total.map((sum) => sum / count)
        const squares = sums(x, shape, axes, (value) => value ** 2)
        const variances = sums(x, shape, axes, (value, at) => (value - means[at]!) ** 2).map(
          (sum) => sum / count,
        )
        tf.tidy(() => {
          const tensor = tf.tensor(x, shape)
          const what = `[${shape}] over ${axes}`
          expectClose(tensor.sum(axes), total, close, `sum of ${what}`)
          expectClose(tensor.mean(axes, true), means, close, `mean of ${what}`)
          expectClose(tensor.square().sum(axes), squares, close, `squares of ${what}`)
          const { variance } = tf.moments(tensor, axes)
          const most = Math.max(...variances)
          if (most > 1e-9) expectClose(variance, variances, close, `variance of ${what}`)
          else expect(Math.max(...variance.dataSync())).toBeLessThan(1e-9)
        })
      }
    })

  for (const [mode, run] of Object.entries(modes))
    it(`${mode}: the mean year is 2005, and its deviation 8.94`, () =>
      tf.tidy(() => {
        const count = mode === 'lazily' ? 1_000_000 : 100_000
        const years = data['of years']!(2 * count)
        const x = tf.tensor(years, [count, 2])
        const mean = sums(years, [count, 2], [0]).map((sum) => sum / count)
        const variance = sums(years, [count, 2], [0], (year, at) => (year - mean[at]!) ** 2)
        const deviation = variance.map((sum) => Math.sqrt(sum / count))
        expect(deviation[0]).toBeCloseTo(8.94, 2)
        expectClose(
          run((tensor) => tensor.mean(0), x),
          mean,
        )
        expectClose(
          run((tensor) => tf.moments(tensor, 0).variance.sqrt(), x),
          deviation,
        )
      }))

  it('more than 2^24 of them', () =>
    tf.tidy(() => {
      const count = 2 ** 24 + 43
      expect(tf.ones([count]).sum().dataSync()[0]).toBe(Math.fround(count))
      const x = tf.fill([count], 0.1)
      expectClose(x.mean(), [Math.fround(0.1)])
      expectClose(x.square().sum(), [count * Math.fround(0.1) ** 2])
      expect(tf.ones([count], 'int32').sum().dataSync()[0]).toBe(count)
      expect(tf.ones([count], 'bool').sum().dataSync()[0]).toBe(count)
    }))

  for (const [mode, run] of Object.entries(modes))
    it(`${mode}: of numbers near a million that deviate by less than one`, () =>
      tf.tidy(() => {
        for (const count of [3000, 50_000]) {
          const x = drawn(count).map((value) => 1e6 + value)
          const mean = sums(x, [count], [0])[0]! / count
          const variance = sums(x, [count], [0], (value) => (value - mean) ** 2)[0]! / count
          const moments = (tensor: tf.Tensor) => tf.moments(tensor).variance
          expectClose(run(moments, tf.tensor1d(x)), [variance])
          const rows = tf.tensor2d([...x, ...x], [2, count])
          expectClose(
            run((tensor) => tf.moments(tensor, 1, true).variance, rows),
            [variance, variance],
          )
        }
      }))

  for (const [mode, run] of Object.entries(modes))
    it(`${mode}: what is no variance stays what it is`, () =>
      tf.tidy(() => {
        // The means of rows, spread along columns; and a mean that something else is compared with.
        const size = 300
        const x = Float32Array.from({ length: size * size }, (_, at) => (at % 7) + Math.floor(at / size))
        const means = sums(x, [size, size], [1]).map((sum) => sum / size)
        const expected = means.map(
          (_, row) =>
            means.reduce((sum, mean, column) => sum + (x[row * size + column]! - mean) ** 2, 0) / size,
        )
        expectClose(
          run((tensor) => tensor.sub(tensor.mean(1)).square().mean(1), tf.tensor2d(x, [size, size])),
          expected,
          1e-5,
        )
        const other = run((tensor) => tensor.add(1).sub(tensor.mean()).square().mean(), tf.zeros([size, 2]))
        expect(other.dataSync()[0]).toBe(1)
      }))

  it('a mean is of the values that a variable had', () => {
    const variable = tf.variable(tf.zeros([300, 2]))
    const step = compile((by: tf.Tensor) => void variable.assign(variable.add(by)))
    step(tf.scalar(1))
    const mean = variable.mean()
    mean.dataSync()
    step(tf.scalar(2))
    expect(variable.sub(mean).square().mean().dataSync()[0]).toBe(4)
    step.dispose()
    variable.dispose()
  })
})

describe('all else that is added up keeps them too', () => {
  const count = 200_000
  /** Each third to the first, so that one place takes many. */
  const places = Int32Array.from({ length: count }, (_, at) => (at % 3 === 0 ? 0 : (at * 7) % 10))
  const byPlace = (x: ArrayLike<number>, width: number) => {
    const result = Array<number>(10 * width).fill(0)
    for (let at = 0; at < count * width; at++)
      result[places[Math.floor(at / width)]! * width + (at % width)]! += x[at]!
    return result
  }

  for (const [name, make] of Object.entries(data))
    it(name, () =>
      tf.tidy(() => {
        const x = make(count)
        const at = tf.tensor1d(places, 'int32')
        let so = 0
        const running = Array.from(x, (value) => (so += value))
        expectClose(tf.cumsum(tf.tensor1d(x)), running)
        so = 0
        expectClose(
          tf.cumsum(tf.tensor1d(x.slice(0, 3000))),
          Array.from(x.slice(0, 3000), (value) => (so += value)),
        )
        const rows = make(count * 3)
        const wide = tf.tensor2d(rows, [count, 3])
        expectClose(tf.unsortedSegmentSum(wide, at, 10), byPlace(rows, 3))
        expectClose(tf.scatterND(at.reshape([count, 1]), wide, [10, 3]), byPlace(rows, 3))
        expectClose(tf.bincount(at, tf.tensor1d(x), 10), byPlace(x, 1))
        expectClose(
          tf.grad((table: tf.Tensor) => table.gather(at).mul(wide).sum())(tf.zeros([10, 3])),
          byPlace(rows, 3),
        )
        const dot = x.reduce((sum, value) => sum + value * value, 0)
        expectClose(tf.dot(tf.tensor1d(x), tf.tensor1d(x)), [dot], 4e-6)
        const image = tf.tensor4d(x.slice(0, 200 * 200 * 4), [1, 200, 200, 4])
        const pooled = sums(x.slice(0, 160_000), [1, 200, 200, 4], [1, 2]).map((sum) => sum / 40_000)
        expectClose(tf.avgPool(image, 200, 1, 'valid'), pooled, 5e-6)
      }),
    )

  it('a bias’ gradient, of many examples', () =>
    tf.tidy(() => {
      const [rows, units] = [30_000, 3]
      const x = data['of tenths']!(rows * units)
      const dy = tf.tensor2d(x, [rows, units])
      const gradient = tf.grad((bias: tf.Tensor) => dy.mul(bias).sum())(tf.ones([units]))
      expectClose(gradient, sums(x, [rows, units], [0]))
    }))

  it('squares of channels beside larger ones, in a response normalisation', () =>
    tf.tidy(() => {
      const x = drawn(4 * 4 * 64).map((value, at) => (at % 64 < 20 ? value * 1e4 : value))
      const expected = Array.from(x, (value, at) => {
        const channel = at % 64
        let sum = 0
        for (let other = Math.max(channel - 2, 0); other <= Math.min(channel + 2, 63); other++)
          sum += x[at - channel + other]! ** 2
        return value / Math.sqrt(1 + sum)
      })
      setBackendOptions({ minimumSize: 0 })
      const received = tf.localResponseNormalization(tf.tensor4d(x, [1, 4, 4, 64]), 2, 1, 1, 0.5).dataSync()
      setBackendOptions({ minimumSize: 4000 })
      for (const [at, value] of expected.entries())
        expect(Math.abs(received[at]! / value - 1), `element ${at}`).toBeLessThan(1e-5)
    }))

  it('and loses no addition, however many threads there are', () => {
    // Whole numbers, so that each sum is exact.
    const [rows, width, size] = [4096, 96, 65]
    const tokens = Int32Array.from({ length: rows }, (_, at) => (at % 3 ? (at * 7919) % size : 0))
    const values = Float32Array.from({ length: rows * width }, (_, at) => at % 7)
    const expected = Array<number>(size * width).fill(0)
    for (let at = 0; at < values.length; at++)
      expected[tokens[Math.floor(at / width)]! * width + (at % width)]! += values[at]!
    setBackendOptions({ threads: 8 })
    tf.tidy(() => {
      const dy = tf.tensor2d(values, [rows, width])
      const at = tf.tensor1d(tokens, 'int32')
      const gradient = compile((table: tf.Tensor) =>
        tf.grad((inner: tf.Tensor) => inner.gather(at).mul(dy).sum())(table),
      )
      const table = tf.zeros([size, width])
      for (let time = 0; time < 30; time++)
        expect(Array.from(gradient(table).dataSync()), `time ${time}`).toEqual(expected)
      // The later of two updates of a place stays, as on tfjs's cpu backend.
      const last = Array<number>(size * width).fill(0)
      for (let one = 0; one < values.length; one++)
        last[tokens[Math.floor(one / width)]! * width + (one % width)] = values[one]!
      const written = compile((onto: tf.Tensor) => tf.tensorScatterUpdate(onto, at.reshape([rows, 1]), dy))
      for (let time = 0; time < 10; time++)
        expect(Array.from(written(table).dataSync()), `time ${time}`).toEqual(last)
      gradient.dispose()
      written.dispose()
    })
    setBackendOptions({ threads: 2 })
  })
})
