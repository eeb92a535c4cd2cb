import type * as tf from '@tensorflow/tfjs'
import { InputError } from '../../errors.js'
import type { Parted } from '../../data/dataset.js'
import { inputsFor } from './inputs.js'

interface EmbeddingLayer {
  inputDim: number
  getClassName(): string
  inboundNodes: { inputTensors: { id: number }[] }[]
}

/** Of each input of a model, how many tokens the embedding knows that takes it as it is; undefined where there is none. */
export function tokensOf({ layers, inputs }: tf.LayersModel): (number | undefined)[] {
  return inputs.map(
    ({ id }) =>
      (layers as unknown as EmbeddingLayer[]).find(
        (layer) =>
          layer.getClassName() === 'Embedding' &&
          layer.inboundNodes.some(({ inputTensors }) => inputTensors.some((one) => one.id === id)),
      )?.inputDim,
  )
}

/** NaN becomes a whole number on its way to an embedding, which is 0: the first token, without a word. */
export function checkTokens(
  model: tf.LayersModel,
  counts: readonly (number | undefined)[],
  { x, ids }: { x: Parted; ids: readonly number[] },
  name: string,
  where: string,
): void {
  if (counts.every((count) => count === undefined)) return
  for (const [i, tensor] of ([inputsFor(model, x)].flat() as tf.Tensor[]).entries())
    if (counts[i] !== undefined) checkOne(counts[i], tensor, ids, name, where)
}

function checkOne(count: number, x: tf.Tensor, ids: readonly number[], name: string, where: string): void {
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
