import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adam, digits, fromArrays, sgd, train } from '../../../src/index.js'
import { silence } from '../../kit/training.js'
import { backendStatistics } from '../../../src/backend/index.js'
import type { Run } from '../../../src/train/run/run.js'

beforeAll(() => void silence())
afterAll(() => tf.setBackend('cpu'))

function createModel() {
  const { dense, dropout, batchNormalization } = tf.layers
  const weights = (seed: number) => tf.initializers.glorotUniform({ seed })
  return tf.sequential({
    layers: [
      dense({ inputShape: [784], units: 16, activation: 'relu', kernelInitializer: weights(1) }),
      dropout({ rate: 0.2 }),
      batchNormalization(),
      dense({ units: 10, activation: 'softmax', kernelInitializer: weights(2) }),
    ],
  })
}

async function createRun(backend: string, more: object = {}): Promise<Run> {
  await tf.setBackend(backend)
  const data = await digits({ seed: 1, flat: true })
  return train(createModel(), {
    data: data.train,
    batchSize: 32,
    seed: 1,
    loss: 'sparseCategoricalCrossentropy',
    optimizer: adam({ learningRate: 1e-2 }),
    clipNorm: 1,
    ...more,
  }) as Run
}

const lossesOf = (run: Run) => run.history.map(({ loss }) => loss)

describe('a compiled run', () => {
  it('gives the numbers of the cpu backend, dropout and moving averages included', async () => {
    const expected = await createRun('cpu')
    await expected.iterate(20)
    const received = await createRun('onnxruntime')
    backendStatistics()
    await received.iterate(20)
    expect(backendStatistics().flushes).toBeLessThan(25) // one graph an iteration, and what the start takes
    for (const [at, { loss, gradientNorm }] of [...expected.history].entries()) {
      const row = received.history[at]!
      // Adam turns roundings of the gradient into steps; over 20 iterations they stay below this.
      expect(Math.abs(row.loss / loss - 1), `loss ${at}`).toBeLessThan(1e-5)
      expect(Math.abs(row.gradientNorm / gradientNorm - 1), `norm ${at}`).toBeLessThan(1e-4)
    }
  })

  it('repeats the same bits after undo', async () => {
    const run = await createRun('onnxruntime')
    await run.iterate(10)
    await run.iterate(10)
    const first = lossesOf(run)
    await run.undo()
    await run.iterate(10)
    expect(lossesOf(run)).toEqual(first)
  })

  it('goes on after it went back to where its optimizer had no state yet, and forth', async () => {
    const other = await createRun('onnxruntime', { accumulate: 2, ema: 0.9 })
    await other.iterate(20)
    const run = await createRun('onnxruntime', {})
    run.set({ accumulate: 2, ema: 0.9 })
    await run.iterate(10)
    await run.undo()
    await run.undo()
    await run.redo()
    await run.redo()
    await run.iterate(10)
    expect(lossesOf(run)).toEqual(lossesOf(other))
  })

  it('changes nothing in an iteration that is not finite', async () => {
    await tf.setBackend('onnxruntime')
    const x = new Float32Array([1, 2, 3, NaN])
    const w = tf.variable(tf.scalar(1))
    const run = train(
      { parameters: { w }, loss: (batch: { x: tf.Tensor }) => batch.x.mul(w).mean() as tf.Scalar },
      { data: fromArrays({ x, y: x }), batchSize: 4, optimizer: sgd({ learningRate: 0.1 }) },
    )
    await run.iterate(3)
    expect(run.stopReason?.kind).toBe('notFinite')
    expect(run.iteration).toBe(0)
    expect(w.dataSync()[0]).toBe(1)
    w.dispose()
  })

  it('sees what a cell has changed around a loss of one’s own', async () => {
    await tf.setBackend('onnxruntime')
    const x = new Float32Array([1, 1])
    const w = tf.variable(tf.scalar(0))
    let target = 1
    const run = train(
      {
        parameters: { w },
        loss: (batch: { x: tf.Tensor }) => batch.x.mul(w).sub(target).square().mean() as tf.Scalar,
      },
      { data: fromArrays({ x, y: x }), batchSize: 2, optimizer: sgd({ learningRate: 0.25 }) },
    )
    await run.iterate(30)
    expect(w.dataSync()[0]).toBeCloseTo(1, 5)
    target = 5
    await run.iterate(30)
    expect(w.dataSync()[0]).toBeCloseTo(5, 5)
    w.dispose()
  })

  it('goes on kernel by kernel where a loss cannot be recorded', async () => {
    await tf.setBackend('onnxruntime')
    const x = new Float32Array([1, 1])
    const w = tf.variable(tf.scalar(0))
    const seen: number[] = []
    const run = train(
      {
        parameters: { w },
        loss: (batch: { x: tf.Tensor }) => {
          const loss = batch.x.mul(w).sub(1).square().mean() as tf.Scalar
          seen.push(loss.dataSync()[0]!)
          return loss
        },
      },
      { data: fromArrays({ x, y: x }), batchSize: 2, optimizer: sgd({ learningRate: 0.25 }) },
    )
    await run.iterate(3)
    expect(seen.slice(-3)).toEqual([1, 0.25, 0.0625])
    w.dispose()
  })

  it('takes frozen parameters and weights of examples', async () => {
    const { ids } = (await digits({ seed: 1, flat: true })).train
    const results: number[][] = []
    for (const backend of ['cpu', 'onnxruntime']) {
      const run = await createRun(backend)
      run.reweight(
        Array.from({ length: 4000 }, (_, at) => ids[at]!),
        3,
      )
      await run.iterate(3)
      run.set({ freeze: /kernel/ })
      await run.iterate(3)
      results.push(lossesOf(run))
    }
    // The first steps of Adam are the signs of gradients, of which some are roundings.
    for (const [at, loss] of results[0]!.entries())
      expect(Math.abs(results[1]![at]! / loss - 1)).toBeLessThan(5e-5)
  })
})
