import { beforeAll, describe, expect, it } from 'vitest'
import { digits, type Splits } from '../../src/data/index.js'

let data: Splits
beforeAll(async () => {
  data = await digits({ seed: 1 })
})

describe('digits', () => {
  it('are 8,000 to train on, 1,000 to validate with and 1,000 to test with', () => {
    expect([data.train.length, data.validation.length, data.test.length]).toEqual([8000, 1000, 1000])
  })

  it('have ids that are unique over the splits and cover the source', () => {
    const ids = new Set([
      ...Array.from(data.train.ids),
      ...Array.from(data.validation.ids),
      ...Array.from(data.test.ids),
    ])
    expect(ids.size).toBe(10_000)
    expect(Math.max(...ids)).toBe(9999)
  })

  it('are images of 28 x 28 in 0..1 with an integer label each', () => {
    const { x, y, ids } = data.train.at([0, 7, 7999])
    expect([x.shape, x.dtype, y.shape, y.dtype]).toEqual([[3, 28, 28, 1], 'float32', [3], 'int32'])
    expect(ids).toEqual([data.train.ids[0], data.train.ids[7], data.train.ids[7999]])
    const values = x.dataSync()
    expect(Math.min(...values)).toBe(0)
    expect(Math.max(...values)).toBeLessThanOrEqual(1)
    expect(Math.max(...values)).toBeGreaterThan(0.9)
  })

  it('are flat when asked, with the same values', async () => {
    const flat = await digits({ seed: 1, flat: true })
    expect(flat.train.x.shape).toEqual([784])
    expect(flat.train.picture).toEqual([28, 28, 1])
    expect(flat.train.at([5]).x.dataSync()).toEqual(data.train.at([5]).x.dataSync())
  })

  it('keep the id of an image whatever the seed, in another order', async () => {
    const other = await digits({ seed: 2 })
    expect(Array.from(other.train.ids)).not.toEqual(Array.from(data.train.ids))
    for (const id of [0, 1234, 9999]) {
      const values = [data, other].map((splits) => {
        const split = splits[splits.train.splitOf(id)!]
        return split.valuesAt(split.positionOf(id)!)
      })
      expect(values[0]).toEqual(values[1])
    }
  })

  it('come in the same order in every call with the same seed', async () => {
    const again = await digits({ seed: 1 })
    expect(again.train.ids).toEqual(data.train.ids)
    expect(again.train.digest()).toBe(data.train.digest())
    expect(data.validation.digest()).not.toBe(data.train.digest())
  })

  it('hold the bytes of the package: what it writes is each byte over 255 to three decimals', async () => {
    const { createRequire } = await import('node:module')
    const raw = createRequire(import.meta.url)('mnist/src/digits/4.json').data as number[]
    const splits = data
    const first = 1001 + 1127 + 991 + 1032 // the digits 0 to 3 come before
    for (const image of [0, 500, 979]) {
      const id = first + image
      const split = splits[splits.train.splitOf(id)!]
      const { x, y } = split.valuesAt(split.positionOf(id)!)
      expect(y[0]).toBe(4)
      const worst = Math.max(
        ...raw.slice(image * 784, (image + 1) * 784).map((v, i) => Math.abs(v - Number(x[i]))),
      )
      expect(worst).toBeLessThanOrEqual(0.0005 + 1e-7) // rounding to three decimals
    }
  })

  it('have every class in every split', () => {
    for (const split of [data.train, data.validation, data.test]) {
      const counts = new Map<number, number>()
      for (let i = 0; i < split.length; i++) {
        const label = Number(split.valuesAt(i).y[0])
        counts.set(label, (counts.get(label) ?? 0) + 1)
      }
      expect(counts.size).toBe(10)
      // the rarest digit, 5, is 8.6 % of the source; five standard deviations of 1,000 draws are 4.4 %
      expect(Math.min(...counts.values()) / split.length).toBeGreaterThan(0.042)
    }
  })

  it('refuse a seed that is no number', async () => {
    await expect(digits({ seed: 'one' as never })).rejects.toThrow(/received 'one'. Expected a finite number/)
  })
})
