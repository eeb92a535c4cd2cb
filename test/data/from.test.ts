import { inspect } from 'node:util'
import * as tf from '@tensorflow/tfjs'
import { describe, expect, it } from 'vitest'
import { fromArrays, fromFunction, fromRecords, sample, examples, toDataset } from '../../src/data/index.js'

const flowers = [
  { id: 11, length: 5.1, width: 3.5, species: 'setosa' },
  { id: 12, length: 7.0, width: 3.2, species: 'versicolor' },
  { id: 13, length: 6.3, width: 3.3, species: 'virginica' },
  { id: 14, length: 4.9, width: 3.0, species: 'setosa' },
]

describe('a dataset from arrays', () => {
  it('takes typed arrays as one number an example', () => {
    const data = fromArrays({ x: new Float32Array([0, 1, 2]), y: new Int32Array([1, 3, 5]) })
    const { x, y, ids } = data.at([2, 0])
    expect([x.shape, y.shape, y.dtype, ids]).toEqual([[2], [2], 'int32', [2, 0]])
    expect([...x.dataSync()]).toEqual([2, 0])
    expect([...y.dataSync()]).toEqual([5, 1])
  })

  it('takes a shape for flat arrays of larger examples', () => {
    const data = fromArrays({ x: new Float32Array(12), y: new Float32Array(2) }, { shape: [2, 3] })
    expect(data.at([0, 1]).x.shape).toEqual([2, 2, 3])
  })

  it('takes tensors, and keeps their values when they are disposed', () => {
    const x = tf.tensor2d([1, 2, 3, 4], [2, 2])
    const data = fromArrays({ x, y: tf.tensor1d([0, 1], 'int32') })
    x.dispose()
    expect([...data.at([1]).x.dataSync()]).toEqual([3, 4])
  })

  it('takes nested arrays, texts, and data without a target', () => {
    expect(
      fromArrays({
        x: [
          [1, 2],
          [3, 4],
        ],
      }).at([0]).x.shape,
    ).toEqual([1, 2])
    const texts = fromArrays({ x: ['good', 'bad'], y: ['pos', 'neg'] })
    expect(texts.classes).toEqual(['neg', 'pos'])
    expect(texts.at([0, 1]).x.dataSync()).toEqual(['good', 'bad'])
    expect([...texts.at([0, 1]).y.dataSync()]).toEqual([1, 0])
    expect(fromArrays({ x: [1, 2] }).at([0]).y.shape).toEqual([1, 0])
  })

  it('keeps whole numbers whole where each example is a typed array of them', () => {
    const data = fromArrays({
      x: [Int32Array.of(3, 16_777_217), Int32Array.of(4, 5)],
      y: [new Float32Array(2), new Float32Array(2)],
    })
    const { x, y } = data.at([0])
    expect([data.x.dtype, x.dtype, [...x.dataSync()]]).toEqual(['int32', 'int32', [3, 16_777_217]])
    expect(y.dtype).toBe('float32')
    const computed = fromFunction(4, (i) => ({ x: Int32Array.of(i, i + 1), y: i }))
    expect(computed.at([1, 2]).x.dtype).toBe('int32')
    expect(computed.at([1, 2]).y.dtype).toBe('float32')
  })

  it('can be taken over but for one of its functions', () => {
    const data = fromArrays({ x: [[1], [2], [3]], y: [0, 1, 0] })
    const doubled = {
      ...data,
      at(positions: ArrayLike<number>) {
        const { x, ...rest } = data.at(positions)
        return { ...rest, x: x.mul(2) }
      },
    }
    expect(toDataset(doubled)).toBe(doubled)
    expect([...doubled.at([2, 0]).x.dataSync()]).toEqual([6, 2])
    expect([doubled.positionOf(1), doubled.valuesAt(1).y[0], doubled.digest()]).toEqual([1, 1, data.digest()])
  })

  it('says what does not fit', () => {
    expect(() => fromArrays({ x: new Float32Array(12), y: new Float32Array(3) })).toThrow(
      /received 12 examples in x and 3 in y.*\{ shape: \[4\] \}/,
    )
    expect(() => fromArrays({ x: new Float32Array(10), y: [1] }, { shape: [3] })).toThrow(
      /received 10 numbers. Expected a multiple of 3/,
    )
    expect(() => fromArrays({ x: [[1, 2], [3]] })).toThrow(/entry 1. Expected 2 numbers/)
    expect(() => fromArrays({ x: [1, 2], y: [0, 2] }, { classes: ['a', 'b'] })).toThrow(
      /received 2 for example 1. Expected a class index from 0 to 1/,
    )
    expect(() => fromArrays({ x: [1, 2] }, { ids: [5, 5] })).toThrow(/the id 5 twice/)
    expect(() => fromArrays({ x: [1, 2] }, { picture: [2, 2, 1] })).toThrow(/\[2, 2, 1\] for x of shape \[\]/)
    expect(() => fromArrays({ x: 'hello' })).toThrow(/received 'hello'/)
    expect(() => toDataset(42)).toThrow(/received 42. Expected a Dataset/)
    expect(() => fromArrays({ x: [1, 2] }).at([2])).toThrow(
      /the position 2. Expected a whole number from 0 to 1/,
    )
  })
})

describe('a dataset from records', () => {
  it('names the target, the id and the features once', () => {
    const data = fromRecords(flowers, { name: 'flowers', y: 'species', id: 'id' })
    expect(data.classes).toEqual(['setosa', 'versicolor', 'virginica'])
    const { x, y, ids } = data.at([3, 1])
    expect(x.shape).toEqual([2, 2])
    expect(Array.from(x.dataSync(), (v) => Number(v.toFixed(3)))).toEqual([4.9, 3, 7, 3.2])
    expect([...y.dataSync()]).toEqual([0, 1])
    expect(ids).toEqual([14, 12])
    expect(data.positionOf(13)).toBe(2)
    expect(data.positionOf(0)).toBeUndefined()
    expect(data.splitOf(13)).toBe('train')
  })

  it('takes records of x and y as they are', () => {
    const data = toDataset([
      { x: [1, 2, 3], y: 0.5 },
      { x: [4, 5, 6], y: 1.5 },
    ])
    expect([data.x.shape, data.y.shape]).toEqual([[3], []])
  })

  it('says which record or field does not fit', () => {
    expect(() => fromRecords(flowers, { y: 'kind' })).toThrow(/the field 'kind'. Expected one of \['id'/)
    expect(() => fromRecords(flowers, { y: 'length' })).toThrow(
      /flowers|species: received 'setosa' in record 0/,
    )
    expect(() => fromRecords([...flowers, { length: null } as never], { x: 'length', y: 'species' })).toThrow(
      /length: received null in record 4/,
    )
    expect(() => fromRecords([])).toThrow(/at least one/)
  })

  it('has a digest of its values, targets and ids', () => {
    const digest = fromRecords(flowers, { y: 'species' }).digest()
    expect(fromRecords(structuredClone(flowers), { y: 'species' }).digest()).toBe(digest)
    const changed = structuredClone(flowers)
    changed[2]!.width += 0.01
    expect(fromRecords(changed, { y: 'species' }).digest()).not.toBe(digest)
    expect(fromRecords(flowers.toReversed(), { y: 'species' }).digest()).not.toBe(digest)
  })
})

describe('a dataset in a cell', () => {
  it('reads as what is in it', () => {
    const data = fromRecords(flowers, { name: 'flowers', y: 'species', id: 'id' })
    const text =
      'Dataset flowers (train): 4 examples, x float32 [2], y int32 [], 3 classes: setosa, versicolor, virginica'
    expect(inspect(data)).toBe(text)
    expect(inspect({ train: data })).toContain(`train: ${text}`)
    expect(String(fromArrays({ x: [1] }))).toBe('Dataset data (train): 1 example, x float32 []')
  })
})

describe('a sample', () => {
  const data = fromRecords(flowers, { y: 'species', id: 'id' })

  it('is drawn with a seed, each example at most once', () => {
    const ids = (seed: number) => sample(data, 3, { seed }).rows.map((row) => row.id)
    expect(ids(1)).toEqual(ids(1))
    expect(new Set(ids(1)).size).toBe(3)
    expect([1, 2, 3, 4, 5].some((seed) => ids(seed).join() !== ids(0).join())).toBe(true)
    expect(sample(data, 100).rows).toHaveLength(4)
  })

  it('names the class that is expected', () => {
    const [row] = examples(data, [12]).rows
    expect(row).toMatchObject({ id: 12, split: 'train', expected: 'versicolor' })
    expect(() => examples(data, [99])).toThrow(/received the id 99. Expected ids of the train split/)
  })

  it('refuses a count that is none', () => {
    expect(() => sample(data, -1)).toThrow(/received -1/)
    expect(() => sample(data, 2, { sed: 1 } as object)).toThrow(/'sed'.*Did you mean 'seed'/)
  })
})
