/** "An update that is not finite is never made": whatever it is that would be written, and by whichever way an update is made. */
import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, test } from 'vitest'
import '../../../src/backend/index.js'
import type { Optimizer } from '../../../src/backend/optimizers/optimizer.js'
import { accumulate, adagrad, adam, adamw, ema, lion, muon, rmsprop, sgd, train } from '../../../src/index.js'
import { createRandom } from '../../../src/data/random.js'
import { useSilence } from '../../kit/training.js'

useSilence()

/** Two inputs, of which the second is always 0: nor has its weight a gradient. */
const halfDead = {
  x: tf.tensor2d([1, 0, 2, 0, -1, 0, 0.5, 0], [4, 2]),
  y: tf.tensor2d([1, 2, -1, 0.5], [4, 1]),
}

/** `straight`: with a loss that is finite as long as the values are. */
function ownModel(straight = false) {
  const w = tf.variable(tf.tensor2d([0.5, 0.5], [2, 1]))
  const seen = tf.variable(tf.scalar(0), false)
  let moves: tf.Tensor = tf.scalar(1)
  const loss = ({ x, y }: { x: tf.Tensor; y: tf.Tensor }) => {
    seen.assign(moves.mul(x.square().sum()) as tf.Scalar)
    const outputs = (x.mul(straight ? 0.1 : 1) as tf.Tensor2D).matMul(w)
    return straight ? outputs.mean() : outputs.sub(y).square().mean()
  }
  return {
    w,
    seen,
    model: { parameters: { w, seen }, loss },
    moveBy: (by: number) => (moves = tf.scalar(by)),
  }
}

/** Makes one slot overflow, quietly: its value divides. */
const quiet: Optimizer = {
  name: 'quiet',
  learningRate: 0.1,
  settings: {},
  init: (parameter) => ({ sum: tf.onesLike(parameter) }),
  update: ({ value, gradient, slots }) => {
    const sum = slots.sum!.mul(1e20)
    return { value: value.sub(gradient.div(sum)), slots: { sum } }
  },
}

describe.each(['cpu', 'onnxruntime'])('on %s', (backend) => {
  beforeEach(async () => void (await tf.setBackend(backend)))
  const settings = (optimizer: Optimizer) => ({
    data: halfDead,
    batchSize: 4,
    optimizer,
    save: false,
    progress: false,
  })

  test.each<[string, Optimizer, number, string]>([
    ['a division of 0 by 0', adam({ learningRate: 0.1, epsilon: 0 }), 0, 'w'],
    [
      'the same in the slots of an optimizer within another',
      ema(adam({ learningRate: 0.1, epsilon: 0 })),
      0,
      'w',
    ],
    ['a root of which nothing is added to', rmsprop({ learningRate: 0.1, epsilon: 0 }), 0, 'w'],
    [
      'a step beyond float32, though rate times norm is not',
      sgd({ learningRate: 3e38, momentum: 0.9 }),
      1,
      'w',
    ],
    ['a decay that grows', sgd({ learningRate: 1, weightDecay: 1e20 }), 1, 'w'],
    ['a slot of which the value shows nothing', quiet, 1, 'slot'],
  ])('%s stops the run at a whole iteration', async (_, optimizer, made, place) => {
    const { w, model } = ownModel(made > 0)
    const run = train(model, settings(optimizer))
    const before = Array.from(w.dataSync())
    for (let i = 0; i < 20 && run.stopReason?.kind !== 'notFinite'; i++) await run.iterate(1)
    expect(run.stopReason?.kind).toBe('notFinite')
    expect(run.stopReason?.message).toMatch(new RegExp(`${place}.* would not be finite`))
    expect(run.iteration > 0).toBe(made > 0)
    expect([...w.dataSync()].every(Number.isFinite)).toBe(true)
    if (made === 0) expect(Array.from(w.dataSync())).toEqual(before)
    // What was written down goes on with other settings.
    run.set({ optimizer: sgd({ learningRate: 0.01 }) })
    await run.iterate(3)
    expect(run.stopReason).toBeNull()
    expect(run.history.every(({ loss }) => Number.isFinite(loss))).toBe(true)
  })

  test('averages of a batch normalisation', async () => {
    const model = tf.sequential({
      layers: [tf.layers.batchNormalization({ inputShape: [2] }), tf.layers.dense({ units: 1 })],
    })
    const x = tf.tensor2d([1, 0, 2, 0, -1, 0, 0.5, 0, 1e25, 0, -1e25, 1, 3, 1, 2, 2], [8, 2])
    const y = tf.tensor2d([1, 2, -1, 0.5, 0, 0, 1, 2], [8, 1])
    const run = train(model, { ...settings(adam({ learningRate: 0.01 })), data: { x, y }, loss: 'meanSquaredError', batchSize: 8 }) // oxfmt-ignore
    const before = model.getWeights().map((weight) => Array.from(weight.dataSync()))
    await run.iterate(1)
    expect(run.stopReason?.message).toContain('moving_variance would not be finite')
    expect(run.iteration).toBe(0)
    expect(model.getWeights().map((weight) => Array.from(weight.dataSync()))).toEqual(before)
  })

  test('a variable of one’s own that the loss assigns to', async () => {
    const { w, seen, model, moveBy } = ownModel()
    const run = train(model, settings(adam({ learningRate: 0.1 })))
    await run.iterate(3)
    const before = [...w.dataSync(), ...seen.dataSync()]
    moveBy(3e38)
    await run.iterate(1)
    expect(run.stopReason?.message).toContain('seen would not be finite')
    expect([...w.dataSync(), ...seen.dataSync()]).toEqual(before)
    expect(run.iteration).toBe(3)
    moveBy(2)
    await run.iterate(1)
    expect(run.iteration).toBe(4)
    expect(seen.dataSync()[0]).toBe(12.5)
  })

  test('an iteration that is opened up, and one by hand', async () => {
    const { w, model } = ownModel()
    const run = train(model, settings(adam({ learningRate: 0.1, epsilon: 0 })))
    await expect(run.iterate(1, { inspect: true })).rejects.toThrow('would not be finite')
    const batch = await run.nextBatch()
    const { gradients } = await run.gradients(batch)
    await expect(run.apply(gradients)).rejects.toThrow('makes a value of w that is not finite')
    expect([...w.dataSync()]).toEqual([0.5, 0.5])
    expect(run.iteration).toBe(0)
  })

  test('gradients that wait, and the averages of parameters', async () => {
    const { w, model } = ownModel()
    const run = train(model, {
      ...settings(adam({ learningRate: 0.1, epsilon: 0 })),
      accumulate: 2,
      ema: 0.9,
    })
    await run.iterate(2)
    expect(run.iteration).toBe(1)
    expect(run.stopReason?.kind).toBe('notFinite')
    expect([...w.dataSync()]).toEqual([0.5, 0.5])
  })

  test('an iteration of one’s own', async () => {
    const w = tf.variable(tf.tensor1d([1, 2]))
    const free = tf.variable(tf.scalar(1), false)
    let by = 2
    const run = train(
      {
        parameters: { w, free },
        optimizers: { w: adam({ learningRate: 0.1, epsilon: 0 }), other: sgd({ learningRate: 0.1 }) },
        iteration(_batch, { optimizers, iteration }) {
          free.assign(free.mul(by) as tf.Scalar)
          const which = iteration > 2 ? optimizers.w! : optimizers.other!
          return { loss: which.minimize(() => w.slice(0, 1).square().sum()) }
        },
      },
      { data: { x: Float32Array.of(1) }, save: false, progress: false },
    )
    await run.iterate(2)
    const before = [...w.dataSync(), ...free.dataSync()]
    await run.iterate(1)
    expect(run.stopReason?.message).toContain('w would not be finite')
    expect([...w.dataSync(), ...free.dataSync()]).toEqual(before)
    await run.undo()
    await run.undo()
    by = 1e30
    await run.iterate(2)
    expect(run.stopReason?.message).toContain('free would not be finite')
    expect(run.iteration).toBe(1)
  })
})

/** `torch.optim.RMSprop([w], lr=1e-3, centered=True)` of PyTorch 2.13, a value of 0 after 1, 10, 100 and 1000 equal gradients. */
const centred: [gradient: number, values: number[]][] = [
  [1, [-0.0100504, -0.0518115, -0.248348, -30.3396]],
  [0.1, [-0.0100504, -0.0518114, -0.248348, -30.4077]],
  [0.7, [-0.0100504, -0.0518115, -0.248348, -30.0161]],
  [123.456, [-0.0100504, -0.0518115, -0.248348, -30.0898]],
]

describe.each(['cpu', 'onnxruntime'])('centred RMSprop on %s', (backend) => {
  test.each(centred)('goes as PyTorch does at a gradient that stays %f', async (gradient, expected) => {
    await tf.setBackend(backend)
    const w = tf.variable(tf.scalar(0))
    const optimizer = rmsprop({ learningRate: 1e-3, centered: true })
    const run = train(
      { parameters: { w }, loss: ({ x }) => w.mul(x.mean()) },
      { data: { x: Float32Array.of(gradient) }, batchSize: 1, optimizer, save: false, progress: false },
    )
    const found: number[] = []
    for (const iterations of [1, 9, 90, 900]) {
      await run.iterate(iterations)
      found.push(w.dataSync()[0]!)
    }
    for (const [i, value] of expected.slice(0, 3).entries()) expect(found[i]).toBeCloseTo(value, 5)
    // By then the variance is a difference of two numbers that are nearly equal.
    expect(Math.abs(found[3]! / expected[3]! - 1)).toBeLessThan(0.01)
    await run.iterate(1000)
    expect(run.stopReason).toBeNull()
    expect(Number.isFinite(w.dataSync()[0])).toBe(true)
  })
})

test.each<[string, Optimizer]>([
  ['sgd', sgd({ learningRate: 0.3, momentum: 0.9, nesterov: true, weightDecay: 0.1 })],
  ['adam', adam({ learningRate: 0.3 })],
  ['adamw', adamw({ learningRate: 0.3, beta2: 0.9, groups: [{ parameters: 'vectors', learningRate: 3 }] })],
  ['rmsprop', rmsprop({ learningRate: 0.3, momentum: 0.9 })],
  ['centred rmsprop', rmsprop({ learningRate: 0.3, centered: true, momentum: 0.5, weightDecay: 0.01 })],
  ['adagrad', adagrad({ learningRate: 0.3, weightDecay: 0.1 })],
  ['lion', lion({ learningRate: 0.3, weightDecay: 0.1 })],
  ['muon', muon({ learningRate: 0.3 })],
  ['gradients that wait', accumulate(adam({ learningRate: 0.3 }), { every: 3 })],
])('no update of %s reaches farther than it says', async (_, optimizer) => {
  await tf.setBackend('cpu')
  const random = createRandom(5)
  const shapes = [[3], [2, 4]]
  for (const shape of shapes) {
    let value: tf.Tensor = tf.randomNormal(shape, 0, 3, 'float32', 7)
    let slots = optimizer.init(value, 'w')
    for (let iteration = 1; iteration <= 60; iteration++) {
      // Of any size, and sometimes 0.
      const gradient = tf.randomNormal(shape, 0, 1, 'float32', iteration).mul(random.next() < 0.2 ? 0 : 10 ** (6 * random.next() - 3)) // oxfmt-ignore
      const norm = gradient.norm().dataSync()[0]!
      const size = () =>
        Math.max(...[value, ...Object.values(slots)].map((one) => one.abs().max().dataSync()[0]!))
      const reach = optimizer.reach!({ gradient: norm, largest: size(), learningRate: 0.3 })
      const at = {
        name: 'w',
        value,
        gradient,
        slots,
        learningRate: tf.scalar(0.3),
        iteration: tf.scalar(iteration),
      }
      ;({ value, slots } = optimizer.update(at))
      expect(size()).toBeLessThanOrEqual(reach * (1 + 1e-5))
      expect(reach).toBeLessThan(1e37)
    }
  }
})
