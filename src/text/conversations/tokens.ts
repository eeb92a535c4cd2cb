import type { Tokenizer } from '../tokenizers/tokenizer.js'
import type { Piece } from './rendered.js'

/** The tokens of a conversation, and the turn that each is said in by the assistant, or -1. */
export interface ConversationTokens {
  ids: Int32Array
  turns: Int32Array
}

const utf8 = new TextEncoder()

/**
 * Tokens of pieces. Text between two special tokens is encoded as a whole, as a prompt of it would be, unless a token then lies on
 * both sides of where the assistant begins or ends: when it writes, it begins with a token of its own.
 */
export function encodePieces(pieces: readonly Piece[], tokenizer: Tokenizer): ConversationTokens {
  const ids: number[] = []
  const turns: number[] = []
  const add = (some: ArrayLike<number>, turn = -1) => {
    for (let i = 0; i < some.length; i++) {
      ids.push(some[i]!)
      turns.push(turn)
    }
  }
  for (let from = 0; from < pieces.length;) {
    const first = pieces[from]!
    if (first.special !== undefined) {
      add([first.special], first.turn)
      from++
      continue
    }
    let to = from
    while (to < pieces.length && pieces[to]!.special === undefined) to++
    const parts = pieces.slice(from, to)
    const whole = tokenizer.encode(parts.map(({ text }) => text).join(''))
    const counts = maybeCounts(whole, parts, tokenizer)
    if (counts) {
      let at = 0
      for (const [i, count] of counts.entries()) add(whole.subarray(at, (at += count)), parts[i]!.turn)
    } else for (const { text, turn } of parts) add(tokenizer.encode(text), turn)
    from = to
  }
  return { ids: Int32Array.from(ids), turns: Int32Array.from(turns) }
}

/** How many tokens each part has; nothing where a token is of two of them, or tokens are not the bytes of the text. */
function maybeCounts(ids: Int32Array, parts: readonly Piece[], tokenizer: Tokenizer): number[] | undefined {
  if (parts.length === 1) return [ids.length]
  const counts: number[] = []
  let at = 0
  for (const { text } of parts) {
    const from = at
    let left = utf8.encode(text).length
    while (left > 0 && at < ids.length) left -= tokenizer.bytes(ids[at++]!).length
    if (left !== 0) return undefined
    counts.push(at - from)
  }
  return at === ids.length ? counts : undefined
}
