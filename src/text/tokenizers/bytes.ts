import { named } from '../../suggest.js'
import { bpeModel } from './bpe-json.js'
import { addedTokens } from './characters.js'
import { byteLetters } from './letters.js'
import {
  bytesOf,
  checkId,
  checkText,
  joinBytes,
  numberSpecial,
  splitSpecial,
  type Tokenizer,
} from './tokenizer.js'

/**
 * One token for each of the 256 bytes of UTF-8: knows every text, in any language.
 *
 * @param options.special texts of special tokens, numbered from 256 on.
 * @example const tokenizer = byteTokenizer(), ids = tokenizer.encode('naïve')
 */
export function byteTokenizer(options: { special?: readonly string[] } = {}): Tokenizer {
  const { special: texts = [] } = named(options, ['special'], 'byteTokenizer(options)')
  const special = numberSpecial(texts, 256, 'byteTokenizer(')
  const size = 256 + texts.length
  const bytes = (id: number) => {
    checkId(id, size, 'tokenizer.bytes(id)')
    return id < 256 ? Uint8Array.of(id) : bytesOf(texts[id - 256]!)
  }
  return {
    kind: 'bytes',
    size,
    special,
    encode(text, { special: asSpecial = false } = {}) {
      checkText(text, 'tokenizer.encode(text)')
      if (!asSpecial) return Int32Array.from(bytesOf(text))
      const parts = splitSpecial(text, special)
      return Int32Array.from(
        parts.flatMap((part) => (part.id === undefined ? [...bytesOf(part.text)] : [part.id])),
      )
    },
    decode: (ids, { special: asSpecial = true } = {}) =>
      joinBytes(
        Array.from(ids)
          .filter((id) => asSpecial || !(id >= 256))
          .map(bytes),
      ),
    bytes,
    toJSON: () => ({
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: addedTokens(special),
      normalizer: null,
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
      post_processor: null,
      decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
      model: bpeModel(
        {
          ...Object.fromEntries(byteLetters.map((letter, byte) => [letter, byte])),
          ...special,
        },
        [],
      ),
    }),
  }
}
