import { Heap } from './heap.js'
import { byteLetters } from './letters.js'
import { splitPatterns, type SplitPattern } from './patterns.js'

/** Two neighbouring tokens that become one; its id is 256 + the place in the list, or that of an equal token before it. */
export type Merge = readonly [left: number, right: number]

/** What the trainer needs of a text: its words with how often each occurs. Grows text by text. */
export class WordCounts {
  readonly #counts = new Map<string, number>()
  readonly #pattern: RegExp
  constructor(pattern: SplitPattern) {
    this.#pattern = splitPatterns[pattern].pattern
  }

  add(text: string): void {
    const counts = this.#counts
    for (const [word] of text.matchAll(this.#pattern)) counts.set(word, (counts.get(word) ?? 0) + 1)
  }

  get size(): number {
    return this.#counts.size
  }

  *[Symbol.iterator](): Iterable<[string, number]> & Iterator<[string, number]> {
    yield* this.#counts
  }
}

/** Bytes are numbered by the code points of their letters, as Python's `tokenizers` numbers its alphabet: it decides ties. */
const order = byteLetters
  .map((letter, byte) => [letter.codePointAt(0)!, byte] as const)
  .toSorted((a, b) => a[0] - b[0])
  .map(([, byte]) => byte)

/** The byte of each of the first 256 ids. */
export const alphabet: readonly number[] = order
const idOfByte = new Uint8Array(256)
for (const [id, byte] of order.entries()) idOfByte[byte] = id

/** Pairs as one number: ids stay under 2^26. */
const pairOf = (left: number, right: number) => left * 67_108_864 + right

interface Entry {
  pair: number
  count: number
  words: Set<number>
}

/** The most frequent pair first; of equally frequent ones the one with the lower ids. */
const isBefore = (a: Entry, b: Entry) => a.count > b.count || (a.count === b.count && a.pair < b.pair)

/**
 * Learns merges from counted words: byte pair encoding (Gage 1994; Sennrich, Haddow and Birch 2016, arXiv 1508.07909) over
 * bytes (Radford et al. 2019). Only the words that have a pair are looked at when it is merged, and counts are kept up to
 * date instead of counted anew. Gives the merges of Python's `tokenizers` (BpeTrainer), ties included.
 *
 * @param most how many tokens beyond the 256 bytes.
 * @param onProgress is told now and then how many there are.
 */
export function learnMerges(
  counted: Iterable<[string, number]>,
  most: number,
  minimum: number,
  onProgress: (tokens: number) => void = () => {},
): { merges: Merge[]; tokens: Uint8Array[] } {
  const encoder = new TextEncoder()
  const words: number[][] = []
  const counts: number[] = []
  for (const [word, count] of counted) {
    words.push(Array.from(encoder.encode(word), (byte) => idOfByte[byte]!))
    counts.push(count)
  }
  const countOf = new Map<number, number>()
  const wordsOf = new Map<number, Set<number>>()
  for (const [index, word] of words.entries())
    for (let at = 0; at + 1 < word.length; at++) {
      const pair = pairOf(word[at]!, word[at + 1]!)
      countOf.set(pair, (countOf.get(pair) ?? 0) + counts[index]!)
      const having = wordsOf.get(pair)
      if (having) having.add(index)
      else wordsOf.set(pair, new Set([index]))
    }
  const heap = new Heap(isBefore)
  for (const [pair, having] of wordsOf) heap.push({ pair, count: countOf.get(pair)!, words: having })
  wordsOf.clear()

  const tokens: Uint8Array[] = alphabet.map((byte) => Uint8Array.of(byte))
  // Two ways to the same bytes are one token.
  const idOf = new Map(tokens.map((bytes, id) => [keyOf(bytes), id]))
  const merges: Merge[] = []
  for (let told = 0; tokens.length < 256 + most;) {
    const top = heap.pop()
    if (!top) break
    const now = countOf.get(top.pair) ?? 0
    if (now !== top.count) {
      if (now > 0) heap.push({ ...top, count: now })
      continue
    }
    if (now < Math.max(1, minimum)) break
    const left = Math.floor(top.pair / 67_108_864)
    const right = top.pair % 67_108_864
    const bytes = new Uint8Array(tokens[left]!.length + tokens[right]!.length)
    bytes.set(tokens[left]!)
    bytes.set(tokens[right]!, tokens[left]!.length)
    const key = keyOf(bytes)
    let id = idOf.get(key)
    if (id === undefined) {
      id = tokens.push(bytes) - 1
      idOf.set(key, id)
    }
    merges.push([left, right])
    const grown = new Map<number, Set<number>>()
    for (const index of top.words) {
      const count = counts[index]!
      mergeIn(words[index]!, left, right, id, (pair, change) => {
        countOf.set(pair, (countOf.get(pair) ?? 0) + change * count)
        if (change < 0) return
        const having = grown.get(pair)
        if (having) having.add(index)
        else grown.set(pair, new Set([index]))
      })
    }
    for (const [pair, having] of grown) {
      const count = countOf.get(pair)!
      if (count > 0) heap.push({ pair, count, words: having })
    }
    if (merges.length - told >= 64) onProgress((told = merges.length))
  }
  return { merges, tokens }
}

/** Replaces each `left right` of a word by `id`, from the left, and says which pairs became fewer or more. */
function mergeIn(
  word: number[],
  left: number,
  right: number,
  id: number,
  changed: (pair: number, change: 1 | -1) => void,
): void {
  let to = 0
  for (let from = 0; from < word.length; from++) {
    if (word[from] === left && from + 1 < word.length && word[from + 1] === right) {
      if (to > 0) {
        changed(pairOf(word[to - 1]!, left), -1)
        changed(pairOf(word[to - 1]!, id), 1)
      }
      if (from + 2 < word.length) {
        changed(pairOf(right, word[from + 2]!), -1)
        changed(pairOf(id, word[from + 2]!), 1)
      }
      word[to++] = id
      from++
    } else word[to++] = word[from]!
  }
  word.length = to
}

/** Bytes as a key: one letter each. */
export const keyOf = (bytes: Uint8Array): string => String.fromCharCode(...bytes)
