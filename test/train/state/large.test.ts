import * as tf from '@tensorflow/tfjs'
import { describe, expect, test } from 'vitest'
import { adam, train, type Run } from '../../../src/index.js'
import { toBundle } from '../../../src/show/values/values.js'
import { coreOf } from '../../../src/train/run/run.js'
import { long } from '../../kit/needs.js'
import { blobs, classifier, useSilence } from '../../kit/training.js'

useSilence()

const start = () =>
  train(classifier({ dropout: 0.3 }), {
    data: blobs(),
    loss: 'sparseCategoricalCrossentropy',
    batchSize: 8,
    seed: 1,
    optimizer: adam({ learningRate: 0.01 }),
    save: false,
  }) as Run

describe('a long run', () => {
  test('of a million iterations is shown in less than 1 MB, none of its spikes lost', () => {
    const run = start()
    const core = coreOf(run)!
    for (let iteration = 1; iteration <= 1e6; iteration++)
      core.state.history.append({
        iteration,
        loss: 1 / iteration + Math.abs(Math.sin(iteration)) * 0.1 + (iteration === 500_000 ? 7 : 0),
        learningRate: 0.01,
        gradientNorm: 1,
        milliseconds: 1,
      })
    core.state.iteration = 1e6
    const shown = JSON.stringify(toBundle(run.view()))
    expect(shown.length).toBeLessThan(1e6)
    // One iteration of a million stands out, and is drawn.
    expect(shown).toContain('"y":7.')
  })

  test.runIf(long).each(['cpu', 'onnxruntime'])(
    'of 10,000 iterations on %s with an undo every 100 leaves tensors and memory as they were',
    async (backend) => {
      await tf.setBackend(backend)
      const run = start()
      run.set({ accumulate: 2, ema: 0.99 })
      const round = async () => {
        await run.iterate(100)
        await run.undo()
      }
      for (let i = 0; i < 20; i++) await round()
      const tensors = tf.memory().numTensors
      const resident: number[] = []
      for (let i = 0; i < 100; i++) {
        await round()
        if (i % 10 === 9) {
          globalThis.gc?.()
          resident.push(process.memoryUsage().rss)
        }
      }
      expect(tf.memory().numTensors).toBe(tensors)
      expect(run.iteration).toBe(0)
      // What the collector has not taken yet comes and goes: the least of the last half against the least of the first.
      const [first, last] = [Math.min(...resident.slice(0, 5)), Math.min(...resident.slice(5))]
      process.stderr.write(
        `${backend}: resident ${(first / 2 ** 20).toFixed(0)} to ${(last / 2 ** 20).toFixed(0)} MB\n`,
      )
      expect(last / first).toBeLessThan(1.1)
    },
    300_000,
  )
})
