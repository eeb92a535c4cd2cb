/** Every target is looked at when it is drawn at the latest: the first 10,000 of a data set before anything is trained. */
import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, test } from 'vitest'
import { fromFunction, sgd, train } from '../../../src/index.js'
import { useSilence } from '../../kit/training.js'

useSilence()

const n = 10_001
const late = n - 1
const x = tf.zeros([n, 1])

const model = (units: number, activation?: 'softmax' | 'sigmoid') =>
  tf.sequential({
    layers: [
      tf.layers.dense({
        units,
        inputShape: [1],
        kernelInitializer: 'zeros',
        ...(activation && { activation }),
      }),
    ],
  })

const zeros = () => new Float32Array(n)
const withLast = (value: number) => {
  const y = zeros()
  y[late] = value
  return y
}
/** Rows of three, the first class of three but for the last row. */
const rows = (last: number[]) => {
  const y = new Float32Array(3 * n)
  for (let i = 0; i < n; i++) y[3 * i] = 1
  y.set(last, 3 * late)
  return tf.tensor2d(y, [n, 3])
}

interface Case {
  loss: string
  model: () => tf.LayersModel
  y: () => Float32Array | Int32Array | tf.Tensor
  says: RegExp
}
const wrong: { [what: string]: Case } = {
  'a class too many': {
    loss: 'sparseCategoricalCrossentropy',
    model: () => model(3, 'softmax'),
    y: () => Int32Array.from(withLast(3)),
    says: /the label 3 \(example 10000 of .*class indices from 0 to 2.*(exclude\(\[10000\]\)|more units)/,
  },
  'class -1': {
    loss: 'sparseCategoricalCrossentropy',
    model: () => model(3),
    y: () => tf.tensor2d(Int32Array.from(withLast(-1)), [n, 1]),
    says: /the label -1 \(example 10000/,
  },
  'half a class': {
    loss: 'sparseCategoricalCrossentropy',
    model: () => model(3),
    y: () => withLast(0.5),
    says: /the label 0\.5 \(example 10000/,
  },
  'a label that is missing': {
    loss: 'sparseCategoricalCrossentropy',
    model: () => model(3),
    y: () => withLast(NaN),
    says: /the label NaN \(example 10000/,
  },
  'two classes in a row for one': {
    loss: 'categoricalCrossentropy',
    model: () => model(3, 'softmax'),
    y: () => rows([1, 1, 0]),
    says: /a row of y that sums to 2 \(example 10000.*binaryCrossentropy/,
  },
  'no class in a row': {
    loss: 'categoricalCrossentropy',
    model: () => model(3),
    y: () => rows([0, 0, 0]),
    says: /a row of y that sums to 0 \(example 10000/,
  },
  'shares that are not shares': {
    loss: 'kullbackLeiblerDivergence',
    model: () => model(3, 'softmax'),
    y: () => rows([0.5, 0.2, 0.2]),
    says: /a row of y that sums to 0\.9 \(example 10000.*Divide each row/,
  },
  'a third class for yes or no': {
    loss: 'binaryCrossentropy',
    model: () => model(1, 'sigmoid'),
    y: () => withLast(2),
    says: /2 in y \(example 10000.*from 0 to 1/,
  },
  'yes or no that is missing': {
    loss: 'binaryCrossentropy',
    model: () => model(1, 'sigmoid'),
    y: () => withLast(NaN),
    says: /NaN in y \(example 10000/,
  },
  'less than none': {
    loss: 'poisson',
    model: () => model(1),
    y: () => withLast(-1),
    says: /-1 in y \(example 10000.*0 or more/,
  },
}

const start = (one: Case, batchSize = n) =>
  train(one.model(), {
    data: { x, y: one.y() } as { x: tf.Tensor; y: tf.Tensor },
    batchSize,
    seed: 1,
    loss: one.loss,
    optimizer: sgd({ learningRate: 1e-9 }),
  })

for (const backend of ['cpu', 'onnxruntime'])
  describe(`on the backend ${backend}, late in the data:`, () => {
    beforeEach(async () => {
      await tf.setBackend(backend)
      return async () => void (await tf.setBackend('cpu'))
    })

    test.each(Object.keys(wrong))('%s', async (what) => {
      const one = wrong[what]!
      const run = start(one)
      await expect(run.iterate(1)).rejects.toThrow(one.says)
      expect(run.iteration).toBe(0)
      await expect(run.nextBatch()).rejects.toThrow(one.says)
      // What is said to help does.
      run.exclude([late])
      await run.iterate(1)
      expect(run.iteration).toBe(1)
    })
  })

test('held-out data, and batches by hand', async () => {
  const one = wrong['a class too many']!
  const good = { x, y: new Int32Array(n) }
  const bad = { x, y: one.y() as Int32Array }
  const run = train(one.model(), {
    data: good,
    batchSize: 8,
    evaluateOn: bad,
    loss: one.loss,
    optimizer: sgd({ learningRate: 0.1 }),
  })
  await expect(run.evaluate()).rejects.toThrow(
    /run\.evaluate\(\): received the label 3 \(example 20001 of evaluateOn/,
  )
  await expect(run.evaluate(bad)).rejects.toThrow(/the label 3 \(example 10000 of evaluate/)
  const batch = await run.nextBatch()
  await expect(run.gradients({ ...batch, y: tf.fill([8], 7, 'int32') })).rejects.toThrow(
    /run\.gradients\(batch\): received the label 7/,
  )
})

test('an early one is told before anything is trained, and one made as it is drawn when it is', async () => {
  const y = new Int32Array(4)
  y[2] = 9
  const options = { loss: 'sparseCategoricalCrossentropy', optimizer: sgd({ learningRate: 0.1 }) }
  expect(() => train(model(3), { ...options, data: { x: tf.zeros([4, 1]), y } })).toThrow(
    /train\(model, \{ data \}\).*the label 9 \(example 2/,
  )
  const made = fromFunction(20_000, (i) => ({ x: [0], y: i === 15_000 ? 5 : 0 }))
  const run = train(model(3), { ...options, data: made, batchSize: 20_000 })
  await expect(run.iterate(1)).rejects.toThrow(/the label 5 \(example 15000/)
})

test('rows as people write them sum to one: three decimals, float32', async () => {
  const y = tf.tensor2d([
    [0.333, 0.333, 0.333],
    [0.1, 0.2, 0.7],
    [1 / 3, 1 / 3, 1 / 3],
  ])
  const run = train(model(3), {
    data: { x: tf.zeros([3, 1]), y },
    loss: 'categoricalCrossentropy',
    optimizer: sgd({ learningRate: 0.1 }),
  })
  await run.iterate(1)
  expect(run.iteration).toBe(1)
})
