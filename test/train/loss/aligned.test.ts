/** y and predictions whose shapes differ meet example by example, or a line says that they do not. Right: w 3, b 1, of y = 3 x + 1. */
import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, test } from 'vitest'
import { seed, sgd, train, type LossFunction } from '../../../src/index.js'
import { silence } from '../../kit/training.js'

let shown: any[]
beforeEach(() => {
  ;({ shown } = silence())
  seed(1)
})
const lines = () =>
  shown.flatMap((value) => (/meets/.test(value?.['text/plain']) ? [value['text/plain']] : []))

const n = 32
const x = Float32Array.from({ length: n }, (_, i) => i / 16 - 1)
const y = x.map((value) => 3 * value + 1)
/** y as people have it. */
const shapes: { [shape: string]: () => Float32Array | tf.Tensor } = {
  'a typed array': () => y,
  '[n]': () => tf.tensor1d(y),
  '[n, 1]': () => tf.tensor2d(y, [n, 1]),
  '[n, 1, 1]': () => tf.tensor3d(y, [n, 1, 1]),
}
const outputs: { [shape: string]: tf.layers.Layer[] } = {
  '[n, 1]': [],
  '[n]': [tf.layers.reshape({ targetShape: [] })],
  '[n, 1, 1]': [tf.layers.reshape({ targetShape: [1, 1] })],
}
const losses: { [loss: string]: LossFunction } = {
  'p.sub(y)': (y, p) => p.sub(y).square(),
  'y.sub(p).mean()': (y, p) => y.sub(p).square().mean(),
  'tf.squaredDifference': (y, p) => tf.squaredDifference(y, p).mean(),
  'tf.losses': (y, p) => tf.losses.meanSquaredError(y, p),
  'tf.where': (y, p) => tf.where(y.greater(0), p.sub(y).square(), y.sub(p).square()),
  'p.flatten()': (y, p) => p.flatten().sub(y).square(),
  'y.reshape': (y, p) => p.sub(y.reshape(p.shape)).square().mean(),
  '{ loss, perExample }': (y, p) => {
    const perExample = p.sub(y).square()
    return { loss: perExample.mean(), perExample }
  },
}

const line = (layers: tf.layers.Layer[] = []) =>
  tf.sequential({
    layers: [tf.layers.dense({ units: 1, inputShape: [1], kernelInitializer: 'zeros' }), ...layers],
  })
const optionsOf = (y: Float32Array | tf.Tensor) => ({
  data: { x: tf.tensor2d(x, [n, 1]), y },
  batchSize: n,
  seed: 1,
  optimizer: sgd({ learningRate: 0.3 }),
})
const learned = (model: tf.LayersModel) => model.getWeights().map((weight) => weight.dataSync()[0]!)

for (const [outputShape, layers] of Object.entries(outputs))
  describe(`outputs ${outputShape}`, () => {
    for (const [shape, target] of Object.entries(shapes))
      test.each(Object.keys(losses))(`y ${shape}, the loss %s: the line is learned`, async (name) => {
        const model = line(layers)
        const run = train(model, {
          ...optionsOf(target()),
          evaluateOn: { x: tf.tensor2d(x, [n, 1]), y: target() },
          loss: losses[name]!,
        })
        await run.iterate(60)
        const [w, b] = learned(model)
        expect(w).toBeCloseTo(3, 2)
        expect(b).toBeCloseTo(1, 2)
        expect((await run.evaluate()).loss).toBeLessThan(1e-4)
        expect(lines()).toEqual([])
      })
  })

test('compiled as well', async () => {
  await tf.setBackend('onnxruntime')
  try {
    const model = line()
    const run = train(model, { ...optionsOf(y), loss: losses['p.sub(y)']! })
    await run.iterate(60)
    expect(learned(model)[0]).toBeCloseTo(3, 2)
    expect(shown.filter((value) => /kernel by kernel/.test(value?.['text/plain']))).toEqual([])
  } finally {
    await tf.setBackend('cpu')
  }
})

test('y of whole numbers, and yes or no in a loss made of tfjs operations', async () => {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 1, inputShape: [1], activation: 'sigmoid', kernelInitializer: 'zeros' }),
    ],
  })
  const labels = Int32Array.from(x, (value) => (value > 0 ? 1 : 0))
  const run = train(model, {
    ...optionsOf(y),
    data: { x: tf.tensor2d(x, [n, 1]), y: labels },
    loss: (y, p) =>
      y
        .mul(p.log())
        .add(tf.sub(1, y).mul(tf.sub(1, p).log()))
        .neg(),
  })
  await run.iterate(100)
  // The mean of y alone would be ln 2.
  expect(run.history.at(-1)!.loss).toBeLessThan(0.3)
})

describe('a model of one’s own', () => {
  const own = (loss: (y: tf.Tensor, p: tf.Tensor) => tf.Tensor) => {
    const model = line()
    return {
      parameters: model,
      loss: ({ x, y }: { x: tf.Tensor; y: tf.Tensor }) => loss(y, model.apply(x) as tf.Tensor),
    }
  }

  test('is told once that every y met every prediction, with the line to change', async () => {
    const run = train(
      own((y, p) => p.sub(y).square().mean()),
      optionsOf(y),
    )
    await run.iterate(2)
    await run.iterate(1)
    const other = run.branch('other')
    await other.iterate(1)
    expect(lines()).toEqual([expect.stringMatching(/y of shape \[32\].*\[32, 1\].*y\.reshape\(/)])
  })

  test.each<[string, (y: tf.Tensor, p: tf.Tensor) => tf.Tensor]>([
    ['shapes are made alike', (y, p) => p.flatten().sub(y).square().mean()],
    ['y gets an axis', (y, p) => p.sub(y.expandDims(1)).square().mean()],
    [
      'pairs are meant',
      (y, p) =>
        p
          .reshape([1, -1])
          .sub(y.reshape([-1, 1]))
          .abs()
          .mean(),
    ],
    [
      'y is compared with itself',
      (y, p) =>
        y
          .sub(y.reshape([-1, 1]))
          .abs()
          .mean()
          .add(p.square().mean()),
    ],
  ])('is told nothing where %s', async (_, loss) => {
    const run = train(own(loss), optionsOf(y))
    await run.iterate(2)
    expect(lines()).toEqual([])
  })
})

test('an iteration of one’s own is told too, by its updates', async () => {
  const model = line()
  const run = train(
    {
      parameters: { model },
      optimizers: { all: sgd({ learningRate: 0.1 }) },
      iteration: ({ x, y }, { optimizers }) => ({
        loss: optimizers.all!.minimize(() => (model.apply(x) as tf.Tensor).sub(y).square().mean()),
      }),
    },
    { data: { x: tf.tensor2d(x, [n, 1]), y }, batchSize: 8, seed: 1 },
  )
  await run.iterate(3)
  expect(lines()).toEqual([expect.stringMatching(/In the iteration y of shape \[8\].*\[8, 1\]/)])
})

describe('class indices in a loss of one’s own over several outputs', () => {
  const three = () => tf.sequential({ layers: [tf.layers.dense({ units: 3, inputShape: [1] })] })
  const classes = Int32Array.from({ length: n }, (_, i) => i % 3)
  const start = (y: Int32Array | tf.Tensor, loss: LossFunction) =>
    train(three(), { ...optionsOf(classes as never), data: { x: tf.tensor2d(x, [n, 1]), y } as never, loss })

  test('that meet each output as a number are spoken of, once', async () => {
    const run = start(tf.tensor2d(classes, [n, 1]), (y, p) => p.sub(y).square())
    await run.iterate(2)
    expect(
      shown.filter((value) => /class indices.*tf\.oneHot\(y\.flatten\(\), 3\)/.test(value?.['text/plain'])),
    ).toHaveLength(1)
  })

  test('that do not fit them are refused with what would', async () => {
    await expect(start(classes, (y, p) => p.sub(y).square()).iterate(1)).rejects.toThrow(
      /y of shape \[32\] and predictions of shape \[32, 3\].*tf\.oneHot\(y\.flatten\(\), 3\).*sparseCategoricalCrossentropy/,
    )
  })

  test('that are made one-hot, or mask, are left alone', async () => {
    const hot: LossFunction = (y, p) => tf.oneHot(y.flatten(), 3).sub(p).square()
    const mask: LossFunction = (y, p) => p.square().mul(y.equal(1).toFloat().reshape([-1, 1]))
    for (const loss of [hot, mask]) await start(classes, loss).iterate(1)
    expect(shown.filter((value) => /class indices/.test(value?.['text/plain']))).toEqual([])
  })
})

test('a loss whose shape fits no batch is refused', async () => {
  const run = train(line(), { ...optionsOf(y), loss: (y, p) => tf.concat([p.flatten(), y.flatten()]) })
  await expect(run.iterate(1)).rejects.toThrow(/loss of shape \[64\] for 32 examples/)
})
