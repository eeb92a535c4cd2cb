import * as tf from '@tensorflow/tfjs'
import { describe, expect, test } from 'vitest'
import { adam, fromArrays, train } from '../../../src/index.js'
import { useSilence } from '../../kit/training.js'

const { dense, reshape, timeDistributed, average, flatten, softmax, activation } = tf.layers
type Ends = (x: tf.SymbolicTensor) => tf.SymbolicTensor
const apply =
  (...layers: tf.layers.Layer[]): Ends =>
  (x) =>
    layers.reduce((value, layer) => layer.apply(value) as tf.SymbolicTensor, x)

/** A model of x [4, 3] whose last layers are `ends`. */
function model(ends: Ends): tf.LayersModel {
  const x = tf.input({ shape: [4, 3] })
  return tf.model({ inputs: x, outputs: ends(x) })
}

const wide = (kind?: 'softmax' | 'sigmoid') =>
  dense({
    units: 5,
    ...(kind && { activation: kind }),
    kernelInitializer: tf.initializers.randomNormal({ stddev: 2 }),
  })

const x = Float32Array.from({ length: 40 * 12 }, (_, i) => Math.sin(i * 1.7))
const labels = Int32Array.from({ length: 40 * 4 }, (_, i) => (i * 3) % 5)
const answers = Float32Array.from({ length: 40 * 20 }, (_, i) => (i % 3 === 0 ? 1 : 0))

useSilence()

const endings: { [name: string]: Ends } = {
  'a dense softmax': apply(wide('softmax')),
  'a dense softmax in a TimeDistributed': apply(timeDistributed({ layer: wide('softmax') })),
  'a softmax layer': apply(wide(), softmax({ axis: -1 })),
  'a softmax layer in a TimeDistributed': apply(wide(), timeDistributed({ layer: softmax({ axis: -1 }) })),
  'an activation layer': apply(wide(), activation({ activation: 'softmax' })),
  'a softmax that is reshaped': apply(wide('softmax'), reshape({ targetShape: [2, 2, 5] })),
  'the average of two softmaxes': (x) =>
    average().apply([
      wide('softmax').apply(x),
      wide('softmax').apply(x),
    ] as tf.SymbolicTensor[]) as tf.SymbolicTensor,
}

const logits: { [name: string]: Ends } = {
  'a linear layer': apply(wide()),
  'a linear layer in a TimeDistributed': apply(timeDistributed({ layer: wide() })),
  'a linear layer that is reshaped': apply(wide(), reshape({ targetShape: [2, 2, 5] })),
}

const places = (ends: tf.LayersModel) => ends.outputs[0]!.shape.slice(1, -1) as number[]

describe('what a model ends in', () => {
  for (const [kind, table] of Object.entries({ probabilities: endings, logits }))
    for (const [name, ends] of Object.entries(table))
      test(`${name} gives ${kind}, whose cross-entropy is the loss`, async () => {
        const one = model(ends)
        const data = fromArrays({ x, y: labels }, { shape: [4, 3], yShape: places(one) })
        const run = train(one, {
          data,
          evaluateOn: data,
          loss: 'sparseCategoricalCrossentropy',
          optimizer: adam({ learningRate: 0.01 }),
        })
        const byHand = () => {
          const outputs = one.predict(tf.tensor(x, [40, 4, 3])) as tf.Tensor
          const probabilities = kind === 'logits' ? tf.softmax(outputs) : outputs
          const hot = tf.oneHot(tf.tensor1d(labels, 'int32'), 5).reshape(outputs.shape)
          return probabilities.log().mul(hot).sum(-1).mean().neg().dataSync()[0]!
        }
        expect((await run.evaluate()).loss).toBeCloseTo(byHand(), 4)
        const branch = run.branch('other')
        await run.iterate(3)
        expect((await run.evaluate()).loss).toBeCloseTo(byHand(), 4)
        await branch.iterate(3)
        expect((await branch.evaluate()).loss).toBeCloseTo(byHand(), 5)
      })

  test('a softmax in a loss of yes and no gives probabilities', async () => {
    const one = tf.sequential({ layers: [dense({ units: 2, inputShape: [12], activation: 'softmax' })] })
    const y = Float32Array.from(labels.subarray(0, 40), (label) => label % 2)
    const rows = Array.from(y, (label) => [label, 1 - label])
    const data = fromArrays({ x: tf.tensor(x, [40, 12]), y: rows })
    const run = train(one, {
      data,
      evaluateOn: data,
      loss: 'binaryCrossentropy',
      optimizer: adam({ learningRate: 0.01 }),
    })
    // Of two classes that sum to 1 both terms are the same.
    const p = (one.predict(tf.tensor(x, [40, 12])) as tf.Tensor).mul(rows).sum(1)
    expect((await run.evaluate()).loss).toBeCloseTo(p.log().mean().neg().dataSync()[0]!, 5)
  })

  test('a sigmoid is no distribution over classes: refused, with what is meant', () => {
    const one = model(apply(wide('sigmoid')))
    const data = fromArrays({ x, y: labels }, { shape: [4, 3], yShape: [4] })
    const make = () =>
      train(one, {
        data,
        loss: 'sparseCategoricalCrossentropy',
        optimizer: adam({ learningRate: 0.01 }),
      })
    expect(make).toThrow(/ends in sigmoid.*softmax.*binaryCrossentropy/)
  })

  test('a sigmoid that is flattened gives probabilities', async () => {
    const one = model(apply(wide('sigmoid'), flatten()))
    const data = fromArrays({ x, y: answers }, { shape: [4, 3], yShape: [20] })
    const run = train(one, {
      data,
      evaluateOn: data,
      loss: 'binaryCrossentropy',
      optimizer: adam({ learningRate: 0.01 }),
    })
    const p = (one.predict(tf.tensor(x, [40, 4, 3])) as tf.Tensor).flatten()
    const y = tf.tensor1d(answers)
    const byHand = y
      .mul(p.log())
      .add(tf.sub(1, y).mul(tf.sub(1, p).log()))
      .mean()
      .neg()
    expect((await run.evaluate()).loss).toBeCloseTo(byHand.dataSync()[0]!, 4)
  })
})
