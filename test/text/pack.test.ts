import { describe, expect, it } from 'vitest'
import { createRandom } from '../../src/data/random.js'
import { packWhole } from '../../src/text/data/index.js'

/** Rows of best fit by falling length, looked for one by one. */
function slowly(lengths: readonly number[], room: number): number {
  const left: number[] = []
  let full = 0
  for (const length of lengths) full += Math.floor(length / room)
  for (const rest of lengths
    .map((length) => length % room)
    .filter((length) => length > 0)
    .toSorted((a, b) => b - a)) {
    const fitting = left.filter((space) => space >= rest)
    if (fitting.length === 0) left.push(room - rest)
    else left[left.indexOf(Math.min(...fitting))]! -= rest
  }
  return full + left.length
}

describe('items packed whole', () => {
  it('lie in rows as the example says', () => {
    expect(packWhole([5, 3, 2, 9], 8)).toEqual([
      [
        { item: 0, from: 0, length: 5, at: 0 },
        { item: 1, from: 0, length: 3, at: 5 },
      ],
      [
        { item: 2, from: 0, length: 2, at: 0 },
        { item: 3, from: 8, length: 1, at: 2 },
      ],
      [{ item: 3, from: 0, length: 8, at: 0 }],
    ])
    expect(packWhole([], 8)).toEqual([])
    expect(packWhole([0, 8, 0], 8)).toEqual([[{ item: 1, from: 0, length: 8, at: 0 }]])
  })

  it('are each there once, uncut where they fit, in as few rows as best fit takes', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = createRandom(seed)
      const room = 1 + Math.floor(random.next() * (seed % 3 === 0 ? 200 : 40))
      const lengths = Array.from({ length: Math.floor(random.next() * 120) }, () =>
        Math.floor(random.next() ** 2 * room * (seed % 2 ? 1 : 2.5)),
      )
      const rows = packWhole(lengths, room)
      const covered = lengths.map((length) => new Uint8Array(length))
      for (const row of rows) {
        let end = 0
        for (const { item, from, length, at } of row) {
          expect(at).toBe(end)
          end = at + length
          if (lengths[item]! <= room) expect([from, length]).toEqual([0, lengths[item]!])
          for (let i = from; i < from + length; i++) covered[item]![i]!++
        }
        expect(end).toBeGreaterThan(0)
        expect(end).toBeLessThanOrEqual(room)
      }
      expect(covered.every((places) => places.every((times) => times === 1))).toBe(true)
      expect(rows.length).toBe(slowly(lengths, room))
      const firsts = rows.map(([first]) => first!.item)
      expect(firsts).toEqual(firsts.toSorted((a, b) => a - b))
    }
  })

  it('of lengths that are none are refused with their place', () => {
    expect(() => packWhole([3, -1], 8)).toThrow(/lengths\[1\].*-1/s)
    expect(() => packWhole([3, 2.5], 8)).toThrow(/lengths\[1\].*2\.5/s)
    expect(() => packWhole([3], 0)).toThrow(/room/)
  })
})
