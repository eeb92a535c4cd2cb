import { describe, InputError } from '../../errors.js'
import type { TokenizationView } from '../../views.js'
import { bytesOf, checkText, type Tokenizer } from './tokenizer.js'

/** How many of the longest tokens are told. */
const mostLongest = 12

/**
 * A text as its tokens, to look at before anything is trained on them: the strip of the tokens, how many bytes one stands for,
 * and the longest that the tokenizer has in it.
 *
 * @param text what is cut into tokens; of a long one the strip shows the beginning.
 * @example tokenization(byteTokenizer(), 'naïve')
 */
export function tokenization(tokenizer: Tokenizer, text: string): TokenizationView {
  const where = 'tokenization(tokenizer, text)'
  if (typeof tokenizer?.encode !== 'function')
    throw new InputError({ where, received: `${describe(tokenizer)} as tokenizer`, expected: 'a tokenizer' })
  checkText(text, where)
  const ids = tokenizer.encode(text)
  const used = new Map<number, number>()
  for (const id of ids) used.set(id, (used.get(id) ?? 0) + 1)
  const longest = [...used]
    .map(([id, count]) => ({ id, token: tokenizer.decode([id]), bytes: tokenizer.bytes(id).length, count }))
    .toSorted((a, b) => b.bytes - a.bytes || b.count - a.count || a.id - b.id)
    .slice(0, mostLongest)
  return {
    kind: 'tokenization',
    vocabulary: tokenizer.size,
    used: used.size,
    bytes: bytesOf(text).length,
    bytesPerToken: ids.length === 0 ? 0 : bytesOf(text).length / ids.length,
    tokens: Array.from(ids, (id) => ({ id, token: tokenizer.decode([id]) })),
    longest,
  }
}
