import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { compile, setBackendOptions } from '../../../src/backend/index.js'

beforeAll(() => void tf.setBackend('onnxruntime'))
beforeEach(() => tf.engine().startScope())
afterEach(() => {
  setBackendOptions({ minimumSize: 4000, mode: 'lazy' })
  tf.engine().endScope()
})

const whole = (values: number[], shape = [values.length]) => tf.tensor(values, shape, 'int32')
const table = () => tf.tensor2d([10, 20, 30, 40, 50, 60], [3, 2])

interface Case {
  /** Takes indices of this shape, of which the element `at` is replaced by what is outside. */
  work(indices: tf.Tensor): tf.Tensor
  indices: [values: number[], shape?: number[]]
  at: number
  /** What is outside, and the largest that is not. */
  outside: number[]
  last: number | undefined
}

const cases: { [name: string]: Case } = {
  gather: {
    work: (at) => table().gather(at as tf.Tensor1D),
    indices: [[0, 2, 1]],
    at: 1,
    outside: [-1, -100, 3, 2 ** 30],
    last: 2,
  },
  'gather along the last axis': {
    work: (at) => table().gather(at as tf.Tensor1D, -1),
    indices: [
      [1, 0, 0, 1],
      [2, 2],
    ],
    at: 3,
    outside: [-1, 2],
    last: 1,
  },
  'gather by batch': {
    work: (at) => tf.gather(table(), at as tf.Tensor2D, 1, 1),
    indices: [
      [0, 1, 1],
      [3, 1],
    ],
    at: 2,
    outside: [-1, 2],
    last: 1,
  },
  'an embedding’s gradient': {
    work: (at) => tf.grad((x: tf.Tensor) => x.gather(at as tf.Tensor1D).square())(table()),
    indices: [[0, 2, 1]],
    at: 0,
    outside: [-1, 3],
    last: 2,
  },
  gatherND: {
    work: (at) => tf.gatherND(table(), at),
    indices: [
      [0, 1, 2, 0],
      [2, 2],
    ],
    at: 1,
    outside: [-1, 2],
    last: 1,
  },
  scatterND: {
    work: (at) => tf.scatterND(at, tf.ones([2, 2]), [4, 2]),
    indices: [
      [0, 3],
      [2, 1],
    ],
    at: 1,
    outside: [-1, 4],
    last: 3,
  },
  tensorScatterUpdate: {
    work: (at) => tf.tensorScatterUpdate(table(), at, tf.ones([2])),
    indices: [
      [0, 1, 2, 0],
      [2, 2],
    ],
    at: 2,
    outside: [-1, 3],
    last: 2,
  },
  sparseToDense: {
    work: (at) => tf.sparseToDense(at, tf.tensor1d([1, 2]), [5]),
    indices: [[0, 4]],
    at: 1,
    outside: [-1, 5],
    last: 4,
  },
  bincount: {
    work: (at) => tf.bincount(at as tf.Tensor1D, tf.ones([3]), 4),
    indices: [[0, 1, 3]],
    at: 1,
    outside: [-1],
    last: undefined,
  },
}

/** Numbers that no host knows before the graph runs. */
const computed = (values: tf.Tensor) => values.toFloat().mul(1).add(0).toInt()

const modes: { [mode: string]: (work: Case['work'], indices: tf.Tensor) => ArrayLike<number> } = {
  'on the host': (work, indices) => work(indices).dataSync(),
  lazily(work, indices) {
    setBackendOptions({ minimumSize: 0 })
    return work(indices).dataSync()
  },
  'lazily, of computed indices': (work, indices) => {
    setBackendOptions({ minimumSize: 0 })
    return work(computed(indices)).dataSync()
  },
  eagerly(work, indices) {
    setBackendOptions({ minimumSize: 0, mode: 'eager' })
    return work(computed(indices)).dataSync()
  },
  compiled: (work, indices) => compile(work)(indices).dataSync(),
  'compiled, of computed indices': (work, indices) =>
    compile((at: tf.Tensor) => work(computed(at)))(indices).dataSync(),
  'compiled, of indices from around it': (work, indices) => compile(() => work(indices))().dataSync(),
}

describe('an index that points outside is an error that names it, its place and what would be inside', () => {
  for (const [name, { work, indices, at, outside, last }] of Object.entries(cases))
    it(`${name}, in each mode`, () => {
      const [values, shape = [values.length]] = indices
      // What is inside gives what it gives on the host.
      const expected = Array.from(work(whole(values, shape)).dataSync())
      for (const [mode, run] of Object.entries(modes)) {
        expect(Array.from(run(work, whole(values, shape))), mode).toEqual(expected)
        for (const index of outside) {
          const wrong = values.with(at, index)
          let error: Error | undefined
          try {
            run(work, whole(wrong, shape))
          } catch (thrown) {
            error = thrown as Error
          }
          expect(error?.name, `${mode}, ${index}`).toBe('IndexOutside')
          expect(error!.message).toContain(last === undefined ? 'non-negative' : `not in [0, ${last}]`)
          expect(error!.message).toContain(`received ${index} at [`)
          expect(error!.message).not.toMatch(/onnx|Non-zero status/i)
          setBackendOptions({ minimumSize: 4000, mode: 'lazy' })
        }
      }
    })

  it('as on tfjs’s cpu backend, which is asked here', async () => {
    await tf.setBackend('cpu')
    for (const { work, indices, at, outside } of Object.values(cases))
      // It counts in gatherND and the like by one number, so it takes [0, 2] of [3, 2] for [1, 0].
      if (indices[1] === undefined || indices[1].length === 1)
        for (const index of outside)
          expect(() => work(whole(indices[0].with(at, index), indices[1])).dataSync()).toThrow()
    await tf.setBackend('onnxruntime')
  })

  it('tells the first of several, and the place in the indices', () => {
    const step = compile((at: tf.Tensor) => table().gather(at as tf.Tensor2D))
    expect(() => step(whole([0, 1, 2, 7, -5, 1], [3, 2]))).toThrow(
      /received 7 at \[1, 1\] of the indices \[3, 2\]/,
    )
  })

  it('and changes nothing: variables, counts and what comes after are as if it had not been called', () => {
    const weights = tf.variable(table())
    const optimizer = tf.train.adam(0.1)
    const step = compile((at: tf.Tensor) =>
      optimizer.minimize(
        () =>
          weights
            .gather(at as tf.Tensor1D)
            .square()
            .mean() as tf.Scalar,
        true,
      ),
    )
    const twin = tf.variable(table())
    const other = tf.train.adam(0.1)
    const right = [0, 2, 1].map((one) => whole([one, one]))
    for (const one of right) {
      expect(() => step(whole([0, 3]))).toThrow('the index value 3 is not in [0, 2]')
      expect(() => step(whole([-1, 0]))).toThrow('the index value -1 is not in [0, 2]')
      step(one)
      other.minimize(
        () =>
          twin
            .gather(one as tf.Tensor1D)
            .square()
            .mean() as tf.Scalar,
      )
      const values = twin.dataSync()
      for (const [at, value] of weights.dataSync().entries()) expect(value).toBeCloseTo(values[at]!, 4)
    }
  })

  it('but one that has no place in a one-hot row or in no segment counts for nothing, as in tfjs', () => {
    const ids = whole([0, -1, 7])
    for (const run of Object.values(modes)) {
      expect(Array.from(run((at) => tf.oneHot(at as tf.Tensor1D, 2), ids))).toEqual([1, 0, 0, 0, 0, 0])
      setBackendOptions({ minimumSize: 4000, mode: 'lazy' })
      expect(Array.from(run((at) => tf.unsortedSegmentSum(table(), at as tf.Tensor1D, 2), ids))).toEqual([
        10, 20, 0, 0,
      ])
      setBackendOptions({ minimumSize: 4000, mode: 'lazy' })
    }
  })
})
