import * as tf from '@tensorflow/tfjs'
import { describe, expect, test } from 'vitest'
import { adam, seed, sgd, train } from '../../../src/index.js'
import { nextSeed } from '../../../src/seed.js'
import { line, linearModel, useSilence } from '../../kit/training.js'

useSilence()

const variable = (shape: number[], deviation: number) =>
  tf.variable(tf.randomNormal(shape, 0, deviation, 'float32', nextSeed()))

/** A GAN that learns where the numbers of a normal distribution lie: its generator is shift and scale. */
function gan() {
  const parameters = {
    g: { shift: tf.variable(tf.scalar(0)), scale: tf.variable(tf.scalar(0.3)) },
    d: { w: variable([1, 16], 1), b: tf.variable(tf.zeros([16])), v: variable([16, 1], 0.3) },
  }
  const { g, d } = parameters
  const judge = (x: tf.Tensor) => x.reshape([-1, 1]).matMul(d.w).add(d.b).leakyRelu(0.2).matMul(d.v)
  const noise = (count: number) => tf.randomNormal([count])
  const fake = (count: number) => noise(count).mul(g.scale).add(g.shift)
  const sure = (logits: tf.Tensor, real: boolean) => tf.softplus(real ? logits.neg() : logits).mean()
  const model = {
    parameters,
    optimizers: { g: adam({ learningRate: 0.02, beta1: 0.5 }), d: adam({ learningRate: 0.02, beta1: 0.5 }) },
    iteration: async ({ x }: { x: tf.Tensor }, { optimizers }: any) => {
      const count = x.shape[0]!
      const judged = optimizers.d.minimize(() => sure(judge(x), true).add(sure(judge(fake(count)), false)))
      const fooled = optimizers.g.minimize(() => sure(judge(fake(count)), true))
      return { loss: fooled, judged }
    },
  }
  const values = () => [g.shift, g.scale, d.w, d.b, d.v].map((one) => Array.from(one.dataSync()))
  return { model, g, values }
}

const numbers = Float32Array.from(
  { length: 256 },
  (_, i) => 3 + 0.5 * Math.sqrt(-2 * Math.log((i + 0.5) / 256)) * Math.cos(i * 2.4),
)

describe('an own iteration', () => {
  test('a GAN finds where the numbers lie, with two optimizers and two losses in the history', async () => {
    const { model, g } = gan()
    const run = train(model, { data: { x: numbers }, batchSize: 64, seed: 1 })
    await run.iterate(400)
    const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length
    // It circles around the mean, 3; 0.5 is one standard deviation.
    expect(Math.abs(g.shift.dataSync()[0]! - mean)).toBeLessThan(0.5)
    expect(run.history.at(-1)).toMatchObject({ iteration: 400, judged: expect.any(Number) })
  })

  test('undo, redo and a branch are exact, noise and both optimizers included', async () => {
    const straight = gan()
    await train(straight.model, { data: { x: numbers }, batchSize: 32, seed: 5 }).iterate(12)
    seed(1)
    const other = gan()
    const run = train(other.model, { data: { x: numbers }, batchSize: 32, seed: 5 })
    await run.iterate(8)
    await run.iterate(3)
    await run.undo()
    const branch = run.branch('same')
    await run.iterate(4)
    expect(other.values()).toEqual(straight.values())
    const before = other.values()
    await branch.iterate(4)
    const { g, d } = branch.model.parameters
    expect([g.shift, g.scale, d.w, d.b, d.v].map((one) => Array.from(one.dataSync()))).toEqual(before)
    await branch.iterate(2)
    expect(other.values()).toEqual(before)
    await run.undo()
    await run.undo()
    await run.iterate(12)
    expect(other.values()).toEqual(straight.values())
  })

  test('optimizers of no group are an error that lists both, since each would move everything', async () => {
    const parameters = { generator: tf.variable(tf.scalar(1)), critic: tf.variable(tf.scalar(1)) }
    const start = (group?: string) =>
      train(
        {
          parameters,
          optimizers: { G: sgd({ learningRate: 0.1 }), D: sgd({ learningRate: 0.1 }) },
          iteration: (_, { optimizers: { G } }) => ({
            loss: G.minimize(() => parameters.generator.mul(parameters.critic), group),
          }),
        },
        { data: { x: Float32Array.of(0) }, batchSize: 1, save: false },
      )
    await expect(start().iterate(1)).rejects.toThrow(
      /optimizers G, D and the groups of parameters generator, critic/,
    )
    expect(parameters.critic.dataSync()[0]).toBe(1)
    await start('generator').iterate(1)
    expect(parameters.critic.dataSync()[0]).toBe(1)
    expect(parameters.generator.dataSync()[0]).toBeCloseTo(0.9)
  })

  test('an actor-critic learns which of three levers pays', async () => {
    const parameters = { actor: tf.variable(tf.zeros([3])), critic: tf.variable(tf.scalar(0)) }
    const pays = [0.1, 0.2, 0.9]
    const run = train(
      {
        parameters,
        optimizers: { actor: sgd({ learningRate: 0.3 }), critic: sgd({ learningRate: 0.1 }) },
        iteration: async (batch, { optimizers }) => {
          const chances = tf.softmax(parameters.actor).dataSync()
          let draw = ((batch.iteration * 0.61803398875) % 1) - chances[0]!
          let lever = 0
          while (draw > 0 && lever < 2) draw -= chances[++lever]!
          const reward = pays[lever]!
          const advantage = reward - parameters.critic.dataSync()[0]!
          const loss = optimizers.actor!.minimize(() =>
            tf.logSoftmax(parameters.actor).gather(tf.scalar(lever, 'int32')).mul(-advantage),
          )
          const surprise = optimizers.critic!.minimize(() => parameters.critic.sub(reward).square())
          return { loss, surprise, reward }
        },
      },
      { data: { x: Float32Array.of(0) }, batchSize: 1, seed: 1 },
    )
    await run.iterate(300)
    const chances = tf.softmax(parameters.actor).dataSync()
    expect(chances[2]).toBeGreaterThan(0.9)
    const rewards = run.history.map(({ reward }) => reward!)
    expect(Math.max(...rewards)).toBeCloseTo(0.9)
  })

  test('what it throws, or a loss that is not finite, takes back all of the iteration', async () => {
    const { model, values } = gan()
    let fail: 'throw' | 'nan' | undefined
    const run = train(
      {
        ...model,
        iteration: async (batch: any, tools: any) => {
          const given = await model.iteration(batch, tools)
          if (fail === 'throw') throw new Error('on purpose')
          return fail === 'nan' ? { ...given, loss: NaN } : given
        },
      },
      { data: { x: numbers }, batchSize: 32, seed: 5 },
    )
    await run.iterate(3)
    const before = values()
    fail = 'throw'
    await expect(run.iterate(1)).rejects.toThrow('on purpose')
    expect(values()).toEqual(before)
    fail = 'nan'
    await run.iterate(1)
    expect(run.stopReason!.kind).toBe('notFinite')
    expect(values()).toEqual(before)
    expect(run.iteration).toBe(3)
  })

  test('an optimizer asked for unknown parameters names those there are', async () => {
    const { model } = gan()
    const run = train(
      {
        ...model,
        iteration: (_: any, { optimizers }: any) => ({
          loss: optimizers.g.minimize(() => tf.scalar(0), 'x'),
        }),
      },
      { data: { x: numbers } },
    )
    await expect(run.iterate(1)).rejects.toThrow(/g\/shift.*d\/w/)
  })
})

describe('memory', () => {
  test('1,000 iterations with an undo every 100 leave as many tensors as before', async () => {
    const { model } = linearModel()
    const run = train(model, {
      data: line(),
      batchSize: 4,
      seed: 1,
      optimizer: adam({ learningRate: 0.01 }),
      evaluateOn: line(),
      evaluateEvery: 50,
    })
    await run.iterate(100)
    await run.undo()
    const before = tf.memory().numTensors
    for (let i = 0; i < 10; i++) {
      await run.iterate(100)
      if (i % 2) await run.undo()
    }
    expect(tf.memory().numTensors).toBe(before)
    expect(run.iteration).toBe(500)
  })

  test('an own iteration leaves no tensor either', async () => {
    const { model } = gan()
    const run = train(model, { data: { x: numbers }, batchSize: 32, seed: 5 })
    await run.iterate(2)
    const before = tf.memory().numTensors
    await run.iterate(20)
    expect(tf.memory().numTensors).toBe(before)
  })

  test('a failing iteration and a branch leave none', async () => {
    const { model } = linearModel()
    const run = train(model, {
      data: { x: Float32Array.of(1, Infinity), y: Float32Array.of(1, 1) },
      batchSize: 1,
      seed: 1,
      optimizer: adam({ learningRate: 0.01 }),
    })
    await run.iterate(5)
    const before = tf.memory().numTensors
    await run.iterate(5)
    await run.iterate(5)
    expect(tf.memory().numTensors).toBe(before)
  })
})
