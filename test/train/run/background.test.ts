import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, test } from 'vitest'
import { adam, linear, seed, sgd, train, type Run } from '../../../src/index.js'
import { blobs, classifier, linearModel, silence, weightsOf } from '../../kit/training.js'

let host: ReturnType<typeof silence>['host']
beforeEach(() => {
  host = silence().host
  host.breathe = () => new Promise((resolve) => setImmediate(resolve))
  seed(1)
})

function start() {
  const model = classifier()
  const run = train(model, {
    data: blobs(),
    loss: 'sparseCategoricalCrossentropy',
    batchSize: 8,
    seed: 1,
    optimizer: adam({ learningRate: 0.01 }),
  })
  return { model, run }
}

const until = async (test: () => boolean) => {
  while (!test()) await new Promise((resolve) => setTimeout(resolve, 2))
}

describe('training in the background', () => {
  test('goes on while other code runs, pauses at a whole iteration, and resumes', async () => {
    const { run } = start()
    run.start()
    expect(run.state).toBe('training')
    await until(() => run.iteration > 5)
    run.set({ learningRate: 0.005 }, { why: 'while it trains' })
    await run.pause()
    expect(run.state).toBe('paused')
    const at = run.iteration
    expect(run.history.length).toBe(at)
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(run.iteration).toBe(at)
    run.resume()
    await until(() => run.iteration > at + 5)
    expect(run.history.at(-1)!.learningRate).toBe(0.005)
    await run.stop()
    expect(run.state).toBe('idle')
  })

  test('gives the bits of iterate', async () => {
    const one = start()
    await one.run.iterate(40)
    seed(1)
    const two = start()
    two.run.start({ iterations: 40 })
    await until(() => two.run.iteration > 10)
    await two.run.pause()
    two.run.resume()
    await two.run.finished()
    expect(two.run.iteration).toBe(40)
    expect(weightsOf(two.model)).toEqual(weightsOf(one.model))
  })

  test('two runs train at once', async () => {
    const one = start().run
    const two = start().run
    one.start()
    two.start()
    await until(() => one.iteration > 3 && two.iteration > 3)
    await one.stop()
    await two.stop()
    expect(one.history.length).toBe(one.iteration)
    expect(two.history.length).toBe(two.iteration)
  })

  test('refuses a call beside it, and undo stops it first', async () => {
    const { run } = start()
    run.start()
    await until(() => run.iteration > 3)
    await expect(run.iterate(1)).rejects.toThrow('await run.pause()')
    await run.undo()
    expect(run.iteration).toBe(0)
    await run.iterate(2)
    expect(run.iteration).toBe(2)
  })

  test('Stop pauses it without an error', async () => {
    const { run } = start()
    run.start()
    await until(() => run.iteration > 3)
    host.interrupted = true
    await until(() => run.state === 'paused')
    host.interrupted = false
    run.resume()
    const at = run.iteration
    await until(() => run.iteration > at)
    await run.stop()
  })

  test('an error in it is thrown where the run is next asked for', async () => {
    const { model } = linearModel()
    const run = train(
      {
        ...model,
        loss: () => {
          throw new Error('on purpose')
        },
      },
      { data: { x: Float32Array.of(1) }, optimizer: sgd({ learningRate: 1 }) },
    )
    run.start()
    await expect(run.finished()).rejects.toThrow('on purpose')
    expect(run.state).toBe('idle')
  })
})

/** Runs the code at the end of the message. */
async function goOnAsSaid(run: Run): Promise<void> {
  const code = run.stopReason!.message.split('To go on: ')[1]!
  await new Function('run', `return (async () => { ${code} })()`)(run)
}

describe('what is not finite, and what stands out', () => {
  test('the reason names the examples, the first layer, and the two lines to go back', async () => {
    const model = tf.sequential({
      layers: [
        tf.layers.dense({ units: 3, inputShape: [1], activation: 'relu', kernelInitializer: 'ones' }),
        tf.layers.dense({ units: 1, kernelInitializer: 'ones' }),
      ],
    })
    const x = Float32Array.from([1, 2, NaN, 4])
    const run = train(model, {
      data: { x: tf.tensor2d(x, [4, 1]), y: Float32Array.from([1, 2, 3, 4]) },
      loss: 'meanSquaredError',
      batchSize: 4,
      optimizer: sgd({ learningRate: 0.001 }),
    })
    run.set({ clipNorm: 1 })
    await run.iterate(5)
    const reason = run.stopReason!
    expect(reason).toMatchObject({ kind: 'notFinite', iteration: 0 })
    expect(reason.notFinite).toMatchObject({
      iteration: 1,
      examples: [2],
      layer: 'dense_1',
      learningRate: 0.001,
    })
    expect(reason.message).toContain('run.exclude([2])')
    expect(reason.message).toContain('clipNorm after 0')
    expect(weightsOf(model)[0]).toEqual([1, 1, 1])
  })

  test('a rate that is far too high ends in a step that is not made, with undo and a lower rate', async () => {
    const { model, w } = linearModel()
    const run = train(model, {
      data: { x: Float32Array.of(1, 2), y: Float32Array.of(1, 2) },
      optimizer: sgd({ learningRate: 1e6 }),
    })
    await run.iterate(1000)
    expect(run.stopReason!.kind).toBe('notFinite')
    expect(run.stopReason!.message).toContain('run.set({ learningRate: 100000 })')
    expect(Number.isFinite(w.dataSync()[0]!)).toBe(true)
    await goOnAsSaid(run)
    expect(run.learningRate).toBe(1e5)
    run.set({ learningRate: 0.1 })
    await run.iterate(50)
    expect(run.history.at(-1)!.loss).toBeLessThan(0.1)
  })

  test('an update that a rate makes infinite is not made, though loss and gradients are finite', async () => {
    for (const backend of ['onnxruntime', 'cpu']) {
      await tf.setBackend(backend)
      const { model } = linearModel()
      const data = { x: Float32Array.of(1, 2), y: Float32Array.of(100, 200) }
      const run = train(model, { data, batchSize: 2, optimizer: sgd({ learningRate: 3e37 }) })
      await run.iterate(3)
      expect(run.stopReason).toMatchObject({ kind: 'notFinite', iteration: 0 })
      expect(run.stopReason!.message).toMatch(/an update that is not finite \(gradient norm \d/)
      expect(model.parameters.w.dataSync()[0]).toBe(0)
      const batch = await run.nextBatch()
      await expect(run.apply((await run.gradients(batch)).gradients)).rejects.toThrow('a finite update')
      await expect(run.iterate(1, { inspect: true })).rejects.toThrow('not finite')
      expect(run.iteration).toBe(0)
    }
  })

  test('a schedule that gives no rate is named, with the iteration, and nothing is changed', async () => {
    const { w, b, model } = linearModel()
    const schedule = (iteration: number) => (iteration < 3 ? 0.1 : NaN)
    const data = { x: Float32Array.of(1, 2), y: Float32Array.of(1, 2) }
    const run = train(model, { data, optimizer: sgd({ learningRate: 1 }), schedule })
    const own = train(
      {
        parameters: { b },
        optimizers: { g: sgd({ learningRate: 1 }) },
        iteration: (_, { optimizers }) => ({ loss: optimizers.g!.minimize(() => b.sub(1).square()) }),
      },
      { data, schedule },
    )
    for (const [one, variable] of [
      [run, w],
      [own, b],
    ] as const) {
      await expect(one.iterate(5)).rejects.toThrow(/schedule.*NaN for iteration 3/)
      expect(one.iteration).toBe(2)
      expect(variable.dataSync()[0]).toBeGreaterThan(0)
    }
  })

  test('what it says to go on runs as it stands: of many examples, under a schedule, with several optimizers', async () => {
    const x = Float32Array.from({ length: 40 }, (_, i) => (i % 3 ? i / 40 : NaN))
    const many = train(linearModel().model, {
      data: { x, y: x.map(() => 1) },
      batchSize: 40,
      optimizer: sgd({ learningRate: 0.1 }),
    })
    await many.iterate(3)
    await goOnAsSaid(many)
    expect(many.iteration).toBe(100)

    const scheduled = train(linearModel().model, {
      data: { x: Float32Array.of(1, 2), y: Float32Array.of(1, 2) },
      optimizer: sgd({ learningRate: 1e6 }),
      schedule: linear({ warmup: 10, over: 100 }),
    })
    await scheduled.iterate(1000)
    await goOnAsSaid(scheduled)
    expect(scheduled.adjustments.at(-1)).toMatchObject({ from: 1e6, to: 1e5 })

    const w = tf.variable(tf.scalar(1))
    const several = train(
      {
        parameters: { w },
        optimizers: { g: sgd({ learningRate: 1 }), d: sgd({ learningRate: 2 }) },
        iteration: (batch) => ({ loss: batch.iteration > 2 ? NaN : 1 }),
      },
      { data: { x: Float32Array.of(1, 2) } },
    )
    await several.iterate(9)
    expect(several.stopReason).toMatchObject({ kind: 'notFinite', iteration: 2 })
    await goOnAsSaid(several)
    expect(several.iteration).toBe(0)
    expect(several.learningRates).toEqual({ g: 0.1, d: 0.2 })
  })

  test('a loss spike is marked with the batch that caused it', async () => {
    const { model } = linearModel()
    const x = new Float32Array(100).fill(1)
    const y = Float32Array.from(x, (_, i) => (i === 70 ? 100 : 1 + 0.01 * (i % 7)))
    const run = train(model, {
      data: { x, y },
      batchSize: 1,
      seed: 4,
      optimizer: sgd({ learningRate: 0.001 }),
    })
    await run.iterate(200)
    const drawn = run.spikes.filter(({ ids }) => ids.includes(70))
    expect(drawn.length).toBeGreaterThan(0)
    expect(run.spikes.every(({ ids }) => ids.includes(70))).toBe(true)
    expect(drawn[0]!.loss).toBeGreaterThan(drawn[0]!.expected)
  })
})
