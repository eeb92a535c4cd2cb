import { beforeAll, describe, expect, it } from 'vitest'
import { committed, execute, minutes, said, sourcesOf } from './notebook.js'

const name = '05-a-language-model-from-nothing'
/** A few iterations: words begin, sentences do not. */
const fast = 36

/** The two numbers that a line says of characters and of pieces. */
function both(text: string, what: string): [characters: number, pieces: number] {
  const found = new RegExp(`${what}: characters ([\\d.]+), pieces ([\\d.]+)`).exec(text)
  if (!found) throw new Error(`${what} is not in:\n${text}`)
  return [Number(found[1]), Number(found[2])]
}

function words(text: string): [number, number][] {
  const found = /real words: characters (\d+) % -> (\d+) %, pieces (\d+) % -> (\d+) %/.exec(text)!
  return [
    [Number(found[1]), Number(found[2])],
    [Number(found[3]), Number(found[4])],
  ]
}

/** Bits of a character: where all are alike, and by how often they come. Both are known without a model. */
const [alike, byCounting] = [6.48, 4.52]

describe(`notebooks/${name}`, () => {
  let text = ''
  beforeAll(async () => {
    const cells = await execute(name, { parameters: [`iterations=${fast}`], timeout: 9 * minutes })
    expect(sourcesOf(cells).slice(2)).toEqual(sourcesOf(committed(name)).slice(2))
    text = said(cells)
  }, 9 * minutes)

  it('learns in a few iterations what is more than a guess, in pieces more than counting characters says', () => {
    const bits = both(text, 'bits per byte')
    expect(bits[0]).toBeLessThan(alike - 1.5)
    expect(bits[1]).toBeLessThan(byCounting)
  })

  it('writes more real words than at the first evaluation, once it has gone on', () => {
    const shares = [...text.matchAll(/, ([\d.]+) % real words/g)].map(([, share]) => Number(share))
    const [, [first]] = words(text) as [unknown, [number]]
    expect(shares.at(-1)!).toBeGreaterThan(first)
  })

  describe('as it is committed', () => {
    const kept = said(committed(name))

    it('comes to fewer bits a byte by pieces than by characters', () => {
      const [characters, pieces] = both(kept, 'bits per byte')
      expect(pieces).toBeLessThan(characters)
      expect(characters).toBeLessThan(3)
    })

    it('writes more real words at the end than at first, and mostly real ones', () => {
      const [[first, last], [firstOfPieces]] = words(kept) as [[number, number], [number, number]]
      expect(last).toBeGreaterThan(first)
      const shares = [...kept.matchAll(/, ([\d.]+) % real words/g)].map(([, share]) => Number(share))
      expect(shares.at(-1)!).toBeGreaterThan(firstOfPieces)
      expect(shares.at(-1)!).toBeGreaterThan(70)
    })
  })
})
