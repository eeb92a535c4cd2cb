import { during } from '../../settle.js'
import { placeLayers, type LayerLike } from './place.js'
import type { Parameter } from './trainee.js'

export interface NormLayer extends LayerLike {
  call(inputs: unknown, settings: object): unknown
}

/** Batch normalisations that are frozen in the model itself: none of their weights is among those that are trained. */
export function frozenNorms(
  model: { layers: readonly unknown[]; trainable?: boolean },
  parameters: readonly Pick<Parameter, 'variable'>[],
): NormLayer[] {
  const trained = new Set(parameters.map(({ variable }) => variable))
  return placeLayers(model)
    .map(({ layer, within }) => ({ layer: innermost(layer) as NormLayer, within }))
    .filter(({ layer }) => layer.getClassName() === 'BatchNormalization')
    .filter(({ layer, within }) => {
      const own = layer.weights.filter(({ originalName }) => /gamma|beta/.test(originalName))
      if (own.length > 0) return !own.some((weight) => trained.has(weight.val))
      return [layer, ...within].some(({ trainable }) => trainable === false)
    })
    .map(({ layer }) => layer)
}

function innermost(layer: LayerLike): LayerLike {
  return layer.getClassName() === 'TimeDistributed' && layer.layer ? innermost(layer.layer) : layer
}

/**
 * Runs a model in training with these layers as they are when predicting: they divide by their averages, which stay, as
 * Keras has it. tfjs would take the batch's mean and move the averages of a trunk that is frozen.
 */
export function whileStill<T>(layers: readonly NormLayer[], run: () => T): T {
  if (layers.length === 0) return run()
  const undo: (() => void)[] = []
  return during(
    () => undo.forEach((one) => one()),
    () => {
      for (const layer of layers) {
        const own = Object.getOwnPropertyDescriptor(layer, 'call')
        const { call } = layer
        undo.unshift(() => {
          if (own) Object.defineProperty(layer, 'call', own)
          else delete (layer as Partial<NormLayer>).call
        })
        layer.call = (inputs, settings) => call.call(layer, inputs, { ...settings, training: false })
      }
      return run()
    },
  )
}
