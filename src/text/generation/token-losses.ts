import * as tf from '@tensorflow/tfjs'
import { compile } from '../../backend/compile.js'
import { InputError } from '../../errors.js'
import type { Gpt } from '../models/gpt.js'
import { crossEntropy } from '../models/layers.js'
import { checkText, type Tokenizer } from '../tokenizers/tokenizer.js'
import { checkTokenizer } from './generate.js'

/** How little a token was expected. */
export interface TokenLoss {
  /** The text of the token; parts of a character as U+FFFD. */
  token: string
  id: number
  /** In nats: minus the logarithm of its probability. */
  loss: number
}

const compiled = new WeakMap<Gpt, (x: tf.Tensor, y: tf.Tensor) => tf.Tensor>()

export async function tokenLosses(model: Gpt, tokenizer: Tokenizer, text: string): Promise<TokenLoss[]> {
  const where = 'model.tokenLosses(tokenizer, text)'
  checkTokenizer(model, tokenizer, where)
  checkText(text, where)
  const ids = tokenizer.encode(text)
  if (ids.length < 2)
    throw new InputError({
      where,
      received: `a text of ${ids.length} ${ids.length === 1 ? 'token' : 'tokens'}`,
      expected: 'at least two: the first is only looked back at',
    })
  const { context, vocabulary } = model.config
  if (!compiled.has(model))
    compiled.set(
      model,
      compile(
        (x: tf.Tensor, y: tf.Tensor) =>
          crossEntropy(model.logits(x).reshape([x.size, vocabulary]), y.flatten()),
        { otherwise: 'run' },
      ),
    )
  const lossesOf = compiled.get(model)!
  const losses = new Float32Array(ids.length - 1)
  // Windows overlap by half, so that no token has less than half of the context before it, where the text has that.
  const half = Math.max(1, Math.floor(context / 2))
  for (let start = 0; ; start += half) {
    const length = Math.min(context, ids.length - 1 - start)
    const padded = (from: number) => {
      const row = new Int32Array(context)
      row.set(ids.subarray(from, from + length))
      return tf.tensor2d(row, [1, context], 'int32')
    }
    const values = tf.tidy(() => lossesOf(padded(start), padded(start + 1)).dataSync())
    const from = start === 0 ? 0 : context - half
    losses.set(values.subarray(from, length), start + from)
    if (start + length >= ids.length - 1) break
  }
  return Array.from(losses, (loss, at) => ({
    token: tokenizer.decode([ids[at + 1]!]),
    id: ids[at + 1]!,
    loss,
  }))
}
