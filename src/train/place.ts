import type * as tf from '@tensorflow/tfjs'
import type { Parameter } from './trainee.js'

/** The part of a layer that is read here; tfjs keeps some of it out of its types. */
export interface LayerLike {
  name: string
  weights: LayerVariableLike[]
  layers?: LayerLike[]
  activation?: { getClassName(): string } | null
  output: tf.SymbolicTensor
  inboundNodes: unknown[]
  getClassName(): string
}

interface LayerVariableLike {
  name: string
  originalName: string
  trainable: boolean
  val: tf.Variable
  constraint?: { apply(value: tf.Tensor): tf.Tensor } | null
}

/** A layer of a model, wherever it is nested, with the name that its place gives it. */
export interface PlacedLayer {
  name: string
  layer: LayerLike
}

/**
 * Layers by their place: the user's own name where there is one, else the kind of layer (`dense`), with an index from 1
 * where there are several (`dense_1`, `dense_2`). tfjs's generated names count all layers ever made in the process, so
 * they differ between a script and a notebook; these do not.
 */
export function placeLayers(model: { layers: readonly unknown[] }, within = ''): PlacedLayer[] {
  const layers = model.layers as readonly LayerLike[]
  const named = layers.map((layer) => ownName(layer))
  const kinds = new Map<string, number>()
  for (const [i, layer] of layers.entries()) if (!named[i]) count(kinds, kindOf(layer))
  const taken = new Set(named.filter((name) => name !== undefined))
  const numbers = new Map<string, number>()
  return layers.flatMap((layer, i) => {
    let name = named[i]
    if (!name) {
      const kind = kindOf(layer)
      const several = kinds.get(kind)! > 1 || taken.has(kind)
      do name = several ? `${kind}_${count(numbers, kind)}` : kind
      while (taken.has(name))
      taken.add(name)
    }
    const path = `${within}${name}`
    return layer.layers ? placeLayers({ layers: layer.layers }, `${path}/`) : [{ name: path, layer }]
  })
}

/** All weights of a model in order, trainable ones and those that a forward pass moves. */
export function placeWeights(model: { layers: readonly unknown[] }): {
  parameters: Parameter[]
  state: Parameter[]
} {
  const parameters: Parameter[] = []
  const state: Parameter[] = []
  const seen = new Set<LayerVariableLike>()
  for (const { name: place, layer } of placeLayers(model)) {
    const names = weightNames(layer.weights)
    for (const [i, weight] of layer.weights.entries()) {
      if (seen.has(weight)) continue
      seen.add(weight)
      const parameter: Parameter = { name: `${place}/${names[i]}`, variable: weight.val }
      const { constraint } = weight
      if (constraint) parameter.constrain = (value) => constraint.apply(value)
      ;(weight.trainable ? parameters : state).push(parameter)
    }
  }
  return { parameters, state }
}

/** `kernel`, `bias`; `forward/kernel` in a bidirectional layer; `kernel_2` where cells are stacked. */
function weightNames(weights: readonly LayerVariableLike[]): string[] {
  const names = weights.map(({ originalName }) => {
    const parts = originalName.split('/')
    const side = /^(forward|backward)_/.exec(parts.at(-2) ?? '')?.[1]
    return side ? `${side}/${parts.at(-1)}` : parts.at(-1)!
  })
  const seen = new Map<string, number>()
  return names.map((name) => {
    const again = count(seen, name)
    return again > 1 ? `${name}_${again}` : name
  })
}

function count(counts: Map<string, number>, key: string): number {
  const now = (counts.get(key) ?? 0) + 1
  counts.set(key, now)
  return now
}

function kindOf(layer: LayerLike): string {
  return snakeCase(layer.getClassName())
}

/** The name the user gave, undefined where tfjs made one up (`dense_Dense5`, `sequential_2`, `model3`). */
function ownName(layer: LayerLike): string | undefined {
  const made = layer.layers
    ? /^(sequential_|model)\d+$/
    : new RegExp(`^${kindOf(layer)}_${layer.getClassName()}\\d+$`)
  return made.test(layer.name) ? undefined : layer.name
}

/** As tfjs writes the kind of a layer: LayerNormalization -> layer_normalization, Conv2D -> conv2d. */
function snakeCase(name: string): string {
  const spaced = name.replaceAll(/(.)([A-Z][a-z0-9]+)/g, '$1_$2').replaceAll(/([a-z])([A-Z])/g, '$1_$2')
  return spaced.toLowerCase()
}
