import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { adam, cosine, digits, fromArrays, hardest, repeat, train, uniform } from '../../../src/index.js'
import { iris, names } from '../../../src/data/index.js'
import { long } from '../../kit/needs.js'
import { silence } from '../../kit/training.js'

beforeAll(() => tf.setBackend('onnxruntime'))
afterAll(() => tf.setBackend('cpu'))
beforeEach(() => void silence())

describe('known results', () => {
  test('softmax regression on iris is right on 0.93 of the flowers it has not seen, as published', async () => {
    const data = await iris({ seed: 1 })
    const rows = await repeat([1, 2, 3], async (one) => {
      const model = tf.sequential({
        layers: [tf.layers.dense({ units: 3, inputShape: [4], activation: 'softmax' })],
      })
      const run = train(model, {
        data: data.train,
        evaluateOn: data.validation,
        loss: 'sparseCategoricalCrossentropy',
        metrics: ['accuracy'],
        batchSize: 32,
        seed: one,
        optimizer: adam({ learningRate: 0.1 }),
        schedule: cosine({ over: 400 }),
      })
      await run.iterate(400)
      return run
    })
    expect(rows.find(({ metric }) => metric === 'accuracy')!.mean).toBeGreaterThanOrEqual(0.93)
  })

  test('a bigram model of names comes to the loss of counting, its exact optimum, within 1e-4', async () => {
    const list = await names()
    const counts = Array.from({ length: 27 }, () => new Float64Array(27))
    const code = (letter: string | undefined) => (letter ? letter.charCodeAt(0) - 96 : 0)
    for (const name of list.filter((one) => /^[a-z]+$/.test(one)))
      for (let i = 0; i <= name.length; i++) counts[code(name[i - 1])]![code(name[i])]!++
    // One example for each pair of letters that occurs, with its share of all pairs.
    const pairs = counts
      .flatMap((row, from) => [...row].map((count, to) => ({ from, to, count })))
      .filter(({ count }) => count > 0)
    const total = pairs.reduce((sum, { count }) => sum + count, 0)
    const optimum = -pairs.reduce((sum, { from, to, count }) => {
      const row = counts[from]!.reduce((a, b) => a + b, 0)
      return sum + (count / total) * Math.log(counts[from]![to]! / row)
    }, 0)
    const logits = tf.variable(tf.zeros([27, 27]))
    const data = fromArrays({
      x: tf.tensor2d(
        pairs.map(({ from, to }) => [from, to]),
        undefined,
        'int32',
      ),
      y: Float32Array.from(pairs, ({ count }) => (count / total) * pairs.length),
    })
    const run = train(
      {
        parameters: { logits },
        loss: ({ x, y }) => {
          const [from, to] = tf.split(x, 2, 1) as [tf.Tensor, tf.Tensor]
          const chances = tf.logSoftmax(tf.gather(logits, from.flatten().toInt()))
          const perExample = chances.mul(tf.oneHot(to.flatten().toInt(), 27).toFloat()).sum(-1).mul(y).neg()
          return { loss: perExample.mean(), perExample }
        },
      },
      {
        data,
        batchSize: pairs.length,
        seed: 1,
        optimizer: adam({ learningRate: 1 }),
        schedule: cosine({ over: 300 }),
      },
    )
    // A model that knows nothing: ln 27. Evaluations add in double precision.
    expect((await run.evaluate(data)).loss).toBeCloseTo(Math.log(27), 6)
    await run.iterate(300)
    const { loss } = await run.evaluate(data)
    expect(loss - optimum).toBeLessThan(1e-4)
    expect(loss - optimum).toBeGreaterThan(-1e-6)
  })

  test.skipIf(!long)(
    'choosing by loss against uniform: on digits, in equal iterations, twenty seeds show a gain of half a point',
    async () => {
      const data = await digits({ seed: 1, flat: true })
      const trained = (subset: () => ReturnType<typeof uniform>) =>
        repeat(
          Array.from({ length: 20 }, (_, i) => i + 1),
          async (one) => {
            const model = tf.sequential({
              layers: [
                tf.layers.dense({ units: 32, inputShape: [784], activation: 'relu' }),
                tf.layers.dense({ units: 10, activation: 'softmax' }),
              ],
            })
            const run = train(model, {
              data: data.train,
              evaluateOn: data.validation,
              loss: 'sparseCategoricalCrossentropy',
              metrics: ['accuracy'],
              batchSize: 64,
              seed: one,
              optimizer: adam({ learningRate: 1e-3 }),
              evaluateEvery: 1000,
            })
            await run.iterate(125)
            await run.rounds(4, { iterations: 125, subset: subset() })
            return run
          },
        )
      const accuracy = (rows: Awaited<ReturnType<typeof repeat>>) =>
        rows.find(({ metric }) => metric === 'accuracy')!
      const [all, hard] = [accuracy(await trained(uniform)), accuracy(await trained(() => hardest(0.5)))]
      process.stderr.write(
        `uniform ${all.mean.toFixed(4)} +- ${all.deviation.toFixed(4)}, hardest(0.5) ${hard.mean.toFixed(4)} +- ${hard.deviation.toFixed(4)}\n`,
      )
      // Two standard errors of the difference of the means.
      const error = Math.sqrt((all.deviation ** 2 + hard.deviation ** 2) / 20)
      expect(hard.mean - all.mean).toBeGreaterThan(2 * error)
      expect(hard.mean).toBeGreaterThan(0.93)
    },
    1_800_000,
  )
})
