import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { adam, cosine, fromArrays, Interrupted, sgd, train } from '../../../src/index.js'
import { silence } from '../../kit/training.js'
import { backendStatistics } from '../../../src/backend/index.js'
import { coreOf, type Run } from '../../../src/train/run/run.js'

let host: { interrupted: boolean }
beforeAll(async () => {
  host = silence().host as unknown as typeof host
  await tf.setBackend('onnxruntime')
})
afterAll(() => tf.setBackend('cpu'))

const numbers = (size: number, by: number) =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(i * by) + Math.sin(i * i * 0.37) / 2)

const weights = (seed: number) => tf.initializers.glorotUniform({ seed })
const { dense, dropout, batchNormalization } = tf.layers

const models = {
  perceptron: () =>
    tf.sequential({
      layers: [
        dense({ inputShape: [2], units: 32, activation: 'tanh', kernelInitializer: weights(1) }),
        dense({ units: 32, activation: 'tanh', kernelInitializer: weights(2) }),
        dense({ units: 1, kernelInitializer: weights(3) }),
      ],
    }),
  wide: () =>
    tf.sequential({
      layers: [
        dense({ inputShape: [2], units: 4000, activation: 'relu', kernelInitializer: weights(1) }),
        dense({ units: 1, kernelInitializer: weights(2) }),
      ],
    }),
  'dropout and moving means': () =>
    tf.sequential({
      layers: [
        dense({ inputShape: [2], units: 16, activation: 'relu', kernelInitializer: weights(1) }),
        batchNormalization(),
        dropout({ rate: 0.3 }),
        dense({ units: 1, kernelInitializer: weights(2) }),
      ],
    }),
}

const examples = 64 * 20
function createRun(model: keyof typeof models = 'perceptron', more: object = {}): Run {
  const x = tf.tensor(numbers(2 * examples, 0.31), [examples, 2])
  const y = tf.tensor(numbers(examples, 0.17), [examples, 1])
  return train(models[model](), {
    data: fromArrays({ x, y }),
    batchSize: 64,
    seed: 3,
    loss: 'meanSquaredError',
    optimizer: adam({ learningRate: 3e-3 }),
    progress: false,
    save: false,
    ...more,
  }) as Run
}

const rowsOf = (run: Run) =>
  run.history.map(({ iteration, loss, gradientNorm, learningRate }) => [
    iteration,
    loss,
    gradientNorm,
    learningRate,
  ])
const valuesOf = (run: Run) =>
  coreOf(run)!.trainee.parameters.map(({ variable }) => Array.from(variable.dataSync()))

/** The same with a function that is asked after each iteration: one at a time. */
const oneByOne = { onIteration: () => {} }

describe('several iterations in one run of a session', () => {
  for (const name of ['perceptron', 'dropout and moving means'] as const)
    it(`give the numbers of one at a time to the bit: ${name}`, async () => {
      const one = createRun(name, oneByOne)
      await one.iterate(300)
      const run = createRun(name)
      await run.iterate(200)
      backendStatistics()
      await run.iterate(100)
      // Twelve times 8, and four.
      expect(backendStatistics().flushes).toBeLessThan(20)
      expect(rowsOf(run)).toEqual(rowsOf(one))
      expect(valuesOf(run)).toEqual(valuesOf(one))
    })

  it('stop where an evaluation is due, where an epoch ends with fewer examples, and where the call ends', async () => {
    const more = () => {
      const data = fromArrays({
        x: tf.tensor(numbers(2 * 1000, 0.31), [1000, 2]),
        y: tf.tensor(numbers(1000, 0.17), [1000, 1]),
      })
      return { data, evaluateOn: data, evaluateEvery: 45, batchSize: 24, schedule: cosine({ over: 300 }) }
    }
    const one = createRun('perceptron', { ...more(), ...oneByOne })
    await one.iterate(300)
    const run = createRun('perceptron', more())
    await run.iterate(200)
    backendStatistics()
    await run.iterate(100)
    expect(backendStatistics().flushes).toBeLessThan(60)
    expect(rowsOf(run)).toEqual(rowsOf(one))
    expect(run.evaluations).toEqual(one.evaluations)
    expect(run.evaluations.map(({ iteration }) => iteration)).toEqual([45, 90, 135, 180, 225, 270])
    const seen = (which: Run) => {
      const { books } = coreOf(which)!.state
      return [0, 1, 500, 999].map((position) => [
        books.lossSum(position),
        books.lossCount(position),
        books.drawn(position),
      ])
    }
    expect(seen(run)).toEqual(seen(one))
  })

  it('are undone to any iteration, and come out the same again', async () => {
    const run = createRun()
    await run.iterate(250)
    await run.iterate(250)
    const rows = rowsOf(run)
    const values = valuesOf(run)
    await run.undo()
    expect(run.iteration).toBe(250)
    await run.iterate(3)
    await run.iterate(247)
    expect(rowsOf(run)).toEqual(rows)
    expect(valuesOf(run)).toEqual(values)
  })

  it('change nothing where one of them is not finite: the run stands before that one', async () => {
    const grows = { optimizer: sgd({ learningRate: 1 }), schedule: (i: number) => (i < 237 ? 1e-3 : 1e18) }
    const one = createRun('perceptron', { ...grows, ...oneByOne })
    await one.iterate(400)
    const run = createRun('perceptron', grows)
    await run.iterate(400)
    expect(run.stopReason?.kind).toBe('notFinite')
    expect(run.stopReason).toEqual(one.stopReason)
    expect(rowsOf(run)).toEqual(rowsOf(one))
    expect(valuesOf(run)).toEqual(valuesOf(one))
  })

  it('are one at a time for whoever looks after each: a rule ends the call at its iteration', async () => {
    const run = createRun()
    await run.until(({ history }) => history.column('loss').at(-1)! < 0.7, { atMost: 400 })
    const losses = run.history.map(({ loss }) => loss)
    expect(losses.at(-1)).toBeLessThan(0.7)
    expect(Math.min(...losses.slice(0, -1))).toBeGreaterThanOrEqual(0.7)
  })

  it('take a rate that was set between two calls from its iteration on', async () => {
    const replay = async (more: object) => {
      const first = createRun('perceptron', more)
      await first.iterate(221)
      first.set({ learningRate: 1e-4 })
      await first.iterate(60)
      return first
    }
    expect(rowsOf(await replay({}))).toEqual(rowsOf(await replay(oneByOne)))
  })

  it('end at once where Stop is pressed, all of those that were made written down', async () => {
    const pressedAt = 420
    const schedule = (iteration: number) => {
      if (iteration === pressedAt) host.interrupted = true
      return 1e-3
    }
    const run = createRun('perceptron', { schedule })
    await expect(run.iterate(100_000)).rejects.toBeInstanceOf(Interrupted)
    host.interrupted = false
    // The rate is asked for before the iterations are made, 32 of them at most.
    expect(run.iteration).toBeGreaterThanOrEqual(pressedAt)
    expect(run.iteration).toBeLessThan(pressedAt + 32)
    expect(run.history.length).toBe(run.iteration)
    const one = createRun('perceptron', { ...oneByOne, schedule: () => 1e-3 })
    await one.iterate(run.iteration)
    expect(rowsOf(run)).toEqual(rowsOf(one))
    expect(valuesOf(run)).toEqual(valuesOf(one))
  })

  it('leave an error to the iteration in which it happens', async () => {
    const schedule = (iteration: number) => {
      if (iteration === 333) throw new Error('no rate for this one')
      return 1e-3
    }
    const run = createRun('perceptron', { schedule })
    await expect(run.iterate(400)).rejects.toThrow('no rate for this one')
    expect(run.iteration).toBe(332)
  })

  it('are more of them in a long training, and still what each is by itself', async () => {
    const run = createRun()
    await run.iterate(5000)
    await run.until(() => false, { atMost: 96 })
    const rows = rowsOf(run)
    const values = valuesOf(run)
    await run.undo()
    expect(run.iteration).toBe(5000)
    backendStatistics()
    await run.iterate(96)
    expect(backendStatistics().flushes).toBe(3)
    expect(rowsOf(run)).toEqual(rows)
    expect(valuesOf(run)).toEqual(values)
  })

  it('are tried less and less often where they cannot be', async () => {
    const run = createRun('wide')
    await run.iterate(200)
    const drawn = vi.spyOn(coreOf(run)!.data, 'at')
    await run.iterate(100)
    // Each of the 100, and after 1, 2, 4 … iterations those of eight in vain.
    expect(drawn.mock.calls.length).toBeLessThan(110)
  })
})
