import { placeLayers } from './place.js'

/** One rate for all dropouts of a model, or rates by name. */
export type DropoutSetting = number | { readonly [name: string]: number }

/** Layers of tfjs that drop entries while training, by class. */
const dropping = new Set(['Dropout', 'SpatialDropout1D', 'GaussianDropout', 'AlphaDropout'])

/** The dropouts of a tf.LayersModel, named by their place. */
export function dropoutsOf(model: { layers: readonly unknown[] }): Map<object, string> {
  return new Map(
    placeLayers(model).flatMap(({ name, layer }) =>
      dropping.has(layer.getClassName()) ? [[layer, name] as const] : [],
    ),
  )
}
