import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  adamw,
  backendStatistics,
  compile,
  setBackendOptions,
  type Tensors,
} from '../../../src/backend/index.js'
import { regression, x, y } from './regression.js'

beforeAll(async () => {
  await tf.setBackend('onnxruntime')
  setBackendOptions({ minimumSize: 0, mode: 'lazy' })
})
beforeEach(() => void backendStatistics())
afterEach(() => {
  tf.disposeVariables()
  expect(tf.getBackend()).toBe('onnxruntime')
})

const optimizers: { [name: string]: () => tf.Optimizer } = {
  sgd: () => tf.train.sgd(0.1),
  momentum: () => tf.train.momentum(0.1, 0.9),
  nesterov: () => tf.train.momentum(0.1, 0.9, true),
  rmsprop: () => tf.train.rmsprop(0.01, 0.9, 0.5, 1e-6, true),
  adagrad: () => tf.train.adagrad(0.1),
  adadelta: () => tf.train.adadelta(1),
  adam: () => tf.train.adam(0.01),
  adamax: () => tf.train.adamax(0.01),
}

describe('a compiled training step', () => {
  for (const [name, make] of Object.entries(optimizers))
    it(`with tfjs's ${name} follows the uncompiled one, also when the rate changes, with one recording`, () => {
      const [plain, fast] = [regression(), regression()]
      const [one, two] = [make(), make()]
      const [inputs, targets] = [x(), y()]
      const step = compile((a: tf.Tensor, b: tf.Tensor) => two.minimize(() => fast.loss(a, b), true)!)
      const setRate = (optimizer: tf.Optimizer, rate: number) => {
        const settable = optimizer as unknown as {
          learningRate: number
          setLearningRate?(rate: number): void
        }
        if (settable.setLearningRate) settable.setLearningRate(rate)
        else settable.learningRate = rate
      }
      for (let i = 0; i < 20; i++) {
        if (i === 10) for (const optimizer of [one, two]) setRate(optimizer, 0.003)
        const expected = one.minimize(() => plain.loss(inputs, targets), true)!
        const received = step(inputs, targets)
        const relative = Math.abs(received.dataSync()[0]! / expected.dataSync()[0]! - 1)
        expect(relative, `loss of step ${i}`).toBeLessThan(1e-5)
        tf.dispose([expected, received])
      }
      for (const [at, value] of plain.values().entries()) expect(fast.values()[at]).toBeCloseTo(value, 5)
      expect(two.iterations).toBe(one.iterations)
      expect(step.recordings).toBe(1)
      step.dispose()
      tf.dispose([inputs, targets])
    })

  it('with an optimizer of ours takes the rate and the iteration as numbers, without another recording', () => {
    const { w, loss, values } = regression()
    const optimizer = adamw({ learningRate: 0.1 })
    const slots: Tensors = Object.fromEntries(
      Object.entries(optimizer.init(w, 'w')).map(([slot, value]) => [slot, tf.variable(value, false)]),
    )
    const [inputs, targets] = [x(), y()]
    const body = (learningRate: tf.Scalar, iteration: tf.Scalar) =>
      tf.tidy(() => {
        const { value, grads } = tf.variableGrads(() => loss(inputs, targets), [w])
        const gradient = grads[w.name]!
        const next = optimizer.update({ name: 'w', value: w, gradient, slots, learningRate, iteration })
        w.assign(next.value)
        for (const slot in slots) (slots[slot] as tf.Variable).assign(next.slots[slot]!)
        return value
      })
    const start = values()
    const expected: number[] = []
    for (let i = 1; i <= 5; i++) expected.push(body(tf.scalar(0.1 / i), tf.scalar(i)).dataSync()[0]!)
    w.assign(tf.tensor(start.slice(0, 4), [4, 1]))
    for (const slot of Object.values(slots)) (slot as tf.Variable).assign(tf.zerosLike(slot))
    const step = compile(body as unknown as (rate: number, iteration: number) => tf.Scalar)
    for (let i = 1; i <= 5; i++) expect(step(0.1 / i, i).dataSync()[0]).toBeCloseTo(expected[i - 1]!, 6)
    expect(step.recordings).toBe(1)
    step.dispose()
  })

  it('runs as one graph a call, however small its kernels are', () => {
    setBackendOptions({ minimumSize: 1000 })
    const { loss } = regression()
    const optimizer = tf.train.sgd(0.1)
    const step = compile((a: tf.Tensor, b: tf.Tensor) => optimizer.minimize(() => loss(a, b), true)!)
    const [inputs, targets] = [x(), y()]
    step(inputs, targets).dispose()
    backendStatistics()
    for (let i = 0; i < 5; i++) step(inputs, targets).dispose()
    expect(backendStatistics()).toMatchObject({ flushes: 5, sessions: 0 })
    setBackendOptions({ minimumSize: 0 })
  })

  it('records again for another batch size, and no more than once for each', () => {
    const { loss } = regression()
    const optimizer = tf.train.sgd(0.1)
    const step = compile((a: tf.Tensor, b: tf.Tensor) => optimizer.minimize(() => loss(a, b), true)!)
    for (const rows of [16, 5, 16, 5]) tf.tidy(() => void step(x().slice(0, rows), y().slice(0, rows)))
    expect(step.recordings).toBe(2)
    step.dispose()
  })

  it('keeps what is frozen to the bit, compiled or not, and records nothing for others that are', () => {
    for (const otherwise of ['throw', 'run'] as const) {
      const { w, b, loss } = regression()
      const [inputs, targets] = [x(), y()]
      const optimizer = tf.train.sgd(0.1)
      let frozen: Set<tf.Variable> | undefined
      const step = compile(
        () => {
          const value = optimizer.minimize(() => loss(inputs, targets), true)!
          if (otherwise === 'run') value.dataSync()
          return value
        },
        { frozen: () => frozen, otherwise },
      )
      step().dispose()
      for (const [one, other] of [
        [w, b],
        [b, w],
      ] as const) {
        frozen = new Set([one])
        const before = [one.dataSync().slice(), other.dataSync().slice()]
        step().dispose()
        expect(one.dataSync()).toEqual(before[0])
        expect(other.dataSync()).not.toEqual(before[1])
      }
      expect(step.recordings).toBe(otherwise === 'throw' ? 1 : 0)
    }
  })

  it('leaves no tensor behind', () => {
    const { loss } = regression()
    const optimizer = tf.train.adam(0.01)
    const step = compile((a: tf.Tensor, b: tf.Tensor) => optimizer.minimize(() => loss(a, b), true)!)
    const [inputs, targets] = [x(), y()]
    step(inputs, targets).dispose()
    const { numTensors, numDataBuffers } = tf.memory()
    for (let i = 0; i < 20; i++) step(inputs, targets).dispose()
    expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers })
    step.dispose()
  })
})
