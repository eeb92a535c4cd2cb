import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, it } from 'vitest'
import { adam, fromArrays, fromFunction, fromRecords, load, sgd, train } from '../../../src/index.js'
import { spool, type Dataset } from '../../../src/data/index.js'
import { temporaryFolder } from '../../kit/index.js'
import { classifier, silence } from '../../kit/training.js'

let shown: unknown[]
beforeEach(() => {
  shown = silence().shown
})

const folder = temporaryFolder()
const count = 24
const x = Float32Array.from({ length: 2 * count }, (_, i) => Math.sin(i * 1.3))
const weight = Float32Array.from({ length: count }, (_, i) => (i % 3) / 2)
const mask = new Int32Array(3 * count).map((_, i) => Number(i % 4 > 0))
const y = Float32Array.from({ length: count }, (_, i) => 2 * x[2 * i]! - x[2 * i + 1]!)

const data = () => fromArrays({ x, y, weight, mask }, { shape: [2], shapes: { mask: [3] } })

/** A linear model whose loss is weighted by example: the weights come with the data. */
function weighted() {
  const w = tf.variable(tf.tensor1d([0.1, -0.2]))
  return {
    w,
    model: {
      parameters: { w },
      loss: ({ x, y, weight, mask }: { [field: string]: tf.Tensor }) => {
        const perExample = x!
          .mul(w)
          .sum(1)
          .sub(y!)
          .square()
          .mul(weight!)
          .add(mask!.toFloat().mean(1).mul(0.01))
        return { loss: perExample.mean(), perExample }
      },
      predict: (x: tf.Tensor, { weight }: { weight: tf.Tensor }) => x.mul(w).sum(1).mul(weight.sign()),
    },
  }
}

/** The same by hand in double precision: w after gradient descent over whole batches, in the order of the ids. */
function byHand(batches: readonly (readonly number[])[], rate: number): number[] {
  const w = [Math.fround(0.1), Math.fround(-0.2)]
  for (const ids of batches) {
    const gradient = [0, 0]
    for (const id of ids) {
      const [a, b] = [x[2 * id]!, x[2 * id + 1]!]
      const error = a * w[0]! + b * w[1]! - y[id]!
      gradient[0]! += (2 * error * weight[id]! * a) / ids.length
      gradient[1]! += (2 * error * weight[id]! * b) / ids.length
    }
    w[0]! -= rate * gradient[0]!
    w[1]! -= rate * gradient[1]!
  }
  return w
}

for (const backend of ['cpu', 'onnxruntime'])
  describe(`data with fields beside x and y, on ${backend}`, () => {
    beforeEach(async () => {
      await tf.setBackend(backend)
    })
    const start = () => {
      const { w, model } = weighted()
      const settings = {
        data: data(),
        evaluateOn: data(),
        optimizer: sgd({ learningRate: 0.2 }),
        seed: 3,
        save: false,
      }
      return { w, run: train(model as any, { ...settings, batchSize: 8, metrics: ['meanSquaredError'] }) }
    }

    it('brings them to the loss: the weights are those by hand, to 1e-6', async () => {
      const { w, run } = start()
      const ids: number[][] = []
      for (let i = 0; i < 6; i++) {
        const inspected = await run.iterate(1, { inspect: true })
        expect(inspected.batch).toHaveProperty('mask.shape', [8, 3])
        ids.push(inspected.ids)
      }
      const straight = start()
      await straight.run.iterate(6)
      for (const [i, value] of byHand(ids, 0.2).entries()) {
        expect(w.dataSync()[i]).toBeCloseTo(value, 6)
        expect(straight.w.dataSync()[i]).toBeCloseTo(value, 6)
      }
      expect(shown.filter((one) => typeof one === 'string' && one.includes('kernel by kernel'))).toEqual([])
    })

    it('brings them to evaluations, predictions, branches, undo, inspection, and gradients by hand', async () => {
      const { w, run } = start()
      await run.iterate(3)
      const [first, second] = w.dataSync()
      const errors = Array.from(y, (value, i) => x[2 * i]! * first! + x[2 * i + 1]! * second! - value)
      const losses = errors.map((error, i) => {
        const share = (mask[3 * i]! + mask[3 * i + 1]! + mask[3 * i + 2]!) / 3
        return error * error * weight[i]! + 0.01 * share
      })
      const { loss, meanSquaredError } = (await run.evaluate()) as { loss: number; meanSquaredError: number }
      expect(loss).toBeCloseTo(losses.reduce((a, b) => a + b) / count, 5)
      const squares = errors.map((error, i) => (weight[i] ? error : -y[i]!) ** 2)
      expect(meanSquaredError).toBeCloseTo(squares.reduce((a, b) => a + b) / count, 5)
      const twin = run.branch('twin')
      await run.iterate(2)
      await twin.iterate(2)
      const after = Array.from(w.dataSync())
      expect(Array.from((twin.model as { parameters: { w: tf.Variable } }).parameters.w.dataSync())).toEqual(
        after,
      )
      await run.undo()
      const inspected = await run.iterate(1, { inspect: true })
      expect(inspected.batch).toHaveProperty('weight.shape', [8])
      const batch = await run.nextBatch()
      const { losses: byExample } = await run.gradients(batch)
      expect(byExample).toHaveLength(8)
      tf.dispose(batch)
    })

    it('leaves no tensor behind', async () => {
      const { run } = start()
      await run.iterate(2)
      const before = tf.memory().numTensors
      await run.iterate(4)
      await run.evaluate()
      expect(tf.memory().numTensors).toBe(before)
    })

    it('brings them to an iteration of one’s own', async () => {
      const { w } = weighted()
      const seen: unknown[] = []
      const run = train(
        {
          parameters: { w },
          optimizers: { one: adam({ learningRate: 0.01 }) },
          iteration: ({ x, weight, mask }, { optimizers }) => {
            seen.push(mask.shape)
            return { loss: optimizers.one!.minimize(() => x.mul(w).sum(1).mul(weight).square().mean()) }
          },
        },
        { data: data(), batchSize: 8, seed: 1, save: false },
      )
      await run.iterate(2)
      expect(seen).toEqual([
        [8, 3],
        [8, 3],
      ])
      expect(run.history.at(-1)!.loss).toBeGreaterThan(0)
    })
  })

describe('fields beside x and y', () => {
  const records = Array.from({ length: count }, (_, i) => ({
    a: x[2 * i],
    b: x[2 * i + 1],
    t: y[i],
    weight: weight[i],
  }))
  const named = { x: ['a', 'b'], y: 't', fields: ['weight'] as const }

  it('come from records, files, streams and functions alike', async () => {
    const csv = join(folder, 'weights.csv')
    writeFileSync(csv, ['a,b,t,weight', ...records.map((one) => Object.values(one).join())].join('\n'))
    const sets: Dataset<'weight'>[] = [
      fromRecords(records, named),
      await load(csv, named),
      await load(csv, { ...named, keep: 'disk' }),
      await spool(records, named),
      fromFunction(count, (i) => ({ x: [x[2 * i]!, x[2 * i + 1]!], y: y[i]!, weight: weight[i]! })),
    ]
    for (const set of sets) {
      const batch = set.at([5, 2])
      expect(Array.from(batch.weight.dataSync())).toEqual([weight[5], weight[2]])
      expect(batch.x.shape).toEqual([2, 2])
      expect(Array.from(set.valuesAt(7).weight as ArrayLike<number>)).toEqual([weight[7]])
      expect(set.fields).toEqual({ weight: { shape: [], dtype: 'float32' } })
    }
    expect(new Set(sets.slice(0, 4).map((set) => set.digest())).size).toBe(1)
  })

  it('are part of what the data is: other values give another digest', () => {
    const other = weight.slice()
    other[3] = 9
    const one = fromArrays({ x, y, weight }, { shape: [2] })
    expect(fromArrays({ x, y, weight: other }, { shape: [2] }).digest()).not.toBe(one.digest())
    expect(fromArrays({ x, y, other: weight }, { shape: [2] }).digest()).not.toBe(one.digest())
    expect(String(one)).toContain('weight float32 []')
  })

  it('that records have beside a field x are told of, where nobody named them', () => {
    fromRecords([{ x: 1, y: 2, weight: 3 }])
    expect(JSON.stringify(shown)).toContain("fields: ['weight']")
  })

  it('are refused for a tf.LayersModel, which has no use for them, by name', () => {
    const settings = {
      loss: 'sparseCategoricalCrossentropy',
      optimizer: sgd({ learningRate: 1 }),
      save: false as const,
    }
    const classes = { x: tf.zeros([4, 2]), y: new Int32Array(4), weight: new Float32Array(4) }
    expect(() => train(classifier(), { ...settings, data: classes })).toThrow(
      /weight beside x and y.*loss: \(\{ x, y, weight \}\)/s,
    )
  })

  it('that a dataset of one’s own adds come along, and what it gives is looked at', async () => {
    await tf.setBackend('cpu')
    const { at, ...plain } = fromArrays({ x, y }, { shape: [2] })
    const w = tf.variable(tf.zeros([2]))
    const start = (add: (positions: ArrayLike<number>) => object) =>
      train(
        { parameters: { w }, loss: (batch: any) => batch.x.mul(w).sum(1).sub(batch.noise).square().mean() },
        {
          data: {
            ...plain,
            at: (positions: ArrayLike<number>) => ({ ...at(positions), ...add(positions) }),
          } as Dataset,
          optimizer: sgd({ learningRate: 0.1 }),
          batchSize: 4,
          save: false,
        },
      )
    const run = start(({ length }) => ({ noise: tf.randomNormal([length]) }))
    await run.iterate(2)
    const first = run.history.at(1)!.loss
    await run.undo()
    await run.iterate(2)
    expect(run.history.at(1)!.loss).toBe(first)
    await expect(start(() => ({ noise: [1, 2, 3, 4] })).iterate(1)).rejects.toThrow(
      /as noise.*Expected a tensor/s,
    )
    await expect(start(() => ({ iteration: tf.zeros([4]) })).iterate(1)).rejects.toThrow(
      /batch\.iteration says/,
    )
    await expect(start(() => ({ noise: tf.zeros([3]) })).iterate(1)).rejects.toThrow(
      /3 rows in noise for 4 positions/,
    )
    await expect(start(() => ({ ...at([0, 1]), noise: tf.zeros([4]) })).iterate(1)).rejects.toThrow(
      /2 rows in x for 4/,
    )
    await expect(start(() => ({ ids: [1], noise: tf.zeros([4]) })).iterate(1)).rejects.toThrow(
      /as ids for 4 positions/,
    )
  })
})
