import { addedTokens } from './characters.js'
import { Heap } from './heap.js'
import { bpeModel } from './bpe-json.js'
import { byteLetters } from './letters.js'
import { alphabet, keyOf, type Merge } from './merges.js'
import { splitPatterns, type SplitPattern } from './patterns.js'
import {
  bytesOf,
  checkId,
  checkText,
  joinBytes,
  numberSpecial,
  splitSpecial,
  type Tokenizer,
} from './tokenizer.js'

/** What a byte-level BPE tokenizer is made of. */
export interface BpeParts {
  merges: readonly Merge[]
  /** The bytes of each token that is not special. */
  tokens: readonly Uint8Array[]
  pattern: SplitPattern
  special: readonly string[]
}

/** Words whose ids are kept: a text repeats the same ones. */
const mostWords = 100_000

/** Bytes from which on a word is no word that comes again. */
const longWord = 128

export function bpeFrom({ merges, tokens, pattern, special: texts }: BpeParts): Tokenizer {
  const special = numberSpecial(texts, tokens.length, 'a BPE tokenizer (')
  const size = tokens.length + texts.length
  const idOfBytes = new Map(tokens.map((bytes, id) => [keyOf(bytes), id]))
  const idOfByte = new Int32Array(256)
  for (const [id, byte] of alphabet.entries()) idOfByte[byte] = id
  // A pair as one number -> its rank and what it becomes.
  const rankOf = new Map<number, number>()
  const becomes = new Int32Array(merges.length)
  for (const [rank, [left, right]] of merges.entries()) {
    const pair = left * size + right
    if (!rankOf.has(pair)) rankOf.set(pair, rank)
    becomes[rank] = idOfBytes.get(keyOf(tokens[left]!) + keyOf(tokens[right]!))!
  }
  const known = new Map<string, readonly number[]>()

  const rankAt = (left: number, right: number) => rankOf.get(left * size + right) ?? Infinity

  function encodeWord(word: string): readonly number[] {
    const found = known.get(word)
    if (found) return found
    const ids = Array.from(bytesOf(word), (byte) => idOfByte[byte]!)
    if (ids.length > longWord) return mergeLong(ids)
    mergeShort(ids)
    if (known.size >= mostWords) known.clear()
    known.set(word, ids)
    return ids
  }

  /** The pair with the lowest rank is merged first, wherever it stands, until none is left. */
  function mergeShort(ids: number[]): void {
    for (;;) {
      let best = Infinity
      for (let at = 0; at + 1 < ids.length; at++) best = Math.min(best, rankAt(ids[at]!, ids[at + 1]!))
      if (best === Infinity) return
      const [left, right] = merges[best]!
      let to = 0
      for (let from = 0; from < ids.length; from++)
        if (ids[from] === left && ids[from + 1] === right) {
          ids[to++] = becomes[best]!
          from++
        } else ids[to++] = ids[from]!
      ids.length = to
    }
  }

  /** The same in time that grows with the length and its logarithm: a megabyte without a space is one word. */
  function mergeLong(ids: number[]): number[] {
    const next = Int32Array.from(ids, (_, at) => at + 1)
    const before = Int32Array.from(ids, (_, at) => at - 1)
    const heap = new Heap<{ rank: number; at: number; left: number; right: number }>(
      (a, b) => a.rank < b.rank || (a.rank === b.rank && a.at < b.at),
    )
    const offer = (at: number) => {
      const behind = at >= 0 ? next[at]! : ids.length
      if (behind >= ids.length) return
      const [left, right] = [ids[at]!, ids[behind]!]
      const rank = rankAt(left, right)
      if (rank !== Infinity) heap.push({ rank, at, left, right })
    }
    for (let at = 0; at + 1 < ids.length; at++) offer(at)
    for (let top = heap.pop(); top; top = heap.pop()) {
      const { rank, at, left, right } = top
      const behind = next[at]!
      // What stood there when it was offered may have been merged since.
      if (ids[at] !== left || behind >= ids.length || ids[behind] !== right) continue
      ids[at] = becomes[rank]!
      ids[behind] = -1
      next[at] = next[behind]!
      if (next[at]! < ids.length) before[next[at]!] = at
      offer(at)
      offer(before[at]!)
    }
    return ids.filter((id) => id !== -1)
  }

  function encodePlain(text: string, into: number[]): void {
    for (const [word] of text.matchAll(splitPatterns[pattern].pattern))
      for (const id of encodeWord(word)) into.push(id)
  }

  const bytes = (id: number) => {
    checkId(id, size, 'tokenizer.bytes(id)')
    return tokens[id] ?? bytesOf(texts[id - tokens.length]!)
  }

  return {
    kind: 'bpe',
    size,
    special,
    encode(text, { special: asSpecial = false } = {}) {
      checkText(text, 'tokenizer.encode(text)')
      const ids: number[] = []
      if (!asSpecial) encodePlain(text, ids)
      else
        for (const part of splitSpecial(text, special)) {
          if (part.id === undefined) encodePlain(part.text, ids)
          else ids.push(part.id)
        }
      return Int32Array.from(ids)
    },
    decode: (ids, { special: asSpecial = true } = {}) =>
      joinBytes(
        Array.from(ids)
          .filter((id) => asSpecial || !(id >= tokens.length))
          .map(bytes),
      ),
    bytes,
    toJSON() {
      const letters = tokens.map((token) => Array.from(token, (byte) => byteLetters[byte]).join(''))
      return {
        version: '1.0',
        truncation: null,
        padding: null,
        added_tokens: addedTokens(special),
        normalizer: null,
        pre_tokenizer: {
          type: 'Sequence',
          pretokenizers: [
            {
              type: 'Split',
              pattern: { Regex: splitPatterns[pattern].rust },
              behavior: 'Isolated',
              invert: false,
            },
            { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
          ],
        },
        post_processor: null,
        decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
        model: bpeModel(
          { ...Object.fromEntries(letters.map((text, id) => [text, id])), ...special },
          merges.map(([left, right]) => [letters[left], letters[right]]),
        ),
      }
    },
  }
}
