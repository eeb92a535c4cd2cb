/**
 * What a user wrote as loss is what is trained: regularizers of layers and penalties beside the examples stay, whatever form
 * the loss has and however examples are weighted. Right values are worked out here in double precision from the definitions
 * (Keras: l2(c) adds c times the sum of squares, of each weight once; gradients by hand).
 */
import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, test } from 'vitest'
import { sgd, train, type LossFunction, type Run } from '../../../src/index.js'
import { useSilence } from '../../kit/training.js'

useSilence()

const x = [
  [1, 2],
  [3, -1],
  [0.5, 4],
]
const y = [1, -2, 0.5]
const kernel = [0.3, -0.2]
const c = 0.1
const optimizer = sgd({ learningRate: 0.01 })

const regular = () =>
  tf.sequential({
    layers: [
      tf.layers.dense({
        units: 1,
        inputShape: [2],
        useBias: false,
        weights: [tf.tensor2d(kernel, [2, 1])],
        kernelRegularizer: tf.regularizers.l2({ l2: c }),
      }),
    ],
  })

/** Loss and gradient of the mean of w_i (x_i k - y_i)^2, with c k^2 on top. */
function right(weights: number[]) {
  const off = x.map((row, i) => row[0]! * kernel[0]! + row[1]! * kernel[1]! - y[i]!)
  const loss = off.reduce((sum, d, i) => sum + weights[i]! * d * d, 0) / 3
  const penalty = c * kernel.reduce((sum, k) => sum + k * k, 0)
  const gradient = kernel.map(
    (k, j) => off.reduce((sum, d, i) => sum + (weights[i]! * 2 * d * x[i]![j]!) / 3, 0) + 2 * c * k,
  )
  return { loss: loss + penalty, gradient }
}

const squares = (expected: tf.Tensor, predicted: tf.Tensor) =>
  predicted.sub(expected.reshape(predicted.shape)).square()
const forms: { [form: string]: string | LossFunction } = {
  'the name of a loss': 'meanSquaredError',
  'a loss of each example': (e, p) => squares(e, p).flatten(),
  'a loss of each place in each example': (e, p) => squares(e, p),
  'a mean': (e, p) => squares(e, p).mean(),
  'a mean with an axis': (e, p) => squares(e, p).mean(0),
  '{ loss }': (e, p) => ({ loss: squares(e, p).mean() }),
  '{ loss, perExample }': (e, p) => ({ loss: squares(e, p).mean(), perExample: squares(e, p) }),
}
const knowsExamples = (form: string) => !/mean|\{ loss \}/.test(form)

async function seenBy(run: Run) {
  const batch = await run.nextBatch()
  const order = batch.ids
  const { loss, gradients } = await run.gradients(batch)
  return { order, loss, gradient: [...Object.values(gradients)[0]!.dataSync()] }
}

const data = () => ({ x: tf.tensor2d(x), y: Float32Array.from(y) })
const start = (loss: string | LossFunction) =>
  train(regular(), { data: data(), batchSize: 3, seed: 1, loss, optimizer })

describe.each(['cpu', 'onnxruntime'])('on the backend %s', (backend) => {
  beforeEach(async () => {
    await tf.setBackend(backend)
    return async () => void (await tf.setBackend('cpu'))
  })

  test.each(Object.keys(forms))('the regularizer of a layer stays beside %s', async (form) => {
    const run = start(forms[form]!)
    const { loss, gradient } = await seenBy(run)
    const wanted = right([1, 1, 1])
    expect(loss).toBeCloseTo(wanted.loss, 5)
    expect(gradient[0]).toBeCloseTo(wanted.gradient[0]!, 5)
    expect(gradient[1]).toBeCloseTo(wanted.gradient[1]!, 5)
    await run.iterate(1)
    expect(run.history[0]!.loss).toBeCloseTo(wanted.loss, 5)
  })

  test.each(Object.keys(forms).filter(knowsExamples))('also with weights of examples: %s', async (form) => {
    const run = start(forms[form]!)
    run.reweight([0], 3)
    run.reweight([2], 0)
    const { loss, gradient } = await seenBy(run)
    const wanted = right([3, 1, 0])
    expect(loss).toBeCloseTo(wanted.loss, 5)
    expect(gradient[0]).toBeCloseTo(wanted.gradient[0]!, 5)
    expect(gradient[1]).toBeCloseTo(wanted.gradient[1]!, 5)
    await run.iterate(1)
    expect(run.history[0]!.loss).toBeCloseTo(wanted.loss, 5)
  })

  test.each(Object.keys(forms).filter((form) => !knowsExamples(form)))(
    'weights are refused where only %s is known',
    async (form) => {
      const run = start(forms[form]!)
      run.reweight([0], 3)
      await expect(run.iterate(1)).rejects.toThrow(/only the mean of a batch.*\{ loss, perExample \}/)
    },
  )

  test('a penalty in a loss of one’s own is trained whatever the weights', async () => {
    const w = tf.variable(tf.tensor2d(kernel, [2, 1]))
    const run = train(
      {
        parameters: { w },
        loss: ({ x, y }) => {
          const perExample = x
            .matMul(w as tf.Tensor2D)
            .flatten()
            .sub(y)
            .square()
          return { loss: perExample.mean().add(w.square().sum().mul(c)), perExample }
        },
      },
      { data: data(), batchSize: 3, seed: 1, optimizer },
    )
    for (const [ids, factor, weights] of [
      [[], 1, [1, 1, 1]],
      [[1], 2, [1, 2, 1]],
      [[0], 0, [0, 2, 1]],
    ] as const) {
      if (ids.length > 0) run.reweight(ids, factor)
      const { loss, gradient } = await seenBy(run)
      const wanted = right([...weights])
      expect(loss).toBeCloseTo(wanted.loss, 5)
      expect(gradient[0]).toBeCloseTo(wanted.gradient[0]!, 5)
      expect(gradient[1]).toBeCloseTo(wanted.gradient[1]!, 5)
    }
    await run.iterate(1)
    expect(run.history[0]!.loss).toBeCloseTo(right([0, 2, 1]).loss, 5)
  })
})

test('what is left of the data by exclude and focus is trained with its penalty', async () => {
  const run = start('meanSquaredError')
  run.exclude([1])
  const { loss } = await seenBy(run)
  // Of two examples: 3/2 of the mean over three with the weights 1, 0, 1.
  const [all, none] = [right([1.5, 0, 1.5]).loss, right([0, 0, 0]).loss]
  expect(loss).toBeCloseTo(all, 6)
  await run.focus([2])
  expect((await seenBy(run)).loss).toBeCloseTo(3 * (right([0, 0, 1]).loss - none) + none, 6)
})

const l2 = () => tf.regularizers.l2({ l2: c })
const squaresOf = (weights: tf.Tensor[]) =>
  weights.reduce((sum, weight) => sum + [...weight.dataSync()].reduce((a, b) => a + b * b, 0), 0)
const { dense, lstm, gru, simpleRNN, bidirectional, timeDistributed, reshape } = tf.layers
const rnn = { units: 3, kernelRegularizer: l2(), recurrentRegularizer: l2(), biasRegularizer: l2() }
const sequence = (layer: tf.layers.Layer, ...more: tf.layers.Layer[]) =>
  tf.sequential({
    layers: [reshape({ targetShape: [2, 1], inputShape: [2] }), layer, ...more, dense({ units: 1 })],
  })

/** Models whose regularized weights are all those of their second layer, in every kind of layer. */
const models: { [kind: string]: () => tf.LayersModel } = {
  simpleRNN: () => sequence(simpleRNN(rnn)),
  gru: () => sequence(gru(rnn)),
  lstm: () => sequence(lstm(rnn)),
  'stacked cells': () =>
    sequence(tf.layers.rnn({ cell: [tf.layers.lstmCell(rnn), tf.layers.gruCell(rnn)] as never })),
  bidirectional: () => sequence(bidirectional({ layer: lstm(rnn) as never, mergeMode: 'concat' })),
  timeDistributed: () =>
    sequence(
      timeDistributed({ layer: dense({ units: 2, kernelRegularizer: l2(), biasRegularizer: l2() }) }),
      tf.layers.flatten(),
    ),
  'a model within': () =>
    sequence(tf.sequential({ layers: [lstm({ ...rnn, inputShape: [2, 1] })] }) as unknown as tf.layers.Layer),
  'a layer that is used twice': () => {
    const shared = dense({ units: 2, kernelRegularizer: l2(), biasRegularizer: l2() })
    const input = tf.input({ shape: [2] })
    const hidden = shared.apply(shared.apply(input)) as tf.SymbolicTensor
    return tf.model({ inputs: input, outputs: dense({ units: 1 }).apply(hidden) as tf.SymbolicTensor })
  },
}

test.each(Object.keys(models))('the regularizers of %s add each weight once', async (kind) => {
  const model = models[kind]!()
  const layer = model.layers.find((one) => one.countParams() > 0)!
  for (const loss of ['meanSquaredError', forms['a mean']!]) {
    const run = train(model, { data: data(), batchSize: 3, seed: 1, loss, optimizer })
    const { loss: whole } = await run.gradients(await run.nextBatch())
    const predicted = (model.predict(tf.tensor2d(x)) as tf.Tensor).dataSync()
    const plain = y.reduce((sum, value, i) => sum + (predicted[i]! - value) ** 2, 0) / 3
    expect(whole - plain).toBeCloseTo(c * squaresOf(layer.getWeights()), 5)
  }
})
