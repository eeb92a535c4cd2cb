import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, it } from 'vitest'
import { fromArrays, loadRun, sgd, train } from '../../../src/index.js'
import { temporaryFolder } from '../../kit/index.js'
import { silence, weightsOf } from '../../kit/training.js'

beforeEach(() => void silence())

const folder = temporaryFolder()
const count = 24
const x = tf.tensor2d(
  Float32Array.from({ length: 2 * count }, (_, i) => Math.sin(i * 1.3)),
  [count, 2],
)
const kind = Int32Array.from({ length: count }, (_, i) => i % 3)
const weight = Float32Array.from({ length: count }, (_, i) => (i % 4) / 2)
const classWeight = { 0: 1, 1: 3, 2: 0.25 }

function model() {
  const kernelInitializer = tf.initializers.glorotUniform({ seed: 5 })
  return tf.sequential({
    layers: [tf.layers.dense({ units: 3, inputShape: [2], activation: 'softmax', kernelInitializer })],
  })
}

const start = (more: object = {}) =>
  train(model(), {
    data: { x, y: kind },
    loss: 'sparseCategoricalCrossentropy',
    optimizer: sgd({ learningRate: 0.5 }),
    batchSize: count,
    seed: 1,
    save: false,
    ...more,
  })

/** The cross-entropy of each example under these weights of a layer, in double precision. */
function lossesOf([kernel, bias]: number[][], labels: ArrayLike<number> = kind): number[] {
  const inputs = x.arraySync() as number[][]
  return inputs.map(([a, b], i) => {
    const logits = [0, 1, 2].map((j) => a! * kernel![j]! + b! * kernel![3 + j]! + bias![j]!)
    const highest = Math.max(...logits)
    return (
      Math.log(logits.reduce((sum, one) => sum + Math.exp(one - highest), 0)) + highest - logits[labels[i]!]!
    )
  })
}
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length

for (const backend of ['cpu', 'onnxruntime'])
  describe(`weights of examples, on ${backend}`, () => {
    beforeEach(async () => {
      await tf.setBackend(backend)
    })

    it('of classes are those of tfjs’s own training: the same weights after five updates, to 1e-5', async () => {
      const run = start({ classWeight })
      await run.iterate(5)
      const peer = model()
      peer.compile({ optimizer: tf.train.sgd(0.5), loss: 'sparseCategoricalCrossentropy' })
      const y = tf.tensor2d(Float32Array.from(kind), [count, 1])
      await peer.fit(x, y, { epochs: 5, batchSize: count, shuffle: false, verbose: 0, classWeight })
      for (const [i, values] of weightsOf(run.model).entries())
        for (const [j, value] of values.entries()) expect(value).toBeCloseTo(weightsOf(peer)[i]![j]!, 5)
    })

    it('are the mean of losses times weights, as Keras has it, of fields, functions, classes and reweight alike', async () => {
      const data = { x, y: kind, weight }
      const run = start({ data, evaluateOn: data, sampleWeight: 'weight', classWeight })
      run.reweight([3, 5], 2)
      const before = weightsOf(run.model)
      await run.iterate(1)
      const own = lossesOf(before)
      const factor = (i: number) => weight[i]! * classWeight[kind[i] as 0]! * ([3, 5].includes(i) ? 2 : 1)
      expect(run.history[0]!.loss).toBeCloseTo(mean(own.map((loss, i) => loss * factor(i))), 5)
      // Classes count alike where it is evaluated; the field counts there too.
      const after = lossesOf(weightsOf(run.model))
      expect((await run.evaluate()).loss).toBeCloseTo(mean(after.map((loss, i) => loss * weight[i]!)), 5)
      const plain = await run.evaluate({ x, y: kind })
      expect(plain.loss).toBeCloseTo(mean(after), 5)
      const called = start({ sampleWeight: ({ y }: { y: tf.Tensor }) => y.add(1) })
      await called.iterate(1)
      expect(called.history[0]!.loss).toBeCloseTo(mean(own.map((loss, i) => loss * (kind[i]! + 1))), 5)
    })

    it('of a loss of one’s own, and of one output of several, likewise', async () => {
      const w = tf.variable(tf.zeros([2]))
      const value = Float32Array.from({ length: count }, (_, i) => i / count)
      const line = train(
        {
          parameters: { w },
          loss: ({ x, y }) => {
            const perExample = x.mul(w).sum(1).sub(y).square()
            return { loss: perExample.mean(), perExample }
          },
        },
        {
          data: { x, y: value, weight },
          sampleWeight: 'weight',
          optimizer: sgd({ learningRate: 0.1 }),
          batchSize: count,
          save: false,
        },
      )
      await line.iterate(1)
      expect(line.history[0]!.loss).toBeCloseTo(
        mean(Array.from(value, (one, i) => weight[i]! * one * one)),
        5,
      )
      const input = tf.input({ shape: [2] })
      const outputs = ['value', 'kind'].map(
        (name, i) =>
          tf.layers
            .dense({
              name,
              units: i ? 3 : 1,
              kernelInitializer: 'zeros',
              ...(i && { activation: 'softmax' }),
            })
            .apply(input) as tf.SymbolicTensor,
      )
      const both = train(tf.model({ inputs: input, outputs }), {
        data: fromArrays({ x, y: { value, kind } }, { classes: { kind: ['a', 'b', 'c'] } }),
        loss: { value: 'meanSquaredError', kind: 'sparseCategoricalCrossentropy' },
        classWeight: { kind: { b: 4 } },
        optimizer: sgd({ learningRate: 0.1 }),
        batchSize: count,
        save: false,
      })
      await both.iterate(1)
      expect(both.history[0]!.kind_loss).toBeCloseTo(2 * Math.log(3), 5)
      expect(both.history[0]!.value_loss).toBeCloseTo(mean(Array.from(value, (one) => one * one)), 5)
    })
  })

describe('weights of examples', () => {
  beforeEach(async () => {
    await tf.setBackend('cpu')
  })

  it('go to disk, and what is a function is asked for again', async () => {
    const place = join(folder, 'weighted')
    const run = start({ classWeight, sampleWeight: 'weight', data: { x, y: kind, weight } })
    await run.iterate(2)
    await run.save(place)
    const again = await loadRun(place, { model: model(), data: { x, y: kind, weight }, save: false })
    await run.iterate(2)
    await again.iterate(2)
    expect(weightsOf(again.model)).toEqual(weightsOf(run.model))
    const other = start({ sampleWeight: () => new Float32Array(count).fill(2) })
    await other.iterate(1)
    await other.save(join(folder, 'called'))
    await expect(
      loadRun(join(folder, 'called'), { model: model(), data: { x, y: kind }, save: false }),
    ).rejects.toThrow(/sampleWeight is a function.*passed again/s)
  })

  it('that mean nothing here are refused by name', async () => {
    expect(() => start({ classWeight: { 3: 1 } })).toThrow(/a weight for '3'.*0 to 2/s)
    expect(() => start({ classWeight: { 0: -1 } })).toThrow(/-1 for 0/)
    expect(() => start({ sampleWeight: 'weight' })).toThrow(/'weight', which data has not/)
    expect(() => start({ sampleWeight: 3 })).toThrow(/name of a field/)
    expect(() => start({ data: { x, y: kind, weight } })).toThrow(/name it as sampleWeight/)
    await expect(start({ sampleWeight: () => [1] }).iterate(1)).rejects.toThrow(/for 24 examples/)
    await expect(start({ sampleWeight: () => new Float32Array(count).fill(NaN) }).iterate(1)).rejects.toThrow(
      /weight NaN \(example \d+\)/,
    )
    expect(() =>
      start({ loss: 'meanSquaredError', data: { x, y: tf.zeros([count, 3]) }, classWeight: { 0: 2 } }),
    ).toThrow(/weights by class for y of shape \[3\]/)
  })
})
