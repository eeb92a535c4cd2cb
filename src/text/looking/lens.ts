import * as tf from '@tensorflow/tfjs'
import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import type { LensView } from '../../views.js'
import { highest, logProbabilities } from '../generation/sample.js'
import type { Gpt } from '../models/gpt.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'
import { idsToRead } from './read.js'

export interface LensOptions {
  /** How many tokens are told of each place. Default: 5. `best: 3` */
  best?: number
}

const where = 'model.lens(tokenizer, text)'

/**
 * The logit lens (nostalgebraist 2020, "interpreting GPT: the logit lens"): the last norm and the last map put behind each
 * layer. In the last row it is the model's own answer.
 */
export async function lensOf(
  model: Gpt,
  tokenizer: Tokenizer,
  text: string,
  options: LensOptions = {},
): Promise<LensView> {
  const { best = 5 } = named(options, ['best'], where)
  if (!Number.isInteger(best) || best < 1)
    throw new InputError({
      where: `${where}: best`,
      received: describe(best),
      expected: 'a whole number, at least 1',
    })
  const ids = idsToRead(model, tokenizer, text, where)
  const { vocabulary } = model.config
  const answers = tf.tidy(() => {
    const streams: tf.Tensor[] = []
    model.logits(tf.tensor2d(ids, [1, ids.length], 'int32'), {
      watching: { stream: (_, stream) => void streams.push(stream) },
    })
    return streams.map((stream) => model.readout(stream).dataSync() as Float32Array)
  })
  return {
    kind: 'lens',
    tokens: Array.from(ids, (id) => tokenizer.decode([id])),
    layers: answers.map((logits, layer) => ({
      name: layer === 0 ? 'embedding' : `layer ${layer - 1}`,
      places: Array.from(ids, (_, at) => {
        const logs = logProbabilities(logits.subarray(at * vocabulary, (at + 1) * vocabulary))
        const next = ids[at + 1]
        return {
          best: highest(logs, best).map((id) => ({
            token: tokenizer.decode([id]),
            probability: Math.exp(logs[id]!),
          })),
          ...(next !== undefined && { loss: -logs[next]! }),
        }
      }),
    })),
  }
}
