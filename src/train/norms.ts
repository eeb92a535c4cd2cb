import type * as tf from '@tensorflow/tfjs'
import { placeLayers } from './place.js'
import { temporary } from './temporary.js'

interface NormLayer {
  trainable: boolean
  weights: { trainable: boolean; originalName: string }[]
  getClassName(): string
  call(inputs: unknown, settings: object): unknown
}

/** Batch normalisations that are frozen in the model itself: `layer.trainable = false`. */
export function frozenNorms(model: tf.LayersModel): NormLayer[] {
  return placeLayers(model)
    .map(({ layer }) => layer as unknown as NormLayer)
    .filter((layer) => layer.getClassName() === 'BatchNormalization')
    .filter(({ trainable, weights }) => {
      const own = weights.filter(({ originalName }) => /gamma|beta/.test(originalName))
      return own.length > 0 ? own.every((weight) => !weight.trainable) : !trainable
    })
}

/**
 * Runs a model in training with these layers as they are when predicting: they divide by their averages, which stay, as
 * Keras has it. tfjs would take the batch's mean and move the averages of a trunk that is frozen.
 */
export function whileStill<T>(layers: readonly NormLayer[], run: () => T): T {
  if (layers.length === 0) return run()
  const putBack = layers.map((layer) => {
    const own = Object.getOwnPropertyDescriptor(layer, 'call')
    const { call } = layer
    layer.call = (inputs, settings) => call.call(layer, inputs, { ...settings, training: false })
    return temporary(() => {
      if (own) Object.defineProperty(layer, 'call', own)
      else delete (layer as Partial<NormLayer>).call
    })
  })
  try {
    return run()
  } finally {
    for (const one of putBack.toReversed()) one()
  }
}
