import { readFileSync } from 'node:fs'
import * as tf from '@tensorflow/tfjs'
import { describe, expect, test } from 'vitest'
import {
  compare,
  cosine,
  hardest,
  linear,
  oneCycle,
  piecewise,
  rates,
  repeat,
  seed,
  sgd,
  train,
  warmUp,
  where,
} from '../../../src/index.js'
import { checksum } from '../../../src/store/tfevents.js'
import { blobs, classifier, line, linearModel, usual, weightsOf, useSilence } from '../../kit/training.js'
import { temporaryFolder } from '../../kit/files.js'

useSilence()

function start(more: object = {}, model: tf.LayersModel = classifier()) {
  return { model, run: train(model, { ...usual(), ...more }) }
}

describe('schedules', () => {
  const at = (schedule: any, iteration: number) => schedule.rate(iteration, 1)
  test('cosine warms up, peaks, falls to its end, and stays there', () => {
    const schedule = cosine({ warmup: 10, over: 110, to: 0.1 })
    expect([1, 5, 10].map((i) => at(schedule, i))).toEqual([0.1, 0.5, 1])
    expect(at(schedule, 60)).toBeCloseTo(0.55, 12)
    expect(at(schedule, 110)).toBeCloseTo(0.1, 12)
    expect(at(schedule, 5000)).toBeCloseTo(0.1, 12)
  })
  test('linear, steps, one cycle and a warm-up before another', () => {
    expect(at(linear({ over: 10, to: 0 }), 5)).toBeCloseTo(0.5, 12)
    expect(
      [9, 10, 20].map((i) =>
        at(
          piecewise([
            { from: 10, times: 0.1 },
            { from: 20, times: 0.01 },
          ]),
          i,
        ),
      ),
    ).toEqual([1, 0.1, 0.01])
    const cycle = oneCycle({ over: 100 })
    expect(at(cycle, 1)).toBeCloseTo(1 / 25, 12)
    expect(at(cycle, 30)).toBeCloseTo(1, 12)
    expect(at(cycle, 100)).toBeCloseTo(1 / 25 / 1e4, 12)
    const warm = warmUp({ over: 10, before: linear({ over: 10 }) })
    expect([5, 15, 20].map((i) => at(warm, i))).toEqual([0.5, 0.5, 0])
    expect(rates(cycle, { peak: 2, over: 30 }).at(-1)).toEqual({ iteration: 30, learningRate: 2 })
  })
  test('refuses what does not fit', () => {
    expect(() => cosine({ over: 10, warmup: 20 })).toThrow('more iterations than the warm-up')
    expect(() => cosine({ over: 10, too: 1 } as any)).toThrow("'too'")
  })
})

describe('before and after training', () => {
  test('check looks at a copy: the first loss, gradients, dead units, a batch by heart', async () => {
    const { model, run } = start()
    const before = weightsOf(model)
    const tensors = tf.memory().numTensors
    const rows = await run.check()
    expect(rows.map(({ check }) => check)).toEqual([
      'inputs',
      'classes that occur',
      'first loss',
      'parameters that get a gradient',
      'largest to smallest gradient (root mean square)',
      'units of dense_1',
      'memory',
      'loss on 8 examples after 100 iterations',
    ])
    expect(rows.at(-1)!.ok).toBe(true)
    expect(weightsOf(model)).toEqual(before)
    expect(run.iteration).toBe(0)
    expect(tf.memory().numTensors).toBe(tensors)
  })

  test('check tells inputs that were not scaled, and labels that count from 1', async () => {
    const { x, y } = blobs()
    const model = tf.sequential({
      layers: [tf.layers.dense({ units: 3, inputShape: [2], activation: 'softmax' })],
    })
    const data = { x: x.mul(255), y: y.map((label) => label + 1) }
    const { run } = start({ data, evaluateOn: undefined }, model)
    const rows = await run.check()
    expect(rows.find(({ check }) => check === 'inputs')!.ok).toBe(false)
    const classes = rows.find(({ check }) => check === 'classes that occur')!
    expect(classes).toMatchObject({ ok: false, value: '2 of 3, not 0' })
  })

  test('check tells a gradient that vanishes from one of a parameter that the loss does not change with', async () => {
    const { x, y } = blobs()
    const w = tf.variable(tf.randomNormal([2, 2], 0, 0.5, 'float32', 4))
    const keys = tf.variable(tf.scalar(0.3))
    const scores = (x: tf.Tensor) => x.matMul(w) as tf.Tensor2D
    const lossOf = (logits: tf.Tensor2D, y: tf.Tensor) =>
      tf.losses.softmaxCrossEntropy(tf.oneHot(y.toInt().flatten(), 2), logits)
    const rowOf = async (
      parameters: { [name: string]: tf.Variable },
      logits: (x: tf.Tensor) => tf.Tensor2D,
    ) => {
      const run = train(
        { parameters, loss: (batch) => lossOf(logits(batch.x), batch.y) },
        { data: { x, y }, optimizer: sgd({ learningRate: 0.1 }), batchSize: 37 },
      )
      return (await run.check()).find(({ check }) => check.startsWith('largest to smallest'))!
    }
    // Added to every score it is taken out again by the softmax; what is left of its gradient is rounding.
    const shifted = await rowOf({ w, keys }, (x) => scores(x).add(keys.mul(1.7)) as tf.Tensor2D)
    expect(shifted.ok).toBe(true)
    expect(shifted.value).toContain('keys, which the loss does not change with')
    const weak = tf.variable(tf.scalar(0.3))
    const moves = await rowOf({ w, weak }, (x) => scores(x).mul(weak.mul(1e-3).add(1)) as tf.Tensor2D)
    expect(moves).toMatchObject({ ok: false, value: expect.not.stringContaining('without') })
    const first = tf.variable(tf.randomNormal([2, 2], 0, 0.5, 'float32', 5))
    const deep = (x: tf.Tensor) => {
      let value = x.matMul(first)
      for (let i = 0; i < 5; i++) value = value.mul(0.1).tanh()
      return scores(value.add(1))
    }
    const vanishing = await rowOf({ w, first }, deep)
    expect(vanishing).toMatchObject({ ok: false, value: expect.not.stringContaining('without') })
  })

  test('check tells a model that learns nothing', async () => {
    const { w, model } = linearModel()
    const run = train(
      { ...model, loss: (batch) => ({ loss: batch.y.sub(w.mul(0)).square().mean() }) },
      { data: line(), optimizer: sgd({ learningRate: 0.1 }) },
    )
    expect((await run.check()).at(-1)!.ok).toBe(false)
  })

  test('the suggested rate trains, and lies between useless and divergent', async () => {
    const { run } = start()
    const { suggested, rows } = await run.findLearningRate({ from: 1e-5, to: 10, iterations: 60 })
    expect(rows.length).toBeGreaterThan(20)
    expect(suggested).toBeGreaterThan(1e-4)
    expect(suggested).toBeLessThan(1)
    expect(run.iteration).toBe(0)
  })

  test('the noise of small batches is not taken for the steepest fall', async () => {
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const { run } = start({ batchSize: 2, seed })
      const { suggested } = await run.findLearningRate()
      expect(suggested).toBeGreaterThan(1e-3)
      expect(suggested).toBeLessThan(1)
    }
  })

  test('repeat gives mean, deviation and interval over seeds', async () => {
    const rows = await repeat([1, 2, 3], async (one) => {
      const { run } = start({ seed: one })
      await run.iterate(30)
      return run
    })
    const accuracy = rows.find(({ metric }) => metric === 'accuracy')!
    expect(accuracy.values).toHaveLength(3)
    expect(accuracy.mean).toBeCloseTo(accuracy.values.reduce((a, b) => a + b) / 3, 12)
    const loss = rows.find(({ metric }) => metric === 'loss')!
    expect(loss.deviation).toBeGreaterThan(0)
    // Student's t with 2 degrees of freedom (scipy.stats.t.ppf(0.975, 2)).
    expect(loss.to - loss.mean).toBeCloseTo((4.302652729911275 * loss.deviation) / Math.sqrt(3), 8)
  })

  test('replay makes the adjustments of another run at their iterations', async () => {
    const one = start()
    await one.run.iterate(5)
    one.run.set({ learningRate: 0.001 }, { why: 'slower' })
    one.run.exclude([3])
    await one.run.iterate(5)
    one.run.set({ schedule: cosine({ over: 50 }) })
    await one.run.iterate(5)
    seed(1)
    const two = start()
    two.run.replay(one.run.adjustments)
    await two.run.iterate(15)
    expect(weightsOf(two.model)).toEqual(weightsOf(one.model))
    expect(two.run.adjustments).toEqual(one.run.adjustments)
  })

  test('runs of one name are told apart where they are compared', async () => {
    const [one, two] = [start(), start()]
    await one.run.iterate(3)
    await two.run.iterate(3)
    const { runs, charts } = compare(one.run, two.run, one.run)
    expect(runs).toEqual(['run', 'run (2)', 'run (3)'])
    expect(charts!.map(({ name }) => name)).toEqual(runs)
  })

  test('replay makes also what draws from a subset, freezes by name, or changes the optimizer', async () => {
    const one = start()
    await one.run.iterate(3)
    await one.run.focus(hardest(0.5))
    await one.run.iterate(4)
    one.run.set({ freeze: ['dense_1/bias'], optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }) })
    await one.run.iterate(3)
    await one.run.focus([1, 2, 3, 4])
    expect(one.run.adjustments.at(-1)!.to).toMatchObject({ subset: '4 examples', ids: [1, 2, 3, 4] })
    await one.run.iterate(1)
    await one.run.focus(null)
    await one.run.iterate(4)
    seed(1)
    const two = start()
    two.run.replay(one.run.adjustments)
    await two.run.iterate(11)
    const batch = await two.run.nextBatch()
    await two.run.apply((await two.run.gradients(batch)).gradients)
    await two.run.iterate(3)
    expect(weightsOf(two.model)).toEqual(weightsOf(one.model))
    expect(two.run.adjustments).toEqual(one.run.adjustments)
  })

  test('an adjustment that cannot be made again is refused before the run trains', async () => {
    const one = start()
    await one.run.focus(where(() => true))
    one.run.set({ schedule: (iteration) => 1 / iteration })
    const [focused, scheduled] = one.run.adjustments
    const { run } = start()
    expect(() => run.replay([scheduled!])).toThrow('a schedule that is a function of your own')
    run.replay([focused!])
    expect(() => run.replay([{ ...focused!, to: { subset: 'where(…)', ids: '2000 examples' } }])).toThrow(
      'too many to be written out',
    )
  })

  test('the history goes out as CSV and as TensorBoard events with sound checksums', async () => {
    // RFC 3720, B.4: 32 bytes of zeros.
    expect(checksum(new Uint8Array(32))).toBe(0x8a9136aa)
    process.chdir(temporaryFolder())
    const { run } = start({ evaluateEvery: 5 })
    await run.iterate(10)
    const lines = readFileSync(await run.exportCsv('out/history.csv'), 'utf8')
      .trim()
      .split('\n')
    expect(lines).toHaveLength(11)
    expect(lines[0]).toBe(
      'iteration,loss,learningRate,gradientNorm,milliseconds,evaluation_loss,evaluation_accuracy',
    )
    expect(lines[5]!.split(',').at(-1)).toBe(String(run.evaluations[0]!.accuracy))
    const bytes = readFileSync(await run.exportTensorBoard('out/board'))
    let at = 0
    let records = 0
    while (at < bytes.length) {
      const length = bytes.readUInt32LE(at)
      const masked = bytes.readUInt32LE(at + 12 + length)
      const value = (masked - 0xa282ead8) >>> 0
      expect(((value >>> 17) | (value << 15)) >>> 0).toBe(checksum(bytes.subarray(at + 12, at + 12 + length)))
      at += 16 + length
      records++
    }
    // The version, four columns of ten iterations, two metrics of two evaluations.
    expect(records).toBe(1 + 40 + 4)
  })
})
