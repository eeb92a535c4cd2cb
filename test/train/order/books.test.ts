import { describe, expect, test } from 'vitest'
import { createRandom } from '../../../src/data/index.js'
import {
  Books,
  booksFromExamples,
  booksFromVectors,
  bytesOfBooks,
  vectorsOf,
  writtenExamples,
} from '../../../src/train/order/books.js'

/** The same books as three plain arrays. */
function plain(length: number) {
  return {
    sums: new Float32Array(length),
    counts: new Uint32Array(length),
    drawn: new Uint32Array(length),
  }
}

/** As one text each: the matcher looks at every number by itself, which takes half a minute. */
const text = ({ sums, counts, drawn }: ReturnType<Books['vectors']>) => [sums, counts, drawn].join()

describe('the books of what was drawn', () => {
  test('hold what plain arrays would, and go back to any state as it was', () => {
    const length = 5000
    const books = new Books(length)
    const wanted = plain(length)
    const random = createRandom(1)
    const states: { state: ReturnType<Books['state']>; wanted: ReturnType<typeof plain> }[] = []
    for (let iteration = 1; iteration <= 1500; iteration++) {
      for (let i = 0; i < 5; i++) {
        const position = random.integer(length)
        const loss = random.next() * 3
        books.draw(position, iteration, loss)
        wanted.drawn[position] = iteration
        wanted.sums[position]! += loss
        wanted.counts[position]!++
      }
      if (iteration % 40 === 0) states.push({ state: books.state(), wanted: structuredClone(wanted) })
      // To and fro between states on the same line and on others, now and then before a state was taken.
      if (iteration % 100 === 0 || random.next() < 0.03) {
        if (states.length === 0) continue
        const back = states[random.integer(states.length)]!
        books.restore(back.state)
        for (const name of ['sums', 'counts', 'drawn'] as const) wanted[name].set(back.wanted[name])
      }
    }
    for (const { state, wanted } of states) {
      books.restore(state)
      expect(text(books.vectors()) === text(wanted)).toBe(true)
      const read = (one: typeof state) => vectorsOf(length, books.pagesOf(one))
      expect(text(read(state)) === text(wanted)).toBe(true)
      expect(text(read(booksFromVectors(wanted.sums, wanted.counts, wanted.drawn))) === text(wanted)).toBe(
        true,
      )
      expect(
        text(read(booksFromExamples(length, writtenExamples(books.pagesOf(state)))!)) === text(wanted),
      ).toBe(true)
    }
    const last = states.at(-1)!.wanted
    for (const position of [0, 1, 127, 128, 4999])
      expect([books.lossSum(position), books.lossCount(position), books.drawn(position)]).toEqual([
        last.sums[position],
        last.counts[position],
        last.drawn[position],
      ])
  })

  test('of ten million take what was written, and a state what was drawn since the one before', () => {
    const books = new Books(10_000_000)
    const random = createRandom(2)
    const states = [books.state()]
    for (let call = 1; call <= 5; call++) {
      for (let i = 0; i < 1000; i++) books.draw(random.integer(books.length), call, 0.5)
      states.push(books.state())
    }
    expect(states.slice(1).map((state, i) => bytesOfBooks(state, states[i]))).toEqual(Array(5).fill(16_000))
    expect(books.state()).toBe(states.at(-1))
    const { positions, values } = writtenExamples(books.pagesOf(states[2]!))
    expect(positions.length).toBeLessThanOrEqual(2000)
    expect(values.length).toBe(3 * positions.length)
  })

  test('of few examples have whole states now and then, so that going back is quick', () => {
    const books = new Books(1000)
    const wholes = new Set()
    for (let call = 1; call <= 50; call++) {
      for (let i = 0; i < 100; i++) books.draw((call * 37 + i) % 1000, call)
      wholes.add(books.state().whole)
      expect(books.state().since).toBeLessThanOrEqual(500)
    }
    expect(wholes.size).toBe(9)
    for (let i = 0; i < 5000; i++) books.draw(i % 1000, 51)
    expect(books.state().since).toBe(0)
  })

  test('on disk that do not fit are none', () => {
    const of = (positions: number[], count = positions.length) =>
      booksFromExamples(100, { positions: Int32Array.from(positions), values: new Uint32Array(3 * count) })
    expect(of([0, 7, 99])).toBeDefined()
    for (const positions of [[100], [-1], [0, 0], [7, 6]]) expect(of(positions)).toBeUndefined()
    expect(of([0], 2)).toBeUndefined()
  })
})
