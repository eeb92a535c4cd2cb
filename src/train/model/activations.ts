import * as tf from '@tensorflow/tfjs'
import type { Parted } from '../../data/dataset.js'
import { layersInGraph, outputsOf } from './layer-outputs.js'
import type { LayerLike } from './place.js'

/** Share of units that are of no use in a batch, by layer. */
export interface ActivationRow {
  layer: string
  activation: string
  /** Of the units, those that are 0 for every example. */
  dead: number
  /** Of all values, those at the flat end of their activation. */
  saturated: number
}

/** Where an activation is flat: one row each. */
const flat: { readonly [activation: string]: (values: tf.Tensor) => tf.Tensor } = {
  relu: (values) => values.equal(0),
  relu6: (values) => values.equal(0).logicalOr(values.equal(6)),
  elu: (values) => values.less(-0.99),
  selu: (values) => values.less(-1.74),
  sigmoid: (values) => values.less(0.01).logicalOr(values.greater(0.99)),
  tanh: (values) => values.abs().greater(0.99),
}

function activationName(layer: LayerLike): string | undefined {
  if (layer.getClassName() === 'ReLU') return 'relu'
  return layer.activation?.getClassName()
}

/** What `readActivations` makes rows of; nothing of it is read yet, so it can be part of a recorded graph. */
export interface ActivationTensors {
  layers: { layer: string; activation: string }[]
  /** For each layer the shares of dead and saturated units, [2]. */
  shares: tf.Tensor[]
}

/** Dead and saturated units of a tf.LayersModel for these inputs, without dropout; empty for other models. */
export function activationTensors(model: object, x: Parted): ActivationTensors {
  const active = layersInGraph(model).flatMap(({ name, layer }) => {
    const activation = activationName(layer)
    return activation && flat[activation] ? [{ name, layer, activation }] : []
  })
  if (active.length === 0) return { layers: [], shares: [] }
  const shares = tf.tidy(() => {
    const outputs = outputsOf(model, active, x)
    return active.map(({ activation }, i) => {
      const values = outputs[i]!
      const units = values.shape.at(-1)!
      const atFlat = flat[activation]!(values).toFloat()
      const silent = values.equal(0).reshape([-1, units]).all(0).toFloat()
      return tf.stack([silent.mean(), atFlat.mean()])
    })
  })
  return { layers: active.map(({ name, activation }) => ({ layer: name, activation })), shares }
}

export function readActivations({ layers, shares }: ActivationTensors): ActivationRow[] {
  return layers.map((one, i) => {
    const [dead, saturated] = shares[i]!.dataSync() as Float32Array
    return { ...one, dead: dead!, saturated: saturated! }
  })
}

export const activationsOf = (model: object, x: Parted): ActivationRow[] => {
  const opened = activationTensors(model, x)
  const rows = readActivations(opened)
  tf.dispose(opened.shares)
  return rows
}
