import { describe, expect, it } from 'vitest'
import {
  batches,
  createRandom,
  fromArrays,
  fromFunction,
  orderOf,
  sample,
  type Random,
} from '../../src/data/index.js'

describe('data that is computed', () => {
  it('asks for an example once, whatever is taken of it', () => {
    const asked: number[] = []
    const data = fromFunction(100, (i) => {
      asked.push(i)
      return { x: [i, i + 1], y: i % 3 }
    })
    expect(asked).toEqual([0])
    asked.length = 0
    const batch = data.at([5, 7, 9])
    expect([asked, Array.from(batch.x.dataSync()), Array.from(batch.y.dataSync())]).toEqual([
      [5, 7, 9],
      [5, 6, 7, 8, 9, 10],
      [2, 1, 0],
    ])
    asked.length = 0
    expect(data.valuesAt(4)).toEqual({ x: Float32Array.of(4, 5), y: Float32Array.of(1) })
    data.digest()
    expect(asked).toEqual([4, ...Array(100).keys()])
  })

  it('knows named classes by name and by index', () => {
    const classes = ['cat', 'dog']
    const byName = fromFunction(10, (i) => ({ x: i, y: classes[i % 2] }), { classes })
    const byIndex = fromFunction(10, (i) => ({ x: i, y: i % 2 }), { classes })
    expect([byName.y, byName.digest()]).toEqual([{ shape: [], dtype: 'int32' }, byIndex.digest()])
    const outside = fromFunction(10, (i) => ({ x: i, y: i }), { classes })
    expect(() => outside.at([5])).toThrow(/received 5/)
    expect(() => fromFunction(10, () => ({ x: 1, y: 'cat' }))).toThrow(/names of all classes/)
  })

  it('refuses an example of another shape, with its number', () => {
    const data = fromFunction(10, (i) => ({ x: i === 7 ? [1, 2] : [1], y: 0 }))
    expect(() => data.at([7])).toThrow(
      /float32 of shape \[2\] from make\(7\). Expected float32 of shape \[1\]/,
    )
  })
})

describe('a seed', () => {
  const make = (_: number, random: Random) => ({ x: random.next() })
  const seeds = [0, 1, 1.5, 1.25, -1, -1.5, 2 ** 31, 2 ** 32, 2 ** 32 + 0.5, 2 ** 53, 2 ** 64, 2 ** 65, 1e300]

  it('is another one than each other number', () => {
    const drawn = seeds.map((seed) => fromFunction(10, make, { seed }).valuesAt(3).x[0])
    expect(new Set(drawn).size).toBe(seeds.length)
    expect(new Set(seeds.map((seed) => createRandom(seed).next())).size).toBe(seeds.length)
    expect(new Set(seeds.map((seed) => orderOf(1000, seed, 0).join())).size).toBe(seeds.length)
  })

  it('that is whole draws what it always drew', () => {
    // Drawn before fractions were told apart: runs on disk go on with them.
    expect(orderOf(10, 1, 0)).toEqual(Int32Array.of(0, 5, 8, 2, 4, 1, 9, 6, 3, 7))
    expect(orderOf(10, 4294967299, 3)).toEqual(Int32Array.of(7, 3, 0, 8, 4, 2, 1, 9, 6, 5))
    expect(fromFunction(10, make, { seed: 5 }).valuesAt(3).x[0]).toBe(0.7747206687927246)
    expect(fromFunction(10, make, { seed: -4294967299 }).valuesAt(2).x[0]).toBe(0.42831775546073914)
  })

  it('that is no number is refused', () => {
    const data = fromArrays({ x: new Float32Array(10) })
    for (const seed of [NaN, Infinity, '1', null] as never[]) {
      expect(() => fromFunction(10, make, { seed })).toThrow(/Expected a finite number/)
      expect(() => sample(data, 2, { seed })).toThrow(/Expected a finite number/)
      expect(() => batches(data, { size: 2, seed }).next()).toThrow(/Expected a finite number/)
    }
  })
})
