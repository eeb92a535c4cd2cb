import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, it } from 'vitest'
import { loadRun, plateau, sgd, targetReached, train } from '../../../src/index.js'
import { toBundle } from '../../../src/show/index.js'
import { temporaryFolder } from '../../kit/index.js'
import { silence } from '../../kit/training.js'

beforeEach(() => void silence())

const folder = temporaryFolder()
const count = 30
const x = Float32Array.from({ length: count }, (_, i) => Math.sin(i))
const y = x.map((value) => 3 * value - 1)

/** A line whose loss is said in two parts: squares, and a penalty; and the error of each example. */
function said() {
  const w = tf.variable(tf.scalar(0.5))
  const b = tf.variable(tf.scalar(0))
  return {
    parameters: { w, b },
    loss: ({ x, y }: { x: tf.Tensor; y: tf.Tensor }) => {
      const error = x.mul(w).add(b).sub(y)
      const perExample = error.square()
      const penalty = w.square().mul(0.1)
      const squares = perExample.mean()
      return { loss: squares.add(penalty), perExample, squares, penalty, error }
    },
    predict: (x: tf.Tensor) => x.mul(w).add(b),
  }
}

const start = (more: object = {}) => {
  const settings = {
    data: { x, y },
    evaluateOn: { x, y },
    batchSize: 10,
    seed: 2,
    evaluateEvery: 5,
    save: false as const,
  }
  return train(said(), { ...settings, optimizer: sgd({ learningRate: 0.05 }), ...more })
}

for (const backend of ['cpu', 'onnxruntime'])
  describe(`what a loss of one’s own says beside the loss, on ${backend}`, () => {
    beforeEach(async () => {
      await tf.setBackend(backend)
    })

    it('is a column of the history for each scalar, and the parts add up to the loss, to 1e-6', async () => {
      const run = start()
      await run.iterate(12)
      for (const row of run.history) {
        expect(row.squares + row.penalty).toBeCloseTo(row.loss, 6)
        expect(row).not.toHaveProperty('error')
      }
      expect(run.history[0]!.penalty).toBeCloseTo(0.1 * 0.25, 6)
      await run.iterate(1, { inspect: true })
      const batch = await run.nextBatch()
      await run.apply((await run.gradients(batch)).gradients)
      tf.dispose(batch)
      expect(run.history.at(-1)!.squares).toBeGreaterThan(0)
      expect(run.history.at(-2)!.squares).toBeGreaterThan(0)
    })

    it('is in evaluations, and each example’s own in its mistake', async () => {
      const run = start()
      await run.iterate(5)
      const row = await run.evaluate()
      const [w, b] = [run.model.parameters.w, run.model.parameters.b].map((one) => one.dataSync()[0]!)
      const errors = Array.from(x, (value, i) => value * w! + b! - y[i]!)
      const squares = errors.reduce((total, error) => total + error * error, 0) / count
      expect((row as { squares?: number }).squares).toBeCloseTo(squares, 5)
      expect((row as { penalty?: number }).penalty).toBeCloseTo(0.1 * w! * w!, 6)
      const mistakes = await run.mistakes({ k: 3 })
      for (const { id, error } of mistakes.rows) expect(error).toBeCloseTo(errors[id % count]!, 5)
      expect(toBundle(mistakes)!['text/plain']).toMatch(/probability\s+error/)
    })

    it('leaves no tensor behind', async () => {
      const run = start()
      await run.iterate(6)
      const before = tf.memory().numTensors
      await run.iterate(6)
      expect(tf.memory().numTensors).toBe(before)
    })
  })

describe('what a loss of one’s own says', () => {
  beforeEach(async () => {
    await tf.setBackend('cpu')
  })

  it('can be what a rule waits for', async () => {
    const run = start()
    await run.until(targetReached('squares', 0.5), { atMost: 400 })
    expect(run.stopReason?.message).toMatch(/^squares 0\.\d+ <= 0.5/)
    await run.until(plateau({ metric: 'penalty', patience: 2 }), { atMost: 900 })
    expect(run.stopReason?.kind).toBe('plateau')
  })

  it('is on disk with the rest', async () => {
    const place = join(folder, 'said')
    const run = start()
    await run.iterate(7)
    await run.evaluate()
    const worst = await run.mistakes({ k: 2 })
    await run.save(place)
    const again = await loadRun(place, { model: said(), data: { x, y }, evaluateOn: { x, y }, save: false })
    expect(again.history.map((row) => [row.squares, row.penalty])).toEqual(
      run.history.map((row) => [row.squares, row.penalty]),
    )
    expect((await again.mistakes({ k: 2 })).rows.map(({ error }) => error)).toEqual(
      worst.rows.map(({ error }) => error),
    )
  })

  it('is refused, by its name, where it is neither a scalar nor a value of each example', async () => {
    const run = (more: object) =>
      train(
        { ...said(), loss: () => ({ loss: tf.scalar(1).mul(said().parameters.w), ...more }) },
        { data: { x, y }, optimizer: sgd({ learningRate: 1 }), batchSize: 10, save: false },
      )
    await expect(run({ kl: 3 }).iterate(1)).rejects.toThrow(/received 3 as kl/)
    await expect(run({ kl: tf.zeros([4]) }).iterate(1)).rejects.toThrow(/kl of shape \[4\] for 10 examples/)
    await expect(run({ probability: tf.zeros([10]) }).iterate(1)).rejects.toThrow(/called probability/)
    await expect(run({ learningRate: tf.scalar(4) }).iterate(1)).rejects.toThrow(/called learningRate/)
  })

  it('called as a metric is an error, and of a last batch of one example it is that example’s', async () => {
    const twice = {
      ...said(),
      loss: (batch: any) => ({ loss: said().loss(batch).loss, meanSquaredError: tf.scalar(1) }),
    }
    const settings = {
      data: { x, y },
      evaluateOn: { x, y },
      optimizer: sgd({ learningRate: 0.01 }),
      save: false as const,
    }
    await expect(train(twice, { ...settings, metrics: ['meanSquaredError'] }).evaluate()).rejects.toThrow(
      /metric of that name/,
    )
    const alone = train(said(), { ...settings, evaluationBatchSize: 29 })
    await alone.evaluate()
    const errors = (await alone.mistakes({ k: count })).rows.map(({ error }) => error as number)
    expect(errors.every((error) => Number.isFinite(error))).toBe(true)
  })

  it('that no evaluation has is an error where a rule waits for it', async () => {
    await expect(start().until(targetReached('squars', 0.5), { atMost: 20 })).rejects.toThrow(
      /'squars'.*squares/s,
    )
  })
})
