import { describe, expect, test } from 'vitest'
import { createRandom } from '../../src/data/index.js'
import {
  Books,
  booksFromPages,
  booksFromVectors,
  bytesOfBooks,
  vectorsOf,
  writtenPages,
} from '../../src/train/books.js'

/** The same books as three plain arrays. */
function plain(length: number) {
  return {
    sums: new Float32Array(length),
    counts: new Uint32Array(length),
    drawn: new Uint32Array(length),
  }
}

describe('the books of what was drawn', () => {
  test('hold what plain arrays would, and go back to any state as it was', () => {
    const length = 1000
    const books = new Books(length)
    const wanted = plain(length)
    const random = createRandom(1)
    const states: { state: ReturnType<Books['state']>; wanted: ReturnType<typeof plain> }[] = []
    for (let iteration = 1; iteration <= 400; iteration++) {
      for (let i = 0; i < 5; i++) {
        const position = random.integer(length)
        const loss = random.next() * 3
        books.draw(position, iteration)
        books.addLoss(position, loss)
        wanted.drawn[position] = iteration
        wanted.sums[position]! += loss
        wanted.counts[position]!++
      }
      if (iteration % 40 === 0) states.push({ state: books.state(), wanted: structuredClone(wanted) })
      if (iteration % 100 === 0) {
        const back = states[random.integer(states.length)]!
        books.restore(back.state)
        for (const name of ['sums', 'counts', 'drawn'] as const) wanted[name].set(back.wanted[name])
      }
    }
    for (const { state, wanted } of states) {
      expect(vectorsOf(state)).toEqual(wanted)
      expect(vectorsOf(booksFromVectors(wanted.sums, wanted.counts, wanted.drawn))).toEqual(wanted)
      expect(vectorsOf(booksFromPages(length, writtenPages(state))!)).toEqual(wanted)
    }
    expect(vectorsOf(books.state())).toEqual(wanted)
    for (const position of [0, 1, 127, 128, 999])
      expect([books.lossSum(position), books.lossCount(position), books.drawn(position)]).toEqual([
        wanted.sums[position],
        wanted.counts[position],
        wanted.drawn[position],
      ])
  })

  test('of ten million take what was written, and a state what changed since the one before', () => {
    const books = new Books(10_000_000)
    const first = books.state()
    for (let i = 0; i < 64; i++) books.draw(i * 150_000, 1)
    const second = books.state()
    books.draw(0, 2)
    const third = books.state()
    expect([first, second, third].map((state, i, all) => bytesOfBooks(state, all[i - 1]))).toEqual([
      8 * 78_125,
      8 * 78_125 + 64 * 1536,
      8 * 78_125 + 1536,
    ])
    expect(books.state()).toBe(third)
    expect(writtenPages(third).values.length).toBe(64 * 384)
  })

  test('on disk that do not fit are none', () => {
    const values = new Uint32Array(384)
    expect(booksFromPages(100, { numbers: Int32Array.of(0), values })).toBeDefined()
    for (const numbers of [[1], [-1], [0, 0], []])
      expect(booksFromPages(100, { numbers: Int32Array.from(numbers), values })).toBeUndefined()
  })
})
