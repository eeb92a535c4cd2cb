import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { adam, Interrupted, seed, train } from '../../../src/index.js'
import { blobs, classifier, silence } from '../../kit/training.js'

let host: any
let cell: AbortController
afterAll(() => tf.setBackend('cpu'))
beforeEach(() => {
  host = silence().host
  newCell(1)
  seed(1)
})

function newCell(number: number) {
  cell = new AbortController()
  host.interrupt = cell.signal
  host.interrupted = false
  host.cell = { number, source: '' }
}

function start(more: object = {}) {
  const model = classifier({ dropout: 0.3, batchNorm: true })
  const run = train(model, {
    data: blobs(),
    evaluateOn: blobs(16),
    loss: 'sparseCategoricalCrossentropy',
    batchSize: 7,
    seed: 3,
    optimizer: adam({ learningRate: 0.02 }),
    ...more,
  })
  return { model, run }
}

/** What Stop by force does to JavaScript: nothing after this line runs, no finally either. Only a promise can show it here. */
const ended = () => new Promise<never>(() => {})

describe.each(['onnxruntime', 'cpu'])('after Stop by force, on the backend %s,', (backend) => {
  beforeEach(() => tf.setBackend(backend))

  test('a call whose cell was stopped is waited for, then the next goes on', async () => {
    const { run } = start()
    host.breathe = () => new Promise((resolve) => setTimeout(resolve, 20))
    const first = run.iterate(1_000_000)
    const stopped = expect(first).rejects.toBeInstanceOf(Interrupted)
    await expect.poll(() => run.iteration).toBeGreaterThan(3)
    cell.abort()
    newCell(2)
    const { to } = await run.iterate(3)
    await stopped
    expect(run.iteration).toBe(to)
    expect(run.history.map(({ iteration }) => iteration)).toEqual(Array.from({ length: to }, (_, i) => i + 1))
  })

  test('an own iteration that never comes back is taken back, and the run goes on', async () => {
    const w = tf.variable(tf.scalar(1))
    let hang = false
    let hangs = () => {}
    const hanging = new Promise<void>((resolve) => (hangs = resolve))
    const run = train(
      {
        parameters: { w },
        optimizers: { w: adam({ learningRate: 0.1 }) },
        iteration: async (_, { optimizers }) => {
          const loss = optimizers.w!.minimize(() => w.square())
          if (hang) await (hangs(), ended())
          return { loss }
        },
      },
      { data: { x: Float32Array.of(1) } },
    )
    await run.iterate(2)
    const before = w.dataSync()[0]
    hang = true
    void run.iterate(1)
    await hanging
    cell.abort()
    newCell(2)
    hang = false
    await run.iterate(1)
    expect(run.iteration).toBe(3)
    expect(w.dataSync()[0]).toBeLessThan(before!)
    expect(w.dataSync()[0]).toBeGreaterThan(before! - 0.11)
  })
})
