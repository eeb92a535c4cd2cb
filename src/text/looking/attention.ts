import * as tf from '@tensorflow/tfjs'
import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import type { AttentionView } from '../../views.js'
import type { Gpt } from '../models/gpt.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'
import { idsToRead } from './read.js'

export interface AttentionOptions {
  /** Counted from 0. Default: the last. `layer: 0` */
  layer?: number
  /** One head, or some, counted from 0. Default: all. `head: 2` */
  head?: number | readonly number[]
}

const where = 'model.attention(tokenizer, text, options)'

export async function attentionOf(
  model: Gpt,
  tokenizer: Tokenizer,
  text: string,
  options: AttentionOptions = {},
): Promise<AttentionView> {
  const { layers, heads } = model.config
  const { layer = layers - 1, head } = named(options, ['layer', 'head'], where, {
    heads: 'Its name here is head: one number, or several.',
  })
  checkPlace('layer', layer, layers)
  const shown = head === undefined ? Array.from({ length: heads }, (_, i) => i) : [head].flat()
  for (const one of shown) checkPlace('head', one, heads)
  const ids = idsToRead(model, tokenizer, text, where)
  const { length } = ids
  const values = tf.tidy(() => {
    let weights: tf.Tensor | undefined
    model.logits(tf.tensor2d(ids, [1, length], 'int32'), {
      watching: { attention: (at, given) => void (at === layer && (weights = given)) },
    })
    return weights!.dataSync() as Float32Array
  })
  return {
    kind: 'attention',
    layer,
    heads: shown,
    tokens: Array.from(ids, (id) => tokenizer.decode([id])),
    weights: shown.map((one) =>
      Array.from({ length }, (_, row) =>
        values.slice((one * length + row) * length, (one * length + row + 1) * length),
      ),
    ),
  }
}

function checkPlace(name: string, value: number, count: number): void {
  if (Number.isInteger(value) && value >= 0 && value < count) return
  throw new InputError({
    where: `${where}: ${name}`,
    received: describe(value),
    expected: `a whole number from 0 to ${count - 1}`,
  })
}
