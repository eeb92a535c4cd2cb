import * as tf from '@tensorflow/tfjs'
import type { Metric } from '../../train/loss/metrics.js'
import { describe, InputError } from '../../errors.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'

/**
 * Bits per byte, as a metric: what the loss comes to for each byte of the text (UTF-8), so that models with different
 * tokenizers can be compared: nats / (ln 2 x bytes), of all tokens together. Special tokens have a loss and no bytes.
 *
 * @example
 * const text = 'to be or not to be '.repeat(40), tokenizer = byteTokenizer()
 * const { train: trainSet, validation } = windows(text, tokenizer, { context: 32 })
 * const run = train(gpt({ ...presets.tiny, vocabulary: tokenizer.size }), {
 *   data: trainSet, evaluateOn: validation, optimizer: adamw({ learningRate: 3e-3 }),
 *   metrics: ['perplexity', bitsPerByte(tokenizer)],
 * })
 * const { loss, perplexity, bitsPerByte: bits } = await run.evaluate()
 */
export function bitsPerByte(tokenizer: Tokenizer): Metric<'bitsPerByte'> {
  if (typeof tokenizer?.bytes !== 'function')
    throw new InputError({
      where: 'bitsPerByte(tokenizer)',
      received: describe(tokenizer),
      expected: 'the tokenizer of the data',
    })
  let lengths: Float32Array | undefined
  const bytesOf = (y: tf.Tensor): tf.Tensor1D => {
    lengths ??= bytesByToken(tokenizer)
    const ids = y.dataSync()
    const size = ids.length / y.shape[0]!
    const bytes = new Float32Array(y.shape[0]!)
    for (const [place, id] of ids.entries()) if (id >= 0) bytes[Math.floor(place / size)]! += lengths[id] ?? 0
    return tf.tensor1d(bytes)
  }
  return {
    name: 'bitsPerByte',
    larger: false,
    ofLosses: true,
    perExample(y, _, losses) {
      const tokens = y.greaterEqual(0).cast('float32').reshape([y.shape[0]!, -1]).sum(-1)
      return losses.mul(tokens).div(bytesOf(y).maximum(1)).div(Math.LN2)
    },
    weight: bytesOf,
  }
}

function bytesByToken(tokenizer: Tokenizer): Float32Array {
  const special = new Set(Object.values(tokenizer.special))
  return Float32Array.from({ length: tokenizer.size }, (_, id) =>
    special.has(id) ? 0 : tokenizer.bytes(id).length,
  )
}
