/**
 * How values read in `console.log`, inside of other values, and as text: as Node prints them, but for what this process
 * has hung on them, and for tensors, of which Node knows only the insides.
 */
import { createRequire } from 'node:module'
import { inspect, type InspectOptions } from 'node:util'

const custom = inspect.custom
type Inspector = (this: object, depth: number, options: InspectOptions) => unknown

function inspectAs(prototype: object, inspector: Inspector): void {
  Object.defineProperty(prototype, custom, { value: inspector, configurable: true, writable: true })
}

/** What Node's async hooks write on promises and timers to follow a cell through them. */
const bookkeeping = new Set([
  'async_id_symbol',
  'trigger_async_id_symbol',
  'kResourceStore',
  'kAsyncContextFrame',
  'destroyed',
])

function hideBookkeeping(value: object): void {
  for (const symbol of Object.getOwnPropertySymbols(value))
    if (bookkeeping.has(symbol.description ?? '')) Object.defineProperty(value, symbol, { enumerable: false })
}

/** Promises and timers without what follows them. */
export function printResources(): void {
  inspectAs(Promise.prototype, function () {
    hideBookkeeping(this)
    return this
  })
  const timer = setTimeout(() => {}, 0)
  const immediate = setImmediate(() => {})
  clearTimeout(timer)
  clearImmediate(immediate)
  for (const { constructor } of [timer, immediate] as object[]) {
    const { prototype } = constructor as { prototype: { [custom]?: Inspector } }
    const own = prototype[custom]
    inspectAs(prototype, function (depth, options) {
      hideBookkeeping(this)
      return own ? own.call(this, depth, options) : this
    })
  }
}

/** A namespace of ours, whose exports are getters, as Node prints its own. */
export function printNamespace(namespace: object): void {
  inspectAs(namespace, function (_, options) {
    const text = inspect({ ...this }, { ...options, depth: options.depth ?? null })
    return `[Module: null prototype] ${text}`
  })
}

type Print = (value: object) => string

/** Pictures of values as text, loaded when the first one is printed. */
const require = createRequire(import.meta.url)
const drawings = {
  tensor: () => require('../../../src/show/values/tensor.js') as { tensorText: Print; tensorLine: Print },
  model: () =>
    require('../../../src/show/values/model.js') as {
      modelBundle(model: object): { 'text/plain': string }
      layerLine: Print
    },
}

/** On its own a value has its whole text, as in a cell's result; inside others a line. */
function printAs(prototype: object, whole: Print, line: Print): void {
  if (Object.hasOwn(prototype, custom)) return
  inspectAs(prototype, function (depth, options) {
    return depth === options.depth && depth !== null ? whole(this) : line(this)
  })
}

/** What is used of a copy of TensorFlow.js. */
export interface Tensorflow {
  Tensor: { prototype: object }
  LayersModel?: { prototype: object }
  layers?: { Layer?: { prototype: object } }
}

/** The tensors, layers and models of a copy of TensorFlow.js, of which Node prints the insides over hundreds of lines. */
export function printTensorflow({ Tensor, LayersModel, layers }: Tensorflow): void {
  printAs(
    Tensor.prototype,
    (tensor) => drawings.tensor().tensorText(tensor),
    (tensor) => drawings.tensor().tensorLine(tensor),
  )
  const line: Print = (layer) => drawings.model().layerLine(layer)
  if (layers?.Layer) printAs(layers.Layer.prototype, line, line)
  if (LayersModel)
    printAs(LayersModel.prototype, (model) => drawings.model().modelBundle(model)['text/plain'], line)
}
