import * as tf from '@tensorflow/tfjs'
import { expect, it } from 'vitest'
import { adam, sgd } from '../../../src/backend/index.js'
import { fromArrays } from '../../../src/data/index.js'
import { local } from '../../../src/sweep/index.js'
import { train, type ReplicaEngine, type Replicas } from '../../../src/train/index.js'
import { seed } from '../../../src/seed.js'

const n = 96
const x = Float32Array.from({ length: n * 4 }, (_, i) => Math.sin(i * 1.3))
const y = Int32Array.from({ length: n }, (_, i) => (x[4 * i]! + x[4 * i + 1]! > 0 ? 1 : 0))
const data = fromArrays({ x, y }, { shape: [4] })

function runOf(name: string, batchSize = 24) {
  seed(5)
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 8, inputShape: [4], activation: 'tanh' }),
      tf.layers.dense({ units: 2, activation: 'softmax' }),
    ],
  })
  return train(model, {
    data,
    evaluateOn: data,
    batchSize,
    seed: 2,
    loss: 'sparseCategoricalCrossentropy',
    optimizer: adam({ learningRate: 0.02 }),
    clipNorm: 1,
    save: false,
    progress: false,
    name,
    evaluateEvery: 1000,
  })
}

const losses = (run: { history: readonly { loss: number }[] }) => run.history.map(({ loss }) => loss)

/** An engine whose processes are known. */
function watched(): { engine: ReplicaEngine; pids: () => readonly number[] } {
  let made: (Replicas & { pids?: readonly number[] }) | undefined
  const inner = local({ threads: 1 })
  return {
    engine: { name: 'watched', replicas: async (...given) => (made = await inner.replicas(...given)) },
    pids: () => made!.pids!,
  }
}

it(
  'averaging every gradient is training alone on the whole batch, to rounding',
  { timeout: 120_000 },
  async () => {
    const alone = runOf('alone')
    const run = runOf('together')
    await run.distribute({ workers: 3, engine: local({ threads: 1 }) })
    await alone.iterate(30)
    await run.iterate(30)
    const difference = losses(run).map((loss, i) => Math.abs(loss - losses(alone)[i]!))
    // 30 updates of Adam on float32 gradients that were summed in another order.
    expect(Math.max(...difference)).toBeLessThan(1e-5)
    expect(run.history.map(({ gradientNorm }) => gradientNorm)[0]).toBeCloseTo(
      alone.history[0]!.gradientNorm,
      5,
    )
    const parameters = tf.tidy(() => tf.concat(run.model.getWeights().map((one) => one.flatten())).dataSync())
    const others = tf.tidy(() => tf.concat(alone.model.getWeights().map((one) => one.flatten())).dataSync())
    expect(Math.max(...parameters.map((value, i) => Math.abs(value - others[i]!)))).toBeLessThan(1e-4)
    expect(run.distribution).toMatchObject({ workers: 3, every: 1, rounds: 30 })
    await run.distribute(null)
    // Alone again it goes on as the other does.
    await alone.iterate(5)
    await run.iterate(5)
    expect(Math.abs(losses(run).at(-1)! - losses(alone).at(-1)!)).toBeLessThan(1e-5)
  },
)

it(
  'a worker that is killed is replaced and its part done again, in both ways',
  { timeout: 120_000 },
  async () => {
    for (const every of [1, 5]) {
      const whole = runOf('whole', 12)
      const run = runOf('killed', 12)
      const { engine, pids } = watched()
      await whole.distribute({ workers: 2, every, engine: local({ threads: 1 }) })
      await run.distribute({ workers: 2, every, engine })
      await whole.iterate(20)
      await run.iterate(10)
      const [first] = pids()
      const going = run.iterate(10)
      process.kill(first!, 'SIGKILL')
      await going
      expect(losses(run)).toEqual(losses(whole))
      expect(run.history.map(({ iteration }) => iteration)).toEqual(
        Array.from({ length: 20 }, (_, i) => i + 1),
      )
      expect(pids()[0]).not.toBe(first)
      await whole.distribute(null)
      await run.distribute(null)
    }
  },
)

it(
  'local steps learn, undo takes them back, and made again they are the same',
  { timeout: 120_000 },
  async () => {
    const run = runOf('local-steps', 12)
    await run.distribute({ workers: 2, every: 10, engine: local({ threads: 1 }) })
    await run.iterate(10)
    await run.iterate(25)
    const made = losses(run)
    expect(made).toHaveLength(35)
    expect(run.distribution).toMatchObject({ workers: 2, every: 10, rounds: 4 })
    expect(made.at(-1)!).toBeLessThan(0.7 * made[0]!)
    await run.undo()
    expect(run.iteration).toBe(10)
    await run.iterate(25)
    expect(losses(run)).toEqual(made)
    await run.distribute(null)
  },
)

it(
  'one worker whose outer step is the mean itself trains as alone, as long as its optimizer has no past',
  { timeout: 60_000 },
  async () => {
    const make = (name: string) => {
      const w = tf.variable(tf.zeros([4, 1]))
      const loss = ({ x: given, y: wanted }: { x: tf.Tensor; y: tf.Tensor }) =>
        given.matMul(w).flatten().sub(wanted.cast('float32')).square().mean() as tf.Scalar
      return train(
        { parameters: { w }, loss },
        {
          data,
          batchSize: 16,
          seed: 3,
          optimizer: sgd({ learningRate: 0.05 }),
          save: false,
          progress: false,
          name,
        },
      )
    }
    const [alone, run] = [make('sgd-alone'), make('sgd-one')]
    await run.distribute({ workers: 1, every: 7, engine: local(), outerLearningRate: 1, outerMomentum: 0 })
    await alone.iterate(20)
    await run.iterate(20)
    for (const [i, loss] of losses(run).entries()) expect(loss).toBeCloseTo(losses(alone)[i]!, 5)
    await run.distribute(null)
  },
)

it('stop ends a round, and the run stands where it stood', { timeout: 60_000 }, async () => {
  const run = runOf('stopped', 12)
  await run.distribute({ workers: 2, every: 500, engine: local({ threads: 1 }) })
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 50)
  await expect(run.iterate(500, { signal: stop.signal })).rejects.toThrow(/stopped after iteration 0/)
  expect(run.iteration).toBe(0)
  await run.iterate(4)
  const other = runOf('unstopped', 12)
  await other.distribute({ workers: 2, every: 500, engine: local({ threads: 1 }) })
  await other.iterate(4)
  expect(losses(run)).toEqual(losses(other))
  await run.distribute(null)
  await other.distribute(null)
})

it('what several cannot train is refused', async () => {
  const run = runOf('refused')
  await expect(run.distribute({ workers: 0, engine: local() })).rejects.toThrow(/workers/)
  await expect(run.distribute({ workers: 2, engine: {} as ReplicaEngine })).rejects.toThrow(/local\(\)/)
  const later = new Promise<tf.Scalar>(() => {})
  const w = tf.variable(tf.scalar(0))
  const own = train(
    {
      parameters: { w },
      loss: ({ x: given }: { x: tf.Tensor }) => (String(later) ? given.mul(w).mean() : w) as tf.Scalar,
    },
    { data, batchSize: 8, optimizer: sgd({ learningRate: 1 }), save: false, progress: false },
  )
  await expect(own.distribute({ workers: 2, engine: local() })).rejects.toThrow(/later \(a Promise\)/)
})
