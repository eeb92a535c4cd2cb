import { describe, expect, it } from 'vitest'
import { createRandom, fromArrays, split } from '../../src/data/index.js'

/** Data of groups of differing sizes, each with a class that it has most of. */
function grouped(seed: number, count: number) {
  const random = createRandom(seed)
  const classes = 2 + random.integer(4)
  const y: number[] = []
  const groups: number[] = []
  for (let group = 0; group < count; group++) {
    const size = 1 + random.integer(20)
    const own = random.integer(classes)
    for (let i = 0; i < size; i++) {
      y.push(random.next() < 0.6 ? own : random.integer(classes))
      groups.push(group)
    }
  }
  const data = fromArrays(
    { x: Float32Array.from(y), y: Int32Array.from(y) },
    { classes: Array.from({ length: classes }, (_, i) => `class ${i}`) },
  )
  return { data, groups, y, classes }
}

describe('a split that is stratified and grouped', () => {
  const shares = { train: 0.6, validation: 0.2, test: 0.2 }

  it('cuts none of 120 groups, with sizes and classes near their shares, whatever the groups', () => {
    let worstSize = 0
    let worstClass = 0
    for (let seed = 0; seed < 100; seed++) {
      const { data, groups, y, classes } = grouped(seed, 120)
      const parts = split(data, shares, { stratify: true, groups: (i) => groups[i]!, seed })
      const home = new Set<number>()
      for (const name of ['train', 'validation', 'test'] as const) {
        const part = parts[name]
        for (const group of new Set(Array.from(part.ids, (id) => groups[id]!))) {
          expect(home.has(group)).toBe(false)
          home.add(group)
        }
        const share = shares[name]
        worstSize = Math.max(worstSize, Math.abs(part.length / y.length - share))
        for (let one = 0; one < classes; one++) {
          const all = y.filter((value) => value === one).length
          const here = Array.from(part.ids).filter((id) => y[id] === one).length
          worstClass = Math.max(worstClass, Math.abs(here / all - share))
        }
      }
      expect(parts.train.length + parts.validation.length + parts.test.length).toBe(y.length)
    }
    // Groups are up to 3 % of the data, and of a class up to 10 %.
    expect(worstSize).toBeLessThan(0.02)
    expect(worstClass).toBeLessThan(0.06)
  })

  it('is the same with the same seed, another with another, and leaves out what no share asks for', () => {
    const { data, groups, y } = grouped(7, 60)
    const of = (seed: number) =>
      Array.from(split(data, { train: 0.5 }, { stratify: true, groups: (i) => groups[i]!, seed }).train.ids)
    expect(of(1)).toEqual(of(1))
    expect(of(1)).not.toEqual(of(2))
    expect(Math.abs(of(1).length / y.length - 0.5)).toBeLessThan(0.02)
  })

  it('gives every split a group where there are as many, and refuses groups without a name', () => {
    const data = fromArrays({ x: new Float32Array(30), y: new Int32Array(30) }, { classes: ['a'] })
    const parts = split(data, shares, { stratify: true, groups: (i) => Math.floor(i / 10) })
    expect([parts.train.length, parts.validation.length, parts.test.length]).toEqual([10, 10, 10])
    expect(() => split(data, shares, { groups: () => undefined as never })).toThrow(
      /received undefined for the example at position 0/,
    )
    expect(() => split(data, shares, { groups: [1, 2] as never })).toThrow(/a function that names the group/)
    expect(() => split(data, shares, { seed: '1' as never })).toThrow(
      /received '1'. Expected a finite number/,
    )
  })
})

describe('a split', () => {
  it('deals as it always did, so that what was held out from a run on disk stays held out', () => {
    const y = Int32Array.from({ length: 40 }, (_, i) => (i * i) % 3)
    const data = fromArrays({ x: new Float32Array(40), y }, { classes: ['a', 'b', 'c'] })
    const test = (options: object) =>
      Array.from(split(data, { train: 0.6, validation: 0.25, test: 0.1 }, options).test.ids)
    expect([test({}), test({ stratify: true, seed: 5 }), test({ groups: (i: number) => i % 11 })]).toEqual([
      [28, 1, 4, 14],
      [10, 30, 1, 14],
      [25, 14, 36, 3],
    ])
  })
})
