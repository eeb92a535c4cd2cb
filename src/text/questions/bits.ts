import { tokenLosses } from '../generation/token-losses.js'
import type { Gpt } from '../models/gpt.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'

/** Bits per byte of a text in UTF-8: nats / (ln 2 x bytes) of all tokens but the first, which nothing stands before. */
export async function bitsPerByteOf(model: Gpt, tokenizer: Tokenizer, text: string): Promise<number> {
  const losses = await tokenLosses(model, tokenizer, text)
  const nats = losses.reduce((sum, { loss }) => sum + loss, 0)
  const first = tokenizer.bytes(tokenizer.encode(text)[0]!).length
  return nats / Math.LN2 / (new TextEncoder().encode(text).length - first)
}
