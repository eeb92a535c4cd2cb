import type { LayerLike, LayerVariableLike } from './place.js'

/**
 * The weights of a model that its layers say are trained, as tfjs's own `fit` has them: a weight of its own that is, in a layer
 * that is, in models that are. The flag of the weight alone says little: `trainable: false` in a layer's config leaves it
 * true, and so does `lstm.trainable = false`, whose weights are its cell's.
 */
export function trainableWeights(model: {
  layers: readonly unknown[]
  trainable?: boolean
}): Set<LayerVariableLike> {
  if (model.trainable === false) return new Set()
  return new Set((model.layers as readonly LayerLike[]).flatMap((layer) => trainableOf(layer)))
}

/** The parts of a layer that are asked here, which tfjs keeps out of its types. */
interface Parts {
  trainable_?: boolean
  layer?: LayerLike
  forwardLayer?: LayerLike
  backwardLayer?: LayerLike
  cell?: LayerLike
}

/** Layers that make their cell of their own config. */
const withOwnCell = ['SimpleRNN', 'GRU', 'LSTM', 'ConvLSTM2D']

function trainableOf(layer: LayerLike): readonly LayerVariableLike[] {
  if (layer.layers) return [...trainableWeights(layer as { layers: LayerLike[] })]
  const kind = layer.getClassName()
  const { layer: within, forwardLayer, backwardLayer, cell } = layer as Parts
  if (kind === 'TimeDistributed') return trainableIn(layer, [within!])
  if (kind === 'Bidirectional') return trainableIn(layer, [forwardLayer!, backwardLayer!])
  // The cell of a layer that was frozen in its config says so for good, also when the layer is thawed.
  if (withOwnCell.includes(kind))
    return layer.trainable ? cell!.weights.filter(({ trainable }) => trainable) : []
  return layer.trainableWeights
}

/** tfjs forgets a wrapper's config and asks the layers within. As Keras has it, all of it is frozen; what is set later counts. */
function trainableIn(wrapper: LayerLike, within: readonly LayerLike[]): readonly LayerVariableLike[] {
  if ((wrapper as Parts).trainable_ === false) {
    wrapper.trainable = false
    Object.assign(wrapper, { trainable_: true })
  }
  return within.flatMap((layer) => trainableOf(layer))
}
