/** Intervals are as wide as they say: against scipy's quantiles, and by how often they hold the true value. */
import { describe, expect, test } from 'vitest'
import { fromArrays } from '../../src/data/from.js'
import { createRandom } from '../../src/data/random.js'
import { meanInterval, shareInterval, slicesOf, student } from '../../src/mistakes/index.js'
import { spreadOf } from '../../src/train/run/repeat.js'

/** scipy.stats.t.ppf(0.975, degrees of freedom), scipy 1.16 */
const right = [
  [1, 12.706204736174694],
  [2, 4.302652729749462],
  [3, 3.1824463052837078],
  [4, 2.7764451051977934],
  [7, 2.364624251592784],
  [10, 2.228138851986274],
  [19, 2.0930240544083087],
  [20, 2.085963447265864],
  [21, 2.0796138447276795],
  [22, 2.0738730679040254],
  [30, 2.0422724563012378],
  [60, 2.0002978220142604],
  [99, 1.9842169515864174],
  [120, 1.9799304050824402],
  [200, 1.9718962236339088],
  [500, 1.9647198374673676],
  [1000, 1.9623390808264083],
  [10_000, 1.960201239890626],
  [100_000_000, 1.9599640082627663],
] as const

test.each(right)("Student's t with %d degrees of freedom", (freedom, quantile) => {
  expect(student(freedom)).toBeCloseTo(quantile, 9)
})

test('it falls with each degree, also where its formula changes', () => {
  for (let freedom = 1; freedom < 450; freedom++) expect(student(freedom + 1)).toBeLessThan(student(freedom))
})

test('repeat has it at any number of seeds', () => {
  for (const count of [2, 5, 21, 22, 23, 31]) {
    const values = Array.from({ length: count }, (_, i) => (i % 2 ? 1 : -1) * (1 + i / count))
    const { mean, deviation, from, to } = spreadOf('loss', values)
    const quantile = student(count - 1)
    expect((to - from) / 2).toBeCloseTo((quantile * deviation) / Math.sqrt(count), 10)
    expect((to + from) / 2).toBeCloseTo(mean, 10)
  }
})

/** From a normal distribution (Box and Muller 1958). */
function normal(random: { next(): number }) {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
}

/** How often the interval of the mean loss of slices of `count` examples holds the true mean, in 4,000 of them. */
function held(count: number, draw: (random: { next(): number }) => number, mean: number) {
  const slices = 4000
  const random = createRandom(count)
  const losses = Float32Array.from({ length: slices * count }, () => draw(random))
  const { length } = losses
  const dataset = fromArrays({ x: new Float32Array(length), y: new Float32Array(length) })
  const rows = slicesOf({ iteration: 1, dataset, losses }, ({ id }) => id % slices)
  expect(rows.length).toBe(slices)
  return rows.filter((row) => row.lossFrom <= mean && mean <= row.lossTo).length / slices
}

describe('the interval of a slice holds the true value', () => {
  test.each([2, 3, 5, 10, 30])('19 times in 20 of %d normal losses', (count) => {
    // Three deviations of 4,000 draws are 0.01.
    expect(Math.abs(held(count, (random) => 3 + normal(random), 3) - 0.95)).toBeLessThan(0.011)
  })

  test('of losses that are mostly small less often, as its text says', () => {
    const exponential = (random: { next(): number }) => -Math.log(1 - random.next())
    for (const [count, least] of [
      [5, 0.87],
      [10, 0.89],
      [100, 0.93],
    ] as const)
      expect(held(count, exponential, 1)).toBeGreaterThan(least)
  })

  test('and of the share that is right, on average over shares, at any count', () => {
    for (const count of [1, 2, 5, 20, 100]) {
      let hits = 0
      const random = createRandom(count)
      const rounds = 4000
      for (let i = 0; i < rounds; i++) {
        const share = random.next()
        let found = 0
        for (let j = 0; j < count; j++) found += random.next() < share ? 1 : 0
        const [, from, to] = shareInterval(found, count)
        if (from <= share && share <= to) hits++
      }
      expect(hits / rounds).toBeGreaterThan(0.94)
    }
  })

  test('one loss says nothing of the mean', () => {
    expect(meanInterval([2])).toMatchObject({ mean: 2, from: -Infinity, to: Infinity })
  })
})
