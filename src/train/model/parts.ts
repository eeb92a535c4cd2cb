import * as tf from '@tensorflow/tfjs'
import { InputError } from '../../errors.js'
import { placeWeights, type LayerLike, type LayerVariableLike } from './place.js'
import type { Parameter } from './trainee.js'

/** A layer of tfjs that is part of a model of the user's own, by itself. */
export type Layer = tf.layers.Layer

export function isLayer(value: unknown): value is Layer {
  const layer = value as Partial<Layer> | null
  return (
    typeof layer === 'object' &&
    layer !== null &&
    typeof layer.apply === 'function' &&
    typeof layer.getWeights === 'function' &&
    typeof layer.getClassName === 'function'
  )
}

/** A model has its weights when its layers have, before tfjs calls it built. */
function isBuilt(layer: Layer): boolean {
  const { built, layers } = layer as unknown as { built: boolean; layers?: readonly Layer[] }
  return built || (layers !== undefined && layers.length > 0 && layers.every(isBuilt))
}

/** Layers and models in a tree of parameters whose weights are not made yet, with their names. */
export function unbuiltIn(tree: unknown, path = ''): string[] {
  if (tree instanceof tf.Tensor || typeof tree !== 'object' || tree === null) return []
  if (isLayer(tree)) return isBuilt(tree) ? [] : [path]
  return Object.entries(tree).flatMap(([name, child]) => unbuiltIn(child, path ? `${path}/${name}` : name))
}

/** The weights of one layer, named as in a model, without the layer's own name: `kernel`, `bias`. */
export function layerWeights(layer: Layer): ReturnType<typeof placeWeights> {
  const within = placeWeights({ layers: [layer] })
  const short = (one: Parameter): Parameter => ({ ...one, name: one.name.slice(one.name.indexOf('/') + 1) })
  const states = new Set(within.states)
  const state = within.state.map((one) => [one, short(one)] as const)
  return {
    parameters: within.parameters.map(short),
    state: state.map(([, named]) => named),
    states: state.flatMap(([one, named]) => (states.has(one) ? [named] : [])),
  }
}

export function checkBuilt(layer: Layer, path: string): void {
  if (isBuilt(layer)) return
  const isModel = 'layers' in layer
  throw new InputError({
    where: `train({ parameters: { ${path} } })`,
    received: `a ${isModel ? 'model' : 'layer'} that is not built, so that it has no weights yet`,
    expected: 'one that knows the shape of its input',
    fix: isModel
      ? 'Give its first layer an inputShape, e.g. tf.layers.dense({ units: 64, inputShape: [784] }).'
      : `${path}.build([null, 784]), with the shape of its input, or ${path}.apply(x) before train.`,
  })
}

/** A layer like this one, with weights of its own of the same values. What it is made of, but for its weights, it shares. */
export function copyLayer<L extends object>(layer: L, made = new Map<object, object>()): L {
  const known = made.get(layer)
  if (known) return known as L
  const copy = Object.create(Object.getPrototypeOf(layer)) as { [name: string]: unknown }
  made.set(layer, copy)
  for (const [name, value] of Object.entries(layer)) copy[name] = copyWithin(value, made)
  return copy as L
}

/** Weights and layers are copied, wherever a layer keeps them; all else stays what it is. */
function copyWithin(value: unknown, made: Map<object, object>): unknown {
  if (Array.isArray(value)) return value.map((item) => copyWithin(item, made))
  if (value instanceof tf.LayerVariable) {
    const weight = value as unknown as LayerVariableLike & { dtype: tf.DataType }
    const known = made.get(weight)
    if (known) return known
    const { originalName, dtype, trainable, constraint, val } = weight
    const copy = new tf.LayerVariable(val, dtype, originalName, trainable, constraint as never)
    made.set(weight, copy)
    return copy
  }
  return isLayer(value) ? copyLayer(value as unknown as LayerLike, made) : value
}
