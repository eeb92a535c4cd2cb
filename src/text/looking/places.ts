import * as tf from '@tensorflow/tfjs'
import { highest, logProbabilities } from '../generation/sample.js'
import type { PlaceSeen } from '../../train/model/trainee.js'
import type { Gpt, TokenBatch } from '../models/gpt.js'

/** The loss of each token of a batch, with the `k` that were most expected in its place. */
export function placesOf(model: Gpt, { x, y, begins }: TokenBatch, k = 5): PlaceSeen[][] {
  const [rows, length] = x.shape as [number, number]
  const { vocabulary } = model.config
  const ids = y.dataSync()
  const logits = tf.tidy(() => model.logits(x, begins && { begins }).dataSync() as Float32Array)
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length }, (__, at) => {
      const place = row * length + at
      const expected = ids[place]!
      const logs = logProbabilities(logits.subarray(place * vocabulary, (place + 1) * vocabulary))
      return {
        expected,
        loss: expected < 0 ? 0 : -logs[expected]!,
        best: highest(logs, k).map((value) => ({ value, probability: Math.exp(logs[value]!) })),
      }
    }),
  )
}
