import type * as tf from '@tensorflow/tfjs'
import { InputError } from '../../errors.js'
import type { Batch } from './batch.js'

interface EmbeddingLayer {
  inputDim: number
  getClassName(): string
  inboundNodes: { inputTensors: { id: number }[] }[]
}

/** How many tokens the embedding knows that takes a model's input as it is; undefined where there is none. */
export function tokensOf({ layers, inputs }: tf.LayersModel): number | undefined {
  const ids = new Set(inputs.map(({ id }) => id))
  const found = (layers as unknown as EmbeddingLayer[]).find(
    (layer) =>
      layer.getClassName() === 'Embedding' &&
      layer.inboundNodes.some(({ inputTensors }) => inputTensors.some(({ id }) => ids.has(id))),
  )
  return found?.inputDim
}

/** NaN becomes a whole number on its way to an embedding, which is 0: the first token, without a word. */
export function checkTokens(count: number, { x, ids }: Batch, name: string, where: string): void {
  if (x.dtype !== 'float32') return
  const values = x.dataSync()
  const at = values.findIndex((value) => Number.isNaN(value))
  if (at < 0) return
  throw new InputError({
    where,
    received: `NaN as a token (example ${ids[Math.floor((at * ids.length) / values.length)]} of ${name})`,
    expected: `whole numbers from 0 to ${count - 1}, since an embedding of ${count} tokens takes x`,
  })
}
