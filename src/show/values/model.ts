import type { MimeBundle } from '../../host.js'
import { cleanLine } from '../clean.js'
import { formatCount } from '../format.js'
import { colours } from '../look.js'
import { pixels } from '../places.js'
import { chart, vegaLite, type Spec } from '../spec.js'
import { tableText } from '../table.js'

/** A layer as it is drawn. */
export interface LayerRow {
  name: string
  type: string
  /** Without the batch axis. */
  shape: readonly (number | null)[]
  parameters: number
  trainable: boolean
  /** Names of the layers it gets its input from; left out: the one before it. */
  inputs?: readonly string[]
}

/** What is used of a tf.LayersModel, whichever copy of TensorFlow.js it comes from. */
interface ModelLike {
  name?: string
  layers: readonly LayerLike[]
  summary: unknown
  predict: unknown
}
interface LayerLike {
  name: string
  outputShape?: unknown
  trainable?: boolean
  getClassName?: () => string
  countParams?: () => number
  inboundNodes?: readonly { inboundLayers?: readonly { name: string }[] }[]
}

export function isModel(value: object): value is ModelLike {
  const model = value as Partial<ModelLike>
  return (
    Array.isArray(model.layers) && typeof model.summary === 'function' && typeof model.predict === 'function'
  )
}

/**
 * The layers of a model, from the input to the output.
 *
 * @example modelChart(layersOf(model))
 */
export function layersOf(model: ModelLike): LayerRow[] {
  return model.layers.map((layer) => ({
    name: layer.name,
    type: layer.getClassName?.() ?? 'Layer',
    shape: shapeOf(layer.outputShape),
    parameters: layer.countParams?.() ?? 0,
    trainable: layer.trainable !== false,
    ...inputsOf(layer),
  }))
}

/** A layer that is used in several places has a node for each; the first is the one in this model's order. */
function inputsOf(layer: LayerLike): { inputs?: readonly string[] } {
  const found = layer.inboundNodes?.[0]?.inboundLayers
  return found?.length ? { inputs: found.map(({ name }) => name) } : {}
}

/** [batch, …] or several of them. */
function shapeOf(shape: unknown): (number | null)[] {
  if (!Array.isArray(shape)) return []
  return Array.isArray(shape[0]) ? shapeOf(shape[0]) : (shape as (number | null)[]).slice(1)
}

const mostLayers = 60
const box = { width: 300, height: 34, gap: 22 }

/**
 * A model as boxes from top to bottom, each with the shape it gives on and its number of parameters.
 *
 * @example modelChart(layersOf(model), { title: 'Classifier' })
 */
export function modelChart(layers: readonly LayerRow[], options: { title?: string } = {}): Spec {
  const shown = layers.slice(0, mostLayers)
  const pitch = box.height + box.gap
  const largest = Math.max(1, ...layers.map((layer) => layer.parameters))
  const values = shown.map((layer, i) => ({
    y: i * pitch,
    y2: i * pitch + box.height,
    middle: i * pitch + box.height / 2,
    name: cleanLine(layer.name, 28),
    type: cleanLine(layer.type, 24),
    shape: layer.shape.map((axis) => axis ?? '?').join(' × '),
    parameters: layer.parameters
      ? `${formatCount(layer.parameters)}${layer.trainable ? '' : ' (frozen)'}`
      : '',
    barLeft: box.width + 30,
    bar: box.width + 31 + (layer.parameters / largest) * 160,
    barTop: i * pitch + 21,
    barBottom: i * pitch + 27,
    frozen: !layer.trainable && layer.parameters > 0,
  }))
  const at = (value: number) => ({ value })
  const text = (field: string, x: number, more: object) => ({
    mark: { type: 'text', align: 'left', baseline: 'middle', ...more },
    encoding: { x: at(x), y: pixels('middle'), text: { field } },
  })
  // One leaves every box that the next one reads: the last is what the model gives.
  const arrows = values.map(({ y2, shape }, i) => ({
    from: y2,
    to: y2 + box.gap - 5,
    label: shape,
    ...joined(shown, i + 1),
  }))
  return chart({
    title: { text: cleanLine(options.title ?? 'Model', 60), subtitle: modelText(layers) },
    width: box.width + 270,
    height: values.length * pitch,
    layer: [
      {
        data: { values: arrows },
        layer: [
          {
            mark: { type: 'rule', color: colours.quiet },
            transform: [{ filter: 'datum.on' }],
            encoding: { x: at(box.width / 2), y: pixels('from'), y2: { field: 'to' } },
          },
          {
            mark: {
              type: 'point',
              shape: 'triangle-down',
              filled: true,
              size: 40,
              color: colours.quiet,
              opacity: 1,
            },
            transform: [{ filter: 'datum.on' }],
            encoding: { x: at(box.width / 2), y: pixels('to') },
          },
          {
            mark: {
              type: 'text',
              align: 'right',
              baseline: 'middle',
              dy: -box.gap / 2 + 3,
              fontSize: 10,
              color: colours.adjustment,
            },
            encoding: { x: at(box.width - 12), y: pixels('to'), text: { field: 'others' } },
          },
          {
            mark: {
              type: 'text',
              align: 'left',
              baseline: 'middle',
              dx: 8,
              dy: -box.gap / 2 + 3,
              fontSize: 10,
              color: colours.quiet,
            },
            encoding: { x: at(box.width / 2), y: pixels('to'), text: { field: 'label' } },
          },
        ],
      },
      {
        data: { values },
        layer: [
          {
            mark: { type: 'rect', cornerRadius: 4, strokeWidth: 1 },
            encoding: {
              x: at(0),
              x2: at(box.width),
              y: pixels('y'),
              y2: { field: 'y2' },
              fill: { condition: { test: 'datum.frozen', value: '#f0f0f0' }, value: '#eef4fa' },
              stroke: { condition: { test: 'datum.frozen', value: '#b8b8b8' }, value: '#9cc0de' },
            },
          },
          text('type', 12, { fontWeight: 600, fontSize: 12 }),
          {
            mark: { type: 'text', align: 'right', baseline: 'middle', color: colours.quiet, fontSize: 11 },
            encoding: { x: at(box.width - 12), y: pixels('middle'), text: { field: 'name' } },
          },
          {
            transform: [{ filter: "datum.parameters !== ''" }],
            mark: { type: 'rect', color: colours.training, cornerRadius: 2 },
            encoding: {
              x: pixels('barLeft'),
              x2: { field: 'bar' },
              y: pixels('barTop'),
              y2: { field: 'barBottom' },
            },
          },
          text('parameters', box.width + 30, { dy: -6, fontSize: 11 }),
        ],
      },
    ],
  })
}

/** Whether the layer at `i` reads the one above it, and what else it reads. */
function joined(layers: readonly LayerRow[], i: number): { on: boolean; others: string } {
  const { inputs } = layers[i] ?? {}
  if (!inputs) return { on: true, others: '' }
  const above = layers[i - 1]!.name
  const others = inputs.filter((name) => name !== above).map((name) => cleanLine(name, 24))
  const on = inputs.includes(above)
  return { on, others: others.length ? `${on ? 'with' : 'from'} ${others.join(', ')}` : '' }
}

function modelText(layers: readonly LayerRow[]): string {
  const all = layers.reduce((sum, layer) => sum + layer.parameters, 0)
  const frozen = layers.reduce((sum, layer) => sum + (layer.trainable ? 0 : layer.parameters), 0)
  const more = layers.length > mostLayers ? `, the first ${mostLayers} shown` : ''
  return `${formatCount(layers.length)} ${layers.length === 1 ? 'layer' : 'layers'}${more}, ${formatCount(all)} parameters${frozen ? `, ${formatCount(frozen)} of them frozen` : ''}; shapes without the batch`
}

/** A layer in a line, for one inside of other values: `Dense dense_1 [10], 7,850 parameters`. A model is a layer too. */
export function layerLine(layer: LayerLike): string {
  const type = cleanLine(layer.getClassName?.() ?? 'Layer', 40)
  try {
    const shape = shapeOf(layer.outputShape).map((axis) => axis ?? '?')
    const parameters = formatCount(layer.countParams?.() ?? 0)
    return `${type} ${cleanLine(layer.name, 40)} [${shape.join(', ')}], ${parameters} parameters`
  } catch {
    return `${type} ${cleanLine(layer.name, 40)}, not built yet`
  }
}

export function modelBundle(model: ModelLike): MimeBundle {
  const layers = layersOf(model)
  const name = cleanLine(model.name ?? 'model', 40)
  const text = tableText({
    title: `${name}: ${modelText(layers)}`,
    columns: ['layer', 'type', 'output', 'parameters'],
    rows: layers.map((layer) => [
      layer.name,
      layer.type,
      layer.shape.map((axis) => axis ?? '?').join(' × '),
      layer.parameters,
    ]),
  })
  return { [vegaLite]: modelChart(layers, { title: name }), 'text/plain': text }
}
