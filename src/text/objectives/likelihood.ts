import * as tf from '@tensorflow/tfjs'
import { compile } from '../../backend/compile/compile.js'
import { maybeHost } from '../../host.js'
import { crossEntropy } from '../parts/layers.js'
import type { LanguageModel } from './language-model.js'

/**
 * The logarithm of the probability of each y behind its x, int32 [B, T] -> float32 [B, T]; 0 where y is -1.
 *
 * @param temperature divides the logits, as where tokens are drawn with it.
 */
export function logLikelihoods(
  model: LanguageModel,
  x: tf.Tensor,
  y: tf.Tensor,
  temperature = 1,
): tf.Tensor2D {
  const logits = model.logits(x).reshape([x.size, model.config.vocabulary])
  const scaled = temperature === 1 ? logits : logits.div(temperature)
  return crossEntropy(scaled, y.flatten()).neg().reshape(x.shape) as tf.Tensor2D
}

/** Rows of tokens, row after row: `length` tokens each. */
export interface Rows {
  x: Int32Array
  y: Int32Array
  length: number
}

/** Tokens that are read at once, and logits: 64 MB of them. */
const [mostTokens, mostLogits] = [2048, 2 ** 24]

type Read = (x: tf.Tensor, y: tf.Tensor, temperature: tf.Tensor) => tf.Tensor
const compiled = new WeakMap<LanguageModel, Read>()

/** The same of any number of rows, as numbers: what a model says as it stands. */
export async function readLikelihoods(
  model: LanguageModel,
  { x, y, length }: Rows,
  temperature = 1,
): Promise<Float32Array> {
  if (!compiled.has(model))
    compiled.set(
      model,
      compile(
        (ids: tf.Tensor, labels: tf.Tensor, heat: tf.Tensor) => {
          const logits = model.logits(ids).reshape([ids.size, model.config.vocabulary]).div(heat)
          return crossEntropy(logits, labels.flatten()).neg()
        },
        { otherwise: 'run', signatures: 16 },
      ),
    )
  const read = compiled.get(model)!
  const rows = x.length / length
  // Of one size, so that one graph does: what is missing in the last is read as token 0 and forgotten.
  const tokens = Math.min(mostTokens, mostLogits / model.config.vocabulary)
  const atOnce = Math.min(rows, Math.max(2, 2 * Math.floor(tokens / length / 2)))
  const found = new Float32Array(x.length)
  const host = maybeHost()
  for (let from = 0; from < rows; from += atOnce) {
    const some = (of: Int32Array, fill: number) => {
      const part = new Int32Array(atOnce * length).fill(fill)
      part.set(of.subarray(from * length, (from + atOnce) * length))
      return tf.tensor2d(part, [atOnce, length], 'int32')
    }
    const values = tf.tidy(
      () => read(some(x, 0), some(y, -1), tf.scalar(temperature)).dataSync() as never,
    ) as Float32Array
    found.set(values.subarray(0, Math.min(values.length, found.length - from * length)), from * length)
    if (host?.interrupted) throw host.interrupt.reason
    await host?.breathe()
  }
  return found
}
