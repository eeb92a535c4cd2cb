import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { InputError } from '../../../src/errors.js'
import {
  accumulate,
  adagrad,
  adam,
  adamw,
  ema,
  lion,
  muon,
  rmsprop,
  sgd,
  type Optimizer,
  type Tensors,
} from '../../../src/backend/index.js'

beforeAll(() => tf.setBackend('cpu'))

const start = {
  weights: [
    [0.5, -1],
    [2, 0.25],
  ],
  bias: [0.1, -0.2],
}

/** A gradient that depends on the value and on the iteration, so that each mistake of an update shows in the next. */
const gradientAt = (value: tf.Tensor, iteration: number) =>
  tf.sin(value.mul(3).add(iteration)).mul(
    tf
      .range(1, value.size + 1)
      .div(2)
      .reshape(value.shape),
  )

/** The weights and then the bias after `iterations` updates. */
function follow(optimizer: Optimizer, iterations: number): number[] {
  return tf.tidy(() => {
    const values: Tensors = { weights: tf.tensor2d(start.weights), bias: tf.tensor1d(start.bias) }
    const slots: { [name: string]: Tensors } = {}
    for (const name in values) slots[name] = optimizer.init(values[name]!, name)
    for (let iteration = 1; iteration <= iterations; iteration++)
      for (const [name, value] of Object.entries(values)) {
        const next = optimizer.update({
          name,
          value,
          gradient: gradientAt(value, iteration),
          slots: slots[name]!,
          learningRate: tf.scalar(optimizer.learningRate),
          iteration: tf.scalar(iteration),
        })
        values[name] = next.value
        slots[name] = next.slots
      }
    return [...values.weights!.dataSync(), ...values.bias!.dataSync()]
  })
}

function expectClose(received: number[], expected: number[], tolerance: number) {
  expect(received.length).toBe(expected.length)
  for (const [at, value] of expected.entries())
    expect(Math.abs(received[at]! - value), `value ${at}: ${received[at]} and ${value}`).toBeLessThan(
      tolerance,
    )
}

// From optimizers.py: PyTorch 2.13 in float64, 20 iterations.
const published: [title: string, Optimizer, number[]][] = [
  [
    'plain gradient descent',
    sgd({ learningRate: 0.1 }),
    [0.404779167, -1.255933576, 1.248547757, -1.033382272, -0.011619775, -0.4794901],
  ],
  [
    'momentum',
    sgd({ learningRate: 0.05, momentum: 0.9 }),
    [0.549259588, -0.734227178, 0.672583706, -0.539503462, -0.069198602, -0.865683351],
  ],
  [
    'Nesterov momentum with weight decay',
    sgd({ learningRate: 0.05, momentum: 0.8, nesterov: true, weightDecay: 0.01 }),
    [0.405575477, -1.215956007, 0.215328716, -2.062879335, -0.066149948, -0.867374779],
  ],
  [
    'Adam',
    adam({ learningRate: 0.05 }),
    [0.49929748, -0.851804308, 1.765649889, 0.128637299, -0.078301669, -0.45136023],
  ],
  [
    'AdamW',
    adamw({ learningRate: 0.05, beta2: 0.99, epsilon: 1e-6, weightDecay: 0.1 }),
    [0.453623879, -0.766975132, 1.584972683, 0.114949207, -0.073912281, -0.41171874],
  ],
  [
    'AdamW with parameter groups',
    adamw({
      learningRate: 0.05,
      beta1: 0.8,
      beta2: 0.95,
      weightDecay: 0.1,
      groups: [{ parameters: 'vectors', learningRate: 0.01, weightDecay: 0 }],
    }),
    [0.439691328, -0.800602293, 1.632672339, 0.135535506, 0.075477128, -0.23443337],
  ],
  [
    'RMSprop with momentum',
    rmsprop({ learningRate: 0.01, decay: 0.9, epsilon: 1e-6, momentum: 0.5 }),
    [0.48239156, -0.954346121, 1.907494666, 0.20076787, 0.034738729, -0.313366057],
  ],
  [
    'centered RMSprop with weight decay',
    rmsprop({ learningRate: 0.01, decay: 0.95, centered: true, weightDecay: 0.01 }),
    [0.466363382, -0.960491014, 1.915052194, 0.195053703, 0.03486795, -0.2911088],
  ],
  [
    'Adagrad',
    adagrad({ learningRate: 0.1, initial: 0.1, epsilon: 1e-8 }),
    [0.428830146, -0.969827671, 1.803135782, 0.108233587, -0.038807242, -0.405196938],
  ],
  [
    'Lion',
    lion({ learningRate: 0.01, weightDecay: 0.1 }),
    [0.470134312, -0.96046618, 1.920914028, 0.225205963, 0.078296202, -0.235323445],
  ],
  [
    'Muon',
    muon({ learningRate: 0.02, adamw: { learningRate: 0.05 } }),
    [0.446711339, -0.895668861, 1.854157486, 0.217924328, -0.077837038, -0.447249541],
  ],
]

describe('an optimizer', () => {
  for (const [title, optimizer, values] of published)
    // float32 against float64: 20 updates of numbers around 1 keep about six digits.
    it(`with ${title} agrees with PyTorch over 20 iterations`, () =>
      expectClose(follow(optimizer, 20), values, 3e-6))

  it('takes a first step of exactly the rate in Adam, whatever the size of the gradient', () => {
    const moved = tf.tidy(() =>
      adam({ learningRate: 0.125, epsilon: 0 })
        .update({
          name: 'w',
          value: tf.tensor1d([1, 1, 1]),
          gradient: tf.tensor1d([4, -0.0625, 1e-12]),
          slots: { m: tf.zeros([3]), v: tf.zeros([3]) },
          learningRate: tf.scalar(0.125),
          iteration: tf.scalar(1),
        })
        .value.dataSync(),
    )
    expectClose([...moved], [0.875, 1.125, 0.875], 5e-7) // a few float32 roundings
  })

  it('that accumulates makes the update of the mean gradient, when it is due', () => {
    const parts = accumulate(sgd({ learningRate: 0.5 }), { every: 2 })
    const values = tf.tidy(() => {
      let value: tf.Tensor = tf.scalar(1)
      let slots = parts.init(value, 'w')
      return [1, 3, 10, 20].map((number, at) => {
        const gradient = tf.scalar(number)
        const next = parts.update({
          name: 'w',
          value,
          gradient,
          slots,
          learningRate: tf.scalar(0.5),
          iteration: tf.scalar(at + 1),
        })
        ;({ value, slots } = next)
        return value.arraySync()
      })
    })
    expect(values).toEqual([1, 0, 0, -7.5]) // 1 - 0.5 (1 + 3) / 2, then - 0.5 (10 + 20) / 2
  })

  it('with an average keeps it beside the values, which go as without', () => {
    expect(follow(ema(adam({ learningRate: 0.05 })), 20)).toEqual(follow(adam({ learningRate: 0.05 }), 20))
    const { slots } = tf.tidy(() => {
      const averaged = ema(sgd({ learningRate: 1 }), { decay: 0.75 })
      const value = tf.scalar(4)
      const slots = averaged.init(value, 'w')
      const next = averaged.update({
        name: 'w',
        value,
        gradient: tf.scalar(4),
        slots,
        learningRate: tf.scalar(1),
        iteration: tf.scalar(1),
      })
      return { slots: next.slots.average!.arraySync() }
    })
    expect(slots).toBe(3) // 0.75 x 4 + 0.25 x 0
  })

  it('leaves its inputs alone and keeps nothing between calls', () => {
    const optimizer = adamw({ learningRate: 0.1 })
    expect(follow(optimizer, 5)).toEqual(follow(optimizer, 5))
  })

  it('follows the rate that it is handed, not the one that it was made with', () => {
    const at = (learningRate: number) =>
      tf.tidy(() =>
        sgd({ learningRate: 1 })
          .update({
            name: 'w',
            value: tf.scalar(1),
            gradient: tf.scalar(2),
            slots: {},
            learningRate: tf.scalar(learningRate),
            iteration: tf.scalar(1),
          })
          .value.arraySync(),
      )
    expect([at(0.25), at(0.5)]).toEqual([0.5, 0])
  })

  it('records its settings as plain data', () => {
    const { settings } = adamw({ learningRate: 0.1, groups: [{ parameters: /bias$/, weightDecay: 0 }] })
    expect(structuredClone(settings)).toEqual({
      learningRate: 0.1,
      weightDecay: 0.01,
      groups: [{ parameters: '/bias$/', weightDecay: 0 }],
    })
  })

  it('refuses a setting that is misspelt or out of its limits, and says which are right', () => {
    const misspelt = () => adam({ learningRate: 1e-3, beta: 0.9 } as never)
    expect(misspelt).toThrow(InputError)
    expect(misspelt).toThrow(/'beta'.*beta1, beta2/)
    expect(() => sgd({ learningRate: -1 })).toThrow(/-1.*above 0/)
    expect(() => adam({} as never)).toThrow(/no learningRate/)
    expect(() => sgd({ learningRate: 1, nesterov: true })).toThrow(/momentum/)
    const grouped = (groups: unknown) => () => adamw({ learningRate: 1e-3, groups } as never)
    expect(grouped([{ parameters: /x/, weightdecay: 0 }])).toThrow(/'weightdecay'.*weightDecay/)
    expect(grouped([{ parameters: 'biases' }])).toThrow(/'biases'.*'vectors', 'matrices'/)
    expect(grouped({ parameters: 'vectors' })).toThrow(/a list of groups/)
    expect(() => muon({ learningRate: 0.02, steps: 2.5 })).toThrow(/2\.5.*whole number/)
  })

  it('takes a pattern with the flag g for what it matches, each time', () => {
    const optimizer = adamw({
      learningRate: 1,
      weightDecay: 0.5,
      groups: [{ parameters: /b/g, weightDecay: 0 }],
    })
    tf.tidy(() => {
      const value = tf.scalar(1)
      for (let i = 0; i < 3; i++) {
        const at = { name: 'b', value, gradient: tf.scalar(0), slots: optimizer.init(value, 'b') }
        const update = optimizer.update({ ...at, learningRate: tf.scalar(1), iteration: tf.scalar(1) })
        expect(update.value.dataSync()[0]).toBe(1)
      }
    })
  })
})

afterEach(() => expect(tf.memory().numTensors).toBe(0))
