import type * as tf from '@tensorflow/tfjs'
import { statesOf } from '../../backend/tfjs/recurrent.js'
import { trainableWeights } from './trainable.js'
import type { Parameter } from './trainee.js'

/** The part of a layer that is read here; tfjs keeps some of it out of its types. */
export interface LayerLike {
  name: string
  trainable: boolean
  weights: LayerVariableLike[]
  trainableWeights: LayerVariableLike[]
  layers?: LayerLike[]
  /** What a wrapper is around. */
  layer?: LayerLike
  /** And a bidirectional one. */
  forwardLayer?: LayerLike
  backwardLayer?: LayerLike
  activation?: { getClassName(): string } | null
  output: tf.SymbolicTensor
  inboundNodes: unknown[]
  getClassName(): string
}

export interface LayerVariableLike {
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
  /** The models that it is part of, the outermost first. */
  within: readonly { trainable?: boolean }[]
}

/**
 * Layers by their place: the user's own name where there is one, else the kind of layer (`dense`), with an index from 1
 * where there are several (`dense_1`, `dense_2`). tfjs's generated names count all layers ever made in the process, so
 * they differ between a script and a notebook; these do not.
 */
export function placeLayers(
  model: { layers: readonly unknown[]; trainable?: boolean },
  path = '',
  outer: PlacedLayer['within'] = [],
): PlacedLayer[] {
  const within = [...outer, model]
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
    const place = `${path}${name}`
    return layer.layers
      ? placeLayers(layer as { layers: LayerLike[] }, `${place}/`, within)
      : [{ name: place, layer, within }]
  })
}

/**
 * All weights of a model in order: those that are trained, and those that stay or that a forward pass moves.
 *
 * @param isTrained by name; by default as the layers say now.
 */
export function placeWeights(
  model: { layers: readonly unknown[]; trainable?: boolean },
  isTrained?: (name: string) => boolean,
): {
  parameters: Parameter[]
  state: Parameter[]
  /** Of the state, that of recurrent layers. */
  states: Parameter[]
} {
  const parameters: Parameter[] = []
  const state: Parameter[] = []
  const trainable = isTrained ? undefined : trainableWeights(model)
  for (const [name, weight] of weightsByName(model)) {
    const parameter: Parameter = { name, variable: weight.val }
    const { constraint } = weight
    if (constraint) parameter.constrain = (value) => constraint.apply(value)
    const trained = isTrained ? isTrained(name) : trainable!.has(weight)
    ;(trained ? parameters : state).push(parameter)
  }
  const states = placeStates(model)
  return { parameters, state: [...state, ...states], states }
}

/** The states of stateful recurrent layers, wherever they are nested. */
export function placeStates(model: object): Parameter[] {
  const { layers } = model as { layers?: unknown }
  if (!Array.isArray(layers)) return []
  return placeLayers({ layers }).flatMap(({ name, layer }) => statesWithin(layer, name))
}

function statesWithin(layer: LayerLike, path: string): Parameter[] {
  const { forwardLayer, backwardLayer, layer: inner } = layer
  return [
    ...statesOf(layer).map((variable, at) => ({ name: `${path}/state_${at + 1}`, variable })),
    ...(forwardLayer ? statesWithin(forwardLayer, `${path}/forward`) : []),
    ...(backwardLayer ? statesWithin(backwardLayer, `${path}/backward`) : []),
    ...(inner ? statesWithin(inner, path) : []),
  ]
}

/** All weights of a model by their place, in order. */
export function weightsByName(model: { layers: readonly unknown[] }): Map<string, LayerVariableLike> {
  const placed = new Map<string, LayerVariableLike>()
  const seen = new Set<LayerVariableLike>()
  for (const { name: place, layer } of placeLayers(model)) {
    const names = weightNames(layer.weights)
    for (const [i, weight] of layer.weights.entries()) {
      if (seen.has(weight)) continue
      seen.add(weight)
      placed.set(`${place}/${names[i]}`, weight)
    }
  }
  return placed
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

/** The outputs of a model by the places of the layers that give them; of a layer that gives several, `name_2` and on. */
export function namesOfOutputs(model: Pick<tf.LayersModel, 'layers' | 'outputs'>): string[] {
  const placed = new Map(placeLayers(model).map(({ name, layer }) => [layer as object, name]))
  const seen = new Map<string, number>()
  return model.outputs.map(({ sourceLayer }) => {
    const layer = sourceLayer as unknown as LayerLike
    const name = placed.get(layer) ?? ownName(layer) ?? kindOf(layer)
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
