/** What the layers of a tf.LayersModel give, layer by layer. */
import * as tf from '@tensorflow/tfjs'
import type { Parted } from '../../data/dataset.js'
import { inputsFor } from './inputs.js'
import { placeLayers, placeStates, type PlacedLayer } from './place.js'
import { keepingStates } from './recurrent.js'

/** The layers of a model whose output is one tensor of its graph; none of other models. */
export function layersInGraph(model: object): PlacedLayer[] {
  const { layers, inputs } = model as Partial<tf.LayersModel>
  if (!Array.isArray(layers) || !inputs) return []
  const own = new Set<object>(layers)
  // A layer that is used twice has no one output; layers of a nested model are not in this graph.
  return placeLayers({ layers }).filter(({ layer }) => own.has(layer) && layer.inboundNodes.length === 1)
}

/** What these layers give for the inputs `x`, [batch, …] each, without dropout. */
export function outputsOf(
  model: object,
  layers: readonly Pick<PlacedLayer, 'layer'>[],
  x: Parted,
): tf.Tensor[] {
  const { inputs } = model as tf.LayersModel
  const outputs = layers.map(({ layer }) => layer.output)
  const given = keepingStates(placeStates(model), () =>
    tf.model({ inputs, outputs }).apply(inputsFor(model as tf.LayersModel, x), { training: false }),
  )
  return (Array.isArray(given) ? given : [given]) as tf.Tensor[]
}
