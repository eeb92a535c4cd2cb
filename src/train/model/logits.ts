import * as tf from '@tensorflow/tfjs'
import type { Dataset } from '../../data/dataset.js'
import { during } from '../../settle.js'
import { inputsFor } from './inputs.js'
import { placeStates } from './place.js'
import { fixedBatch, keepingStates } from './recurrent.js'

/** The activation that a loss is made for. */
export type Activation = 'softmax' | 'sigmoid'

/** What the outputs of a model are to a loss that works on logits. */
export interface Ending {
  /** The activation of the last layer, where it has one: 'linear' is one. */
  readonly ends: string | undefined
  /** Whether `of` gives logits. */
  readonly logits: boolean
  /** Whether that is a guess as yet: the last layer has no activation that would say, only values can. */
  readonly open: boolean
  /** The outputs that the model's `run` gives, as logits where its last activation can be left out. */
  of(run: () => tf.Tensor): tf.Tensor
}

interface EndLayer {
  activation?: { getClassName(): string; apply(x: tf.Tensor): tf.Tensor } | null
  call(inputs: tf.Tensor | tf.Tensor[], settings: unknown): tf.Tensor | tf.Tensor[]
  inboundNodes: unknown[]
  outputs?: tf.SymbolicTensor[]
  layer?: EndLayer
  getClassName(): string
}

/** Activations whose values are probabilities, of whichever loss. */
const probabilities: ReadonlySet<string> = new Set(['softmax', 'sigmoid', 'hardSigmoid'])

/**
 * tfjs offers no door to a model's logits, and the logarithm of a softmax that has underflowed is lost: a sure mistake
 * would have a loss of 16 and no gradient. So the last activation is left out where it is the loss's, also in a
 * TimeDistributed. A last layer with another activation
 * (none is 'linear') gives logits, but for those that give probabilities of another kind. What ends in a layer without
 * one, a Reshape or an Average of several ends, is open until `asValuesTell`.
 */
export function endingOf(model: tf.LayersModel, wanted: Activation | undefined, output = 0): Ending {
  const outer = lastLayer(model, output)
  const layer = outer.getClassName() === 'TimeDistributed' && outer.layer ? outer.layer : outer
  const ends = nameOfActivation(layer)
  const asTheyAre = { ends, logits: false, open: false, of: (run: () => tf.Tensor) => run() }
  if (!wanted) return asTheyAre
  if (ends === undefined) return { ...asTheyAre, logits: true, open: true }
  if (ends !== wanted) return { ...asTheyAre, logits: !probabilities.has(ends) }
  // A layer that is used twice in the graph needs its activation in the other place, and so does what goes on to other outputs.
  if (model.outputs.length > 1 && goesOn(model, output)) return asTheyAre
  if (outer.inboundNodes.length !== 1 || (layer !== outer && layer.inboundNodes.length > 0)) return asTheyAre
  return {
    ends,
    logits: true,
    open: false,
    of: layer.activation ? withoutActivation(layer) : withoutCall(layer),
  }
}

/** Examples that are computed to see what outputs are. */
const probed = 32

/** An ending that was open: probabilities where the model's outputs for the first examples are all of that kind. */
export function asValuesTell(
  ending: Ending,
  model: tf.LayersModel,
  wanted: Activation,
  data: Dataset,
  output = 0,
): Ending {
  const isProbability = tf.tidy(() => {
    const states = placeStates(model)
    const count = fixedBatch({ states, model }) ?? Math.min(probed, data.length)
    const { x } = data.at(Array.from({ length: count }, (_, i) => i % data.length))
    const given = keepingStates(states, () => model.apply(inputsFor(model, x), { training: false }))
    const values = ([given].flat() as tf.Tensor[])[output]!
    const within = values
      .greaterEqual(-1e-6)
      .logicalAnd(values.lessEqual(1 + 1e-6))
      .all()
    const whole = wanted === 'softmax' ? values.sum(-1).sub(1).abs().lessEqual(1e-3).all() : within
    return within.logicalAnd(whole).dataSync()[0] === 1
  })
  return { ...ending, logits: !isProbability, open: false }
}

/** Whether another layer of the model, or another output, takes what this output is. */
function goesOn(model: tf.LayersModel, output: number): boolean {
  const { id, sourceLayer } = model.outputs[output]!
  if (model.outputs.some((other, i) => i !== output && other.sourceLayer === sourceLayer)) return true
  return (model.layers as unknown as { inboundNodes: { inputTensors: { id: number }[] }[] }[]).some(
    ({ inboundNodes }) => inboundNodes.some(({ inputTensors }) => inputTensors.some((one) => one.id === id)),
  )
}

function lastLayer(model: tf.LayersModel, output: number): EndLayer {
  let layer = model.outputs[output]!.sourceLayer as unknown as EndLayer
  let at = model.outputs[output]!.tensorIndex
  while (layer.outputs?.[at]) {
    const end = layer.outputs[at]
    const inner = end.sourceLayer as unknown as EndLayer
    at = end.tensorIndex
    if (inner === layer) break
    layer = inner
  }
  return layer
}

function nameOfActivation(layer: EndLayer): string | undefined {
  if (layer.getClassName() === 'Softmax') return 'softmax'
  return layer.activation?.getClassName()
}

function withoutActivation(layer: EndLayer): Ending['of'] {
  return (run) => {
    const { activation } = layer
    return during(
      () => void (layer.activation = activation),
      () => {
        layer.activation = { getClassName: () => 'linear', apply: (x) => x }
        return run()
      },
    )
  }
}

function withoutCall(layer: EndLayer): Ending['of'] {
  return (run) => {
    const own = Object.getOwnPropertyDescriptor(layer, 'call')
    const restore = () => {
      if (own) Object.defineProperty(layer, 'call', own)
      else delete (layer as Partial<EndLayer>).call
    }
    return during(restore, () => {
      layer.call = (inputs) => (Array.isArray(inputs) ? inputs[0]! : inputs).clone()
      return run()
    })
  }
}
