import * as tf from '@tensorflow/tfjs'
import { placeLayers } from './place.js'

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

interface ActiveLayer {
  activation?: { getClassName(): string } | null
  output: tf.SymbolicTensor
  inboundNodes: unknown[]
  getClassName(): string
}

function activationName(layer: ActiveLayer): string | undefined {
  if (layer.getClassName() === 'ReLU') return 'relu'
  return layer.activation?.getClassName()
}

/** What `readActivations` makes rows of; nothing of it is read yet, so it can be part of a recorded graph. */
export interface ActivationTaps {
  layers: { layer: string; activation: string }[]
  /** For each layer the shares of dead and saturated units, [2]. */
  shares: tf.Tensor[]
}

/** Dead and saturated units of a tf.LayersModel for these inputs, without dropout; empty for other models. */
export function tapActivations(model: object, x: tf.Tensor): ActivationTaps {
  const { layers, inputs } = model as Partial<tf.LayersModel>
  if (!Array.isArray(layers) || !inputs) return { layers: [], shares: [] }
  const active = placeLayers({ layers }).flatMap(({ name, layer }) => {
    const one = layer as unknown as ActiveLayer
    const activation = activationName(one)
    // A layer that is used twice has no one output; layers of a nested model are not in this graph.
    const inGraph = layers.includes(one as never) && one.inboundNodes.length === 1
    return activation && flat[activation] && inGraph ? [{ name, activation, output: one.output }] : []
  })
  if (active.length === 0) return { layers: [], shares: [] }
  const shares = tf.tidy(() => {
    const taps = tf.model({ inputs, outputs: active.map(({ output }) => output) })
    const given = taps.apply(x, { training: false })
    const outputs = Array.isArray(given) ? given : [given]
    return active.map(({ activation }, i) => {
      const values = outputs[i] as tf.Tensor
      const units = values.shape.at(-1)!
      const atFlat = flat[activation]!(values).toFloat()
      const silent = values.equal(0).reshape([-1, units]).all(0).toFloat()
      return tf.stack([silent.mean(), atFlat.mean()])
    })
  })
  return { layers: active.map(({ name, activation }) => ({ layer: name, activation })), shares }
}

export function readActivations({ layers, shares }: ActivationTaps): ActivationRow[] {
  return layers.map((one, i) => {
    const [dead, saturated] = shares[i]!.dataSync() as Float32Array
    return { ...one, dead: dead!, saturated: saturated! }
  })
}

export const activationsOf = (model: object, x: tf.Tensor): ActivationRow[] => {
  const taps = tapActivations(model, x)
  const rows = readActivations(taps)
  tf.dispose(taps.shares)
  return rows
}
