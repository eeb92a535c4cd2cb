import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, it } from 'vitest'
import { adam, fromArrays, fromRecords, split, train } from '../../src/index.js'
import { exampleRow } from '../../src/data/examples.js'
import { silence } from '../kit/training.js'

let shown: unknown[]
beforeEach(async () => {
  shown = silence().shown
  await tf.setBackend('cpu')
})

const x = [[1, 2, 3], [4], [5, 6, 7, 8, 9], [], [3, 3]]
const y = [0, 1, 0, 1, 0]

describe('sequences of different lengths', () => {
  it('are filled up to the longest of the batch, to a multiple, with a mask of what is real', () => {
    const data = fromArrays({ x, y }, { pad: { x: { multiple: 2, value: -1, lengths: 'length' } } })
    const batch = data.at([0, 1])
    expect(batch.x.arraySync()).toEqual([
      [1, 2, 3, -1],
      [4, -1, -1, -1],
    ])
    expect(batch.x.dtype).toBe('int32')
    const { mask, length } = batch
    expect(mask.arraySync()).toEqual([
      [1, 1, 1, 0],
      [1, 0, 0, 0],
    ])
    expect(Array.from(length.dataSync())).toEqual([3, 1])
    expect(data.at([2]).x.shape).toEqual([1, 6])
    expect(data.at([3]).x.arraySync()).toEqual([[-1, -1]])
    expect(Array.from(data.valuesAt(4).x as ArrayLike<number>)).toEqual([3, 3])
    expect(exampleRow(data, 0).input.shape).toEqual([3])
    expect(String(data)).toContain('x int32 [up to 6]')
    const left = fromArrays({ x, y }, { pad: { x: { length: 5, side: 'left', mask: 'real' } } })
    expect(left.at([1]).x.arraySync()).toEqual([[0, 0, 0, 0, 4]])
    expect(left.at([1]).real.arraySync()).toEqual([[0, 0, 0, 0, 1]])
  })

  it('are filled up to at most four lengths unless they are told otherwise, which is said', () => {
    const long = Array.from({ length: 40 }, (_, i) => Array.from({ length: i + 1 }, (_, j) => j))
    const data = fromArrays({ x: long, y: Float32Array.from(long, (_, i) => i) }, { pad: { x: true } })
    const lengths = new Set(long.map((_, i) => data.at([i]).x.shape[1]))
    expect([...lengths]).toEqual([10, 20, 30, 40])
    expect(JSON.stringify(shown)).toMatch(
      /up to 40 places are filled up to multiples of 10.*at most 4 lengths/,
    )
  })

  it('longer than the length they are filled up to are refused, or cut where that is said', () => {
    expect(() => fromArrays({ x, y }, { pad: { x: { length: 3 } } })).toThrow(
      /5 places \(entry 2\).*cut: 'end'/s,
    )
    const rows = (cut: 'start' | 'end') =>
      fromArrays({ x, y }, { pad: { x: { length: 3, cut } } })
        .at([2])
        .x.arraySync()
    expect(rows('end')).toEqual([[5, 6, 7]])
    expect(rows('start')).toEqual([[7, 8, 9]])
    expect(() => fromArrays({ x, y })).toThrow(/pad: \{ x: true \}/)
    expect(() => fromArrays({ x, y }, { pad: { z: true } })).toThrow(/'z'.*a field: x, y/s)
    expect(() => fromArrays({ x, y, mask: y }, { pad: { x: { multiple: 2 } } })).toThrow(
      /mask, which is another field/,
    )
    expect(() => fromArrays({ x, y }, { pad: { x: { multiple: 0 } } })).toThrow(/at least 1/)
  })

  it('come from records, of vectors, in y, and in parts of x, and are part of the digest', () => {
    const records = x.map((tokens, i) => ({ tokens, label: y[i]! }))
    const set = fromRecords(records, { x: 'tokens', y: 'label', pad: { x: { multiple: 5 } } })
    expect(set.at([0, 2]).x.shape).toEqual([2, 5])
    const vectors = fromArrays(
      {
        x: [
          [[1, 2]],
          [
            [3, 4],
            [5, 6.5],
          ],
        ],
        y: [[1], [0, 1]],
      },
      { pad: { x: { multiple: 1 }, y: { multiple: 1, mask: 'known' } } },
    )
    expect(vectors.at([0, 1]).x.shape).toEqual([2, 2, 2])
    expect(vectors.at([0, 1]).y.arraySync()).toEqual([
      [1, 0],
      [0, 1],
    ])
    expect(Object.keys(vectors.at([0]))).toEqual(['x', 'y', 'mask', 'known', 'ids'])
    const parts = fromArrays({ x: { tokens: x, age: y }, y }, { pad: { 'x.tokens': { length: 5 } } })
    const inputs = parts.at([1]).x
    expect(Object.keys(inputs)).toEqual(['tokens', 'age', 'mask'])
    expect(inputs.mask.arraySync()).toEqual([[1, 0, 0, 0, 0]])
    const other = fromRecords(records.toSpliced(1, 1, { tokens: [4, 4], label: 1 }), {
      x: 'tokens',
      y: 'label',
      pad: { x: { multiple: 5 } },
    })
    expect(other.digest()).not.toBe(set.digest())
    expect(split(set, { train: 0.6, validation: 0.4 }, { seed: 1 }).train.at([0, 1]).x.shape[1]).toBe(5)
  })
})

describe('a recurrent net with attention over sequences of different lengths', () => {
  it('learns which of them holds a sign, and what is filled up has no say', async () => {
    await tf.setBackend('onnxruntime')
    // Whether a 7 is anywhere among digits.
    const texts = Array.from({ length: 96 }, (_, i) =>
      Array.from({ length: 3 + ((i * 5) % 14) }, (_, j) =>
        (i * 31 + j * 17 + ((i * j) % 5)) % 10 === 7 ? 6 : (i * 7 + j * 3) % 7,
      ),
    )
    for (const [i, text] of texts.entries()) if (i % 2) text[(i * 3) % text.length] = 7
    const labels = Float32Array.from(texts, (_, i) => i % 2)
    const data = fromArrays({ x: texts, y: labels }, { pad: { x: { multiple: 8 } } })
    const width = 12
    const random = (shape: number[], seed: number) =>
      tf.variable(tf.randomNormal(shape, 0, 0.3, 'float32', seed))
    const parameters = {
      embedding: random([10, width], 1),
      input: random([width, width], 2),
      state: random([width, width], 3),
      query: random([width, 1], 4),
      head: random([width, 1], 5),
    }
    /** Steps from left to right, then a mean of the states by attention; places that are filled up have none. */
    const logits = (x: tf.Tensor, mask: tf.Tensor) => {
      const [rows, length] = x.shape as [number, number]
      const tokens = tf.gather(parameters.embedding, x.toInt())
      let state: tf.Tensor = tf.zeros([rows, width])
      const states: tf.Tensor[] = []
      for (let at = 0; at < length; at++) {
        const one = tokens.slice([0, at, 0], [rows, 1, width]).reshape([rows, width])
        const real = mask.slice([0, at], [rows, 1])
        const next = one.matMul(parameters.input).add(state.matMul(parameters.state)).tanh()
        state = next.mul(real).add(state.mul(tf.sub(1, real)))
        states.push(state)
      }
      const all = tf.stack(states, 1)
      const scores = all.reshape([-1, width]).matMul(parameters.query).reshape([rows, length])
      const share = tf.softmax(scores.add(mask.sub(1).mul(1e9)))
      return all.mul(share.expandDims(2)).sum(1).matMul(parameters.head).flatten()
    }
    const run = train(
      {
        parameters,
        loss: ({ x, y, mask }) => {
          const z = logits(x, mask)
          const perExample = z.relu().sub(z.mul(y)).add(z.abs().neg().exp().log1p())
          return { loss: perExample.mean(), perExample }
        },
        predict: (x, { mask }) => logits(x, mask).sigmoid(),
      },
      {
        data,
        evaluateOn: data,
        optimizer: adam({ learningRate: 0.02 }),
        metrics: [accuracy],
        batchSize: 32,
        seed: 1,
        save: false,
      },
    )
    await run.iterate(150)
    const { accuracy: reached } = (await run.evaluate()) as unknown as { accuracy: number }
    expect(reached).toBeGreaterThan(0.9)
    const longer = fromArrays({ x: texts, y: labels }, { pad: { x: { length: 24 } } })
    expect((await run.evaluate(longer)).loss).toBeCloseTo((await run.evaluate()).loss, 5)
    expect(JSON.stringify(shown)).not.toContain('kernel by kernel')
  })
})

function accuracy(expected: tf.Tensor, predicted: tf.Tensor): tf.Tensor {
  return predicted.greater(0.5).equal(expected.greater(0.5))
}
