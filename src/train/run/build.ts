import * as tf from '@tensorflow/tfjs'
import { withRandomness } from '../../backend/random/index.js'
import { toDataset } from '../../data/from.js'
import { isGenerated } from '../../data/generate.js'
import { examplesAt, type Batch } from '../model/batch.js'
import { isLayersModel } from '../model/layers.js'
import { unbuiltIn } from '../model/parts.js'
import type { OwnModel } from '../model/own.js'
import type { RunOptions } from '../rules/options.js'

/** Layers without weights yet have the shapes of the first batch that the loss gives them. */
export function buildParts<Options extends RunOptions>(model: unknown, options: Options): Options {
  const { parameters, loss } = (model ?? {}) as Partial<OwnModel>
  const { data: given, batchSize = 32 } = options
  if (typeof loss !== 'function' || given === undefined || isGenerated(given)) return options
  if (isLayersModel(model) || unbuiltIn(parameters).length === 0) return options
  const data = toDataset(given, { name: 'data' })
  const rows = Int32Array.from({ length: Math.min(batchSize, data.length) }, (_, row) => row)
  tf.tidy(() => {
    withRandomness({ seed: 0, iteration: 0 }, () => {
      loss.call(model, { ...examplesAt(data, rows), iteration: 1 } as unknown as Batch)
    })
  })
  return { ...options, data }
}
