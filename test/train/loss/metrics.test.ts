/**
 * Metrics on every combination of loss, outputs and y that is accepted, and what is refused. The right values are Keras's: its
 * documented definitions, computed with numpy in double precision from these numbers; of several labels an example with
 * binaryCrossentropy, where 'accuracy' is the share of right entries (keras-team/keras#2522), as in tfjs.
 */
import * as tf from '@tensorflow/tfjs'
import { describe, expect, test } from 'vitest'
import { sgd, train, type LossFunction } from '../../../src/index.js'
import { metrics } from '../../../src/train/loss/metrics.js'
import { useSilence } from '../../kit/training.js'

useSilence()

/** The outputs of the model, before its activation, of 7 examples. */
const z = [
  [0.0, 0.6, -0.55, -1.78, -0.91, -1.98],
  [0.12, 2.68, -0.98, -1.24, 0.98, 0.71],
  [0.21, -1.86, -0.06, 1.39, -2.69, -0.92],
  [-3.8, -2.58, -3.68, -0.47, -2.53, 0.54],
  [0.31, -0.37, -5.03, -1.08, -0.1, 0.23],
  [-3.06, -0.96, -1.96, -1.62, 2.12, -1.62],
  [-0.07, 1.77, -1.17, -0.22, 0.22, 0.13],
]
const cls = [3, 0, 5, 2, 1, 4, 4]
const multi = [
  [0, 0, 0, 1, 0, 0],
  [0, 1, 0, 1, 1, 1],
  [1, 0, 1, 0, 0, 0],
  [0, 0, 1, 0, 1, 0],
  [1, 0, 1, 0, 1, 0],
  [0, 1, 0, 0, 0, 0],
  [1, 1, 0, 0, 1, 0],
]
const yes = [1, 0, 0, 1, 1, 0, 1]
const soft = [
  [0.087, 0.516, 0.147, 0.171, 0.076, 0.003],
  [0.498, 0.043, 0.191, 0.014, 0.253, 0.001],
  [0.141, 0.015, 0.031, 0.263, 0.438, 0.112],
  [0.196, 0.146, 0.064, 0.3, 0.248, 0.046],
  [0.085, 0.137, 0.137, 0.01, 0.63, 0.001],
  [0.348, 0.318, 0.07, 0.168, 0.092, 0.004],
  [0.102, 0.15, 0.144, 0.559, 0.021, 0.024],
]
const values = [
  [-4.26, 1.69, -3.49, 1.51, -1.69, 1.56],
  [0.26, -3.07, 2.5, 2.88, -0.13, -0.55],
  [-0.32, -1.95, 2.2, -1.09, -0.1, -1.59],
  [-1.25, -2.56, 2.51, -0.31, 1.93, 0.03],
  [-1.39, -0.65, -1.12, 0.02, -0.75, -0.6],
  [-2.76, -1.61, 3.31, -1.34, -2.11, 0.67],
  [2.81, -2.91, -0.42, -1.26, -3.52, 1.47],
]
const hot = cls.map((one) => z[0]!.map((_, i) => Number(i === one)))
const column = (rows: number[][]) => rows.map((row) => [row[0]!])

const right = {
  sparse: {
    accuracy: 0.14285714285714285,
    top3: 0.2857142857142857,
    top5: 1.0,
    perplexity: 12.506539178182432,
  },
  hot: {
    accuracy: 0.14285714285714285,
    top3: 0.2857142857142857,
    mse: 0.17760336117426773,
    mae: 0.26993649641841505,
    rmse: 0.4214301379520308,
  },
  soft: {
    accuracy: 0.14285714285714285,
    top3: 0.42857142857142855,
    mse: 0.07520203426832735,
    mae: 0.19327065122307635,
  },
  multi: {
    accuracy: 0.6190476190476191,
    mse: 0.2558620037910606,
    mae: 0.4256137312794513,
  },
  yes: {
    accuracy: 0.2857142857142857,
    mse: 0.32020757851630016,
    mae: 0.5065408557124138,
  },
  'hot by sigmoid, squares': {
    accuracy: 0.14285714285714285,
  },
  places: {
    accuracy: 0.5238095238095238,
  },
  'places hot': {
    accuracy: 0.5238095238095238,
    mse: 0.36945737162446995,
  },
  'places yes': {
    accuracy: 0.6190476190476191,
  },
  numbers: {
    mse: 7.6269785714285705,
    mae: 2.1473809523809524,
    rmse: 2.761698493939657,
  },
  number: {
    mse: 5.174999999999999,
    mae: 1.7657142857142856,
    rmse: 2.274862633215465,
  },
}

type Name = 'accuracy' | 'top3' | 'top5' | 'mse' | 'mae' | 'rmse' | 'perplexity'
const names: { [name in Name]: string } = {
  accuracy: 'accuracy',
  top3: 'top3Accuracy',
  top5: 'top5Accuracy',
  mse: 'meanSquaredError',
  mae: 'meanAbsoluteError',
  rmse: 'rootMeanSquaredError',
  perplexity: 'perplexity',
}

type Ends = 'linear' | 'softmax' | 'sigmoid' | 'none'
type Shape = number[]
/** Gives `z` in this shape, ending as said. */
function model(ends: Ends, shape: Shape, from = 6) {
  const layers: tf.layers.Layer[] = [
    tf.layers.dense({ units: from, inputShape: [from], kernelInitializer: 'identity', useBias: false }),
  ]
  if (shape.length !== 1) layers.push(tf.layers.reshape({ targetShape: shape }))
  if (ends !== 'none') layers.push(tf.layers.activation({ activation: ends }))
  return tf.sequential({ layers })
}

const asTensor = (rows: unknown, shape: Shape, dtype: 'int32' | 'float32' = 'float32') =>
  tf.tensor((rows as number[]).flat(Infinity) as number[], [7, ...shape], dtype)

interface Case {
  ends: Ends
  shape: Shape
  loss: string | LossFunction
  y: tf.Tensor | Int32Array | Float32Array
  right: { readonly [name in Name]?: number }
  x?: number[][]
}
const ownCross: LossFunction = (y, p) =>
  tf.losses.softmaxCrossEntropy(y, p, undefined, undefined, tf.Reduction.NONE)
const ownSquares: LossFunction = (y, p) => p.sub(y).square()
const ownSparse: LossFunction = (y, p) => tf.losses.softmaxCrossEntropy(tf.oneHot(y.toInt().flatten(), 6), p)

const accepted: { [title: string]: Case } = {
  'class indices, softmax': {
    ends: 'softmax',
    shape: [6],
    loss: 'sparseCategoricalCrossentropy',
    y: Int32Array.from(cls),
    right: right.sparse,
  },
  'class indices [n, 1], softmax': {
    ends: 'softmax',
    shape: [6],
    loss: 'sparseCategoricalCrossentropy',
    y: asTensor(cls, [1], 'int32'),
    right: right.sparse,
  },
  'class indices as floats, logits': {
    ends: 'linear',
    shape: [6],
    loss: 'sparseCategoricalCrossentropy',
    y: Float32Array.from(cls),
    right: right.sparse,
  },
  'one-hot rows, softmax': {
    ends: 'softmax',
    shape: [6],
    loss: 'categoricalCrossentropy',
    y: asTensor(hot, [6]),
    right: right.hot,
  },
  'one-hot rows of whole numbers, logits': {
    ends: 'linear',
    shape: [6],
    loss: 'categoricalCrossentropy',
    y: asTensor(hot, [6], 'int32'),
    right: right.hot,
  },
  'one-hot rows, divergence': {
    ends: 'softmax',
    shape: [6],
    loss: 'kullbackLeiblerDivergence',
    y: asTensor(hot, [6]),
    right: right.hot,
  },
  'shares of classes': {
    ends: 'softmax',
    shape: [6],
    loss: 'categoricalCrossentropy',
    y: asTensor(soft, [6]),
    right: right.soft,
  },
  'one-hot rows, squares of a softmax': {
    ends: 'softmax',
    shape: [6],
    loss: 'meanSquaredError',
    y: asTensor(hot, [6]),
    right: right.hot,
  },
  'one-hot rows, squares of sigmoids': {
    ends: 'sigmoid',
    shape: [6],
    loss: 'meanSquaredError',
    y: asTensor(hot, [6]),
    right: right['hot by sigmoid, squares'],
  },
  'several labels, sigmoid': {
    ends: 'sigmoid',
    shape: [6],
    loss: 'binaryCrossentropy',
    y: asTensor(multi, [6]),
    right: right.multi,
  },
  'several labels of whole numbers, logits': {
    ends: 'linear',
    shape: [6],
    loss: 'binaryCrossentropy',
    y: asTensor(multi, [6], 'int32'),
    right: right.multi,
  },
  'yes or no, sigmoid': {
    ends: 'sigmoid',
    shape: [1],
    loss: 'binaryCrossentropy',
    y: Int32Array.from(yes),
    right: right.yes,
    x: column(z),
  },
  'yes or no [n, 1], logits': {
    ends: 'linear',
    shape: [1],
    loss: 'binaryCrossentropy',
    y: asTensor(yes, [1]),
    right: right.yes,
    x: column(z),
  },
  'yes or no, squares of a sigmoid': {
    ends: 'sigmoid',
    shape: [1],
    loss: 'meanSquaredError',
    y: Float32Array.from(yes),
    right: right.yes,
    x: column(z),
  },
  'class indices at places': {
    ends: 'softmax',
    shape: [3, 2],
    loss: 'sparseCategoricalCrossentropy',
    y: asTensor(
      multi.map((row) => row.slice(0, 3)),
      [3],
      'int32',
    ),
    right: right.places,
  },
  'one-hot rows at places': {
    ends: 'softmax',
    shape: [3, 2],
    loss: 'categoricalCrossentropy',
    y: asTensor(
      multi.map((row) => row.slice(0, 3).map((one) => [1 - one, one])),
      [3, 2],
    ),
    right: right['places hot'],
  },
  'yes or no at places': {
    ends: 'sigmoid',
    shape: [6, 1],
    loss: 'binaryCrossentropy',
    y: asTensor(multi, [6, 1]),
    right: right['places yes'],
  },
  'yes or no at places, y [n, places]': {
    ends: 'sigmoid',
    shape: [6, 1],
    loss: 'binaryCrossentropy',
    y: asTensor(multi, [6]),
    right: right['places yes'],
  },
  'several numbers': {
    ends: 'none',
    shape: [6],
    loss: 'huber',
    y: asTensor(values, [6]),
    right: right.numbers,
  },
  'a number': {
    ends: 'none',
    shape: [1],
    loss: 'meanAbsoluteError',
    y: Float32Array.from(column(values).flat()),
    right: right.number,
    x: column(z),
  },
  'a number [n, 1], a loss of one’s own': {
    ends: 'none',
    shape: [1],
    loss: ownSquares,
    y: asTensor(column(values), [1]),
    right: right.number,
    x: column(z),
  },
  'one-hot rows, a loss of one’s own over logits': {
    ends: 'none',
    shape: [6],
    loss: ownCross,
    y: asTensor(hot, [6]),
    right: { accuracy: right.hot.accuracy, top3: right.hot.top3 },
  },
  'class indices, a loss of one’s own over logits': {
    ends: 'none',
    shape: [6],
    loss: ownSparse,
    y: Int32Array.from(cls),
    right: { accuracy: right.sparse.accuracy, top5: right.sparse.top5 },
  },
  'several labels, a loss of one’s own over sigmoids': {
    ends: 'sigmoid',
    shape: [6],
    loss: ownSquares,
    y: asTensor(multi, [6]),
    right: right.multi,
  },
}

const start = ({ ends, shape, loss, y, x = z }: Omit<Case, 'right'>, metrics: string[], batch = 3) => {
  const data = { x: tf.tensor2d(x), y } as { x: tf.Tensor; y: tf.Tensor }
  return train(model(ends, shape, x[0]!.length), {
    data,
    evaluateOn: data,
    loss,
    metrics,
    seed: 1,
    optimizer: sgd({ learningRate: 0.1 }),
    evaluationBatchSize: batch,
  })
}

describe('as Keras has them:', () => {
  test.each(Object.keys(accepted))('%s', async (title) => {
    const one = accepted[title]!
    const asked = Object.keys(one.right) as Name[]
    const row = await start(
      one,
      asked.map((name) => names[name]),
    ).evaluate()
    for (const name of asked)
      expect([name, row[names[name]]]).toEqual([name, expect.closeTo(one.right[name]!, 5)])
  })

  test('ties with the right class do not push it out of the top, and NaN is in none', () => {
    const rows = Array.from({ length: 7 }, (_, i) => (i < 4 ? [2, 2, 2, 2, 2, 2] : [NaN, 1, 1, 1, 1, 1]))
    const losses = tf.zeros([7]) as tf.Tensor1D
    const within = metrics
      .get('top3Accuracy')!
      .perExample(tf.tensor1d([0, 1, 2, 3, 0, 0, 0], 'int32'), tf.tensor2d(rows), losses)
    expect([...within.dataSync()]).toEqual([1, 1, 1, 1, 0, 0, 0])
  })
})

/** What would be a number without a meaning: the metric, what it is asked of, and what the message says. */
const refused: { [title: string]: [Name, Omit<Case, 'right'>, RegExp] } = {
  'accuracy of a number': [
    'accuracy',
    { ends: 'none', shape: [1], loss: 'meanSquaredError', y: Float32Array.from(yes), x: column(z) },
    /'accuracy' for predictions of numbers \(loss meanSquaredError\).*'meanAbsoluteError'/,
  ],
  'accuracy of several numbers': [
    'accuracy',
    { ends: 'linear', shape: [6], loss: 'huber', y: asTensor(values, [6]) },
    /predictions of numbers/,
  ],
  'accuracy of numbers from a sigmoid': [
    'accuracy',
    {
      ends: 'sigmoid',
      shape: [6],
      loss: 'meanSquaredError',
      y: asTensor(
        z.map((row) => row.map((one) => Math.abs(one) / 6)),
        [6],
      ),
    },
    /predictions of numbers/,
  ],
  'accuracy of counts': [
    'accuracy',
    { ends: 'none', shape: [1], loss: 'poisson', y: Float32Array.from(yes), x: column(z) },
    /predictions of numbers/,
  ],
  'accuracy of a hinge': [
    'accuracy',
    { ends: 'none', shape: [1], loss: 'hinge', y: Float32Array.from(yes), x: column(z) },
    /decides at 0.*p\.greater\(0\)/,
  ],
  'accuracy of a loss of one’s own over a number': [
    'accuracy',
    { ends: 'none', shape: [1], loss: ownSquares, y: Float32Array.from(yes), x: column(z) },
    /predictions of numbers \(loss ownSquares\)/,
  ],
  'the top 3 of yes or no': [
    'top3',
    { ends: 'sigmoid', shape: [6], loss: 'binaryCrossentropy', y: asTensor(multi, [6]) },
    /yes or no by each output.*Use 'accuracy'/,
  ],
  'squares of class indices': [
    'mse',
    { ends: 'softmax', shape: [6], loss: 'sparseCategoricalCrossentropy', y: Int32Array.from(cls) },
    /y of shape \[\] for predictions of shape \[6\].*one-hot/,
  ],
  'the perplexity of squares': [
    'perplexity',
    { ends: 'none', shape: [6], loss: 'meanSquaredError', y: asTensor(values, [6]) },
    /loss meanSquaredError.*cross-entropy/,
  ],
}

describe('refused before anything is trained, with the reason:', () => {
  test.each(Object.keys(refused))('%s', (title) => {
    const [name, one, message] = refused[title]!
    expect(() => start(one, [names[name]])).toThrow(message)
  })
})

describe('a model of one’s own', () => {
  const own = (
    y: tf.Tensor | Int32Array,
    activation: (z: tf.Tensor) => tf.Tensor,
    more: { classes?: number } = {},
  ) => {
    const w = tf.variable(tf.scalar(1))
    const data = { x: tf.tensor2d(z), y } as { x: tf.Tensor; y: tf.Tensor }
    return train(
      {
        parameters: { w },
        loss: ({ x }) => x.mul(w).square().mean(),
        predict: (x) => activation(x.mul(w)),
        ...more,
      },
      {
        data,
        evaluateOn: data,
        metrics: ['accuracy'],
        optimizer: sgd({ learningRate: 0.1 }),
        evaluationBatchSize: 3,
      },
    )
  }

  test('goes by its classes, or by what y is', async () => {
    const softmax = (z: tf.Tensor) => tf.softmax(z)
    for (const run of [
      own(Int32Array.from(cls), softmax, { classes: 6 }),
      own(Int32Array.from(cls), softmax),
      own(asTensor(hot, [6]), softmax),
    ])
      expect((await run.evaluate()).accuracy).toBeCloseTo(right.sparse.accuracy, 6)
    expect((await own(asTensor(multi, [6]), tf.sigmoid).evaluate()).accuracy).toBeCloseTo(
      right.multi.accuracy,
      6,
    )
  })

  test('of numbers has no accuracy, and without predictions no metric', async () => {
    await expect(own(asTensor(values, [6]), (z) => z).evaluate()).rejects.toThrow(/predictions of numbers/)
    const w = tf.variable(tf.scalar(1))
    const run = train(
      { parameters: { w }, loss: ({ x }) => x.mul(w).square().mean() },
      {
        data: { x: tf.tensor2d(z), y: Int32Array.from(cls) },
        metrics: ['accuracy'],
        optimizer: sgd({ learningRate: 0.1 }),
      },
    )
    await expect(run.evaluate({ x: tf.tensor2d(z), y: Int32Array.from(cls) })).rejects.toThrow(
      /gives no predictions.*predict: \(x\)/,
    )
  })
})

test('a metric of one’s own gets y in the shape of the predictions, and one of another shape is refused', async () => {
  const off = (y: tf.Tensor, p: tf.Tensor) => p.sub(y).abs()
  const named = { name: 'named', larger: false, perExample: off }
  const data = { x: tf.tensor2d(column(z)), y: Float32Array.from(column(values).flat()) }
  const options = { data, evaluateOn: data, loss: 'meanSquaredError', optimizer: sgd({ learningRate: 0.1 }) }
  const row = await train(model('none', [1], 1), { ...options, metrics: [off, named] }).evaluate()
  expect(row.off).toBeCloseTo(right.number.mae, 5)
  expect(row.named).toBeCloseTo(right.number.mae, 5)
  const wrong = (y: tf.Tensor, p: tf.Tensor) => tf.concat([y.flatten(), p.flatten()])
  await expect(train(model('none', [1], 1), { ...options, metrics: [wrong] }).evaluate()).rejects.toThrow(
    /the metric wrong: received values of shape \[14\] for 7 examples/,
  )
})
