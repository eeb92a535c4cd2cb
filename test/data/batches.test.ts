import { describe, expect, it } from 'vitest'
import { batches, fromArrays, orderOf, pad, type BatchOptions, type Cursor } from '../../src/data/index.js'

const data = fromArrays({
  x: Float32Array.from({ length: 103 }, (_, i) => i),
  y: Int32Array.from({ length: 103 }, (_, i) => i % 3),
})

function walk(options: BatchOptions, most = Infinity): { ids: number[][]; cursor: Cursor | undefined } {
  const ids: number[][] = []
  let cursor: Cursor | undefined
  for (const batch of batches(data, options)) {
    ids.push(batch.ids)
    cursor = batch.cursor
    batch.x.dispose()
    batch.y.dispose()
    if (ids.length >= most) break
  }
  return { ids, cursor }
}
const sorted = (ids: number[][]) => ids.flat().toSorted((a, b) => a - b)
const everyId = [...Array(103).keys()]

describe('batches', () => {
  it('give every example once an epoch, in another order each time', () => {
    const { ids } = walk({ size: 10, seed: 1, epochs: 2 })
    expect(ids.map((batch) => batch.length)).toEqual([...Array(10).fill(10), 3, ...Array(10).fill(10), 3])
    expect(sorted(ids.slice(0, 11))).toEqual(everyId)
    expect(sorted(ids.slice(11))).toEqual(everyId)
    expect(ids.slice(0, 11)).not.toEqual(ids.slice(11))
    expect(walk({ size: 10, seed: 1, epochs: 2 }).ids).toEqual(ids)
    expect(walk({ size: 10, seed: 2, epochs: 2 }).ids).not.toEqual(ids)
  })

  it('go on from a cursor as if they had not stopped, wherever that is', () => {
    for (const shuffle of ['exact', 16, false] as const) {
      const options = { size: 10, seed: 5, shuffle, epochs: 3 }
      const whole = walk(options).ids
      for (const stop of [1, 10, 11, 12, 25]) {
        const { ids, cursor } = walk(options, stop)
        expect([...ids, ...walk({ ...options, cursor: structuredClone(cursor!) }).ids]).toEqual(whole)
      }
    }
  })

  it('can leave out what does not fill a batch', () => {
    const { ids, cursor } = walk({ size: 10, epochs: 1, rest: 'drop' })
    expect(ids.map((batch) => batch.length)).toEqual(Array(10).fill(10))
    expect(cursor).toEqual({ epoch: 1, offset: 0 })
  })

  it('shuffled in windows stay within them, and mix all the same', () => {
    const order = orderOf(1000, 1, 0, 100)
    expect([...order].toSorted((a, b) => a - b)).toEqual([...Array(1000).keys()])
    for (let window = 0; window < 10; window++) {
      const own = order.subarray(window * 100, window * 100 + 100)
      expect(new Set(own.map((place) => Math.floor(place / 100))).size).toBe(1)
      expect([...own]).not.toEqual([...own].toSorted((a, b) => a - b))
    }
    expect(orderOf(1000, 1, 0, 100)).not.toEqual(orderOf(1000, 1, 1, 100))
  })

  it('refuse what is no size', () => {
    expect(() => walk({ size: 0 })).toThrow(/received 0. Expected a whole number/)
    expect(() => walk({ size: 200, rest: 'drop' })).toThrow(/received 200 of 103 examples/)
    expect(() => walk({ size: 10, shuffle: -1 })).toThrow(/the size of a window/)
    expect(() => walk({ size: 10, rest: 'skip' as never })).toThrow(/'keep' or 'drop'/)
    expect(() => walk({ size: 10, epochs: 0 })).toThrow(/received 0. Expected a number above 0/)
    expect(() => walk({ size: 10, shufle: 1 } as never)).toThrow(/Did you mean 'shuffle'/)
    expect(() => walk({ size: 10, cursor: { epoch: 0, offset: -1 } })).toThrow(/the cursor of a batch/)
    expect(() => orderOf(10, 1, 0.5)).toThrow(/received 0.5. Expected a whole number/)
  })
})

describe('padding', () => {
  it('makes rows of equal length and says how much of each is real', () => {
    expect(pad([[1, 2, 3], [4], []])).toEqual({
      values: Int32Array.of(1, 2, 3, 4, 0, 0, 0, 0, 0),
      lengths: Int32Array.of(3, 1, 0),
      shape: [3],
    })
  })

  it('cuts and fills on the side that is asked for', () => {
    expect(pad([[1, 2, 3], [4]], { length: 2, value: -1 }).values).toEqual(Int32Array.of(1, 2, 4, -1))
    expect(pad([[1, 2, 3], [4]], { length: 2, value: -1, side: 'left' }).values).toEqual(
      Int32Array.of(2, 3, -1, 4),
    )
  })
})
