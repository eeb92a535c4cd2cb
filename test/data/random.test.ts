import { describe, expect, it } from 'vitest'
import { choose, createRandom, permutation } from '../../src/data/index.js'

describe('seeded randomness', () => {
  it('goes on from its state bit for bit', () => {
    const random = createRandom(7)
    for (let i = 0; i < 100; i++) random.next()
    const copy = createRandom(structuredClone(random.state()))
    expect(Array.from({ length: 50 }, () => copy.next())).toEqual(
      Array.from({ length: 50 }, () => random.next()),
    )
  })

  it('differs between seeds, fractions and large numbers included', () => {
    const first = [0, 1, -1, 1.5, 2 ** 40, 2 ** 40 + 1].map((seed) => createRandom(seed).next())
    expect(new Set(first).size).toBe(first.length)
  })

  it('is uniform: the mean of 100,000 numbers is 1/2 within five standard errors', () => {
    const random = createRandom(3)
    let sum = 0
    for (let i = 0; i < 100_000; i++) sum += random.next()
    expect(Math.abs(sum / 100_000 - 0.5)).toBeLessThan((5 * Math.sqrt(1 / 12)) / Math.sqrt(100_000))
  })

  it('permutes every number once, and chooses without repeating', () => {
    expect([...permutation(1000, createRandom(1))].toSorted((a, b) => a - b)).toEqual([...Array(1000).keys()])
    expect(new Set(choose(1_000_000, 500, createRandom(1))).size).toBe(500)
    expect(choose(10, 4, createRandom(1))).toHaveLength(4)
  })
})
