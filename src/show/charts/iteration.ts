import type { MimeBundle } from '../../host.js'
import type { IterationView, Mistake } from '../../views.js'
import { cleanLine } from '../clean.js'
import { mistakeTile, tileGrid } from './examples.js'
import { formatCount, formatNumber } from '../format.js'
import { short } from './downsample.js'
import { colours } from '../look.js'
import { labelsOf, namedRows } from '../places.js'
import { chart, vegaLite, type Part, type Spec } from '../spec.js'
import { tableText } from '../table.js'

const mostPictures = 32
const mostParameters = 60

/**
 * One iteration opened up: the batch with what was predicted, and for each parameter the size of its gradient and of
 * its update, and the update as a part of the weights (about a thousandth is the usual advice).
 *
 * @example iterationChart(await run.iterate(1, { inspect: true }))
 */
export function iterationChart(view: IterationView): Spec {
  const panels = [batchPanel(view), parameterPanels(view), activationPanel(view)].filter(
    (panel) => panel !== undefined,
  )
  return chart({
    title: { text: `Iteration ${formatCount(view.iteration)}`, subtitle: iterationText(view), offset: 22 },
    spacing: 28,
    vconcat: panels,
    resolve: { scale: { color: 'independent' } },
  })
}

export function iterationText(view: IterationView): string {
  return `loss ${formatNumber(view.loss)} · learning rate ${formatNumber(view.learningRate)} · gradient norm ${formatNumber(view.gradientNorm)} · ${formatCount(view.examples.length)} examples`
}

function batchPanel(view: IterationView): Part | undefined {
  if (view.examples.length === 0) return undefined
  if (!view.examples.every((row) => row.input.picture && row.input.values)) return lossBars(view.examples)
  const rows = view.examples.slice(0, mostPictures)
  const more =
    rows.length < view.examples.length
      ? `, the first ${rows.length} of ${formatCount(view.examples.length)}`
      : ''
  return tileGrid(
    rows.map((row) => ({ ...mistakeTile(row), more: [`loss ${formatNumber(row.loss, 3)}`, `id ${row.id}`] })),
    {
      title: 'The batch',
      subtitle: `expected → predicted before the update, loss, id${more}`,
      size: 56,
      columns: 8,
      width: 640,
    },
  )
}

/** Inputs that are no images: the loss of each example as a bar. */
function lossBars(examples: readonly Mistake[]): Part {
  const values = examples.slice(0, 200).map((row, place) => ({
    place,
    id: row.id,
    loss: short(row.loss),
    expected: cleanLine(row.expected, 40),
    predicted: cleanLine(row.predicted, 40),
  }))
  return {
    title: { text: 'The batch', subtitle: 'loss of each example before the update' },
    width: 640,
    height: 120,
    data: { values },
    mark: { type: 'bar', color: colours.training },
    encoding: {
      x: {
        field: 'place',
        type: 'ordinal',
        title: 'id of the example',
        axis: { labelExpr: labelsOf(values.map(({ id }) => id)), labelOverlap: true, labelAngle: 0 },
      },
      y: { field: 'loss', type: 'quantitative', title: 'loss' },
      tooltip: ['id', 'loss', 'expected', 'predicted'].map((field) => ({ field })),
    },
  }
}

function parameterPanels(view: IterationView): Part | undefined {
  if (view.parameters.length === 0) return undefined
  const values = view.parameters.slice(0, mostParameters).map((row, place) => ({
    place,
    name: cleanLine(row.name, 40),
    shape: row.shape.join(' × ') || 'number',
    gradient: short(row.gradientNorm),
    update: short(row.updateNorm),
    weights: short(row.norm),
    part: row.norm > 0 ? short(row.updateNorm / row.norm) : null,
  }))
  const { axis, ...rows } = namedRows(values.map(({ name }) => name))
  const y = (labels: boolean) => ({
    ...rows,
    // Every row in every panel, also where nothing can be drawn: an update over weights of zero.
    scale: { domain: values.map((row) => row.place) },
    axis: labels ? axis : null,
  })
  const tooltip = ['name', 'shape', 'weights', 'gradient', 'update', 'part'].map((field) => ({ field }))
  const bars = (field: string, title: string, color: string, labels: boolean): Part => ({
    title: { text: title, fontSize: 12, fontWeight: 400, offset: 6, subtitle: '' },
    width: 190,
    height: { step: 18 },
    mark: { type: 'bar', color, height: 11, cornerRadiusEnd: 2 },
    encoding: {
      x: { field, type: 'quantitative', title: null, axis: { tickCount: 4 } },
      y: y(labels),
      tooltip,
    },
  })
  const positive = values.flatMap((row) => (row.part ? [row.part] : []))
  const low = Math.min(1e-3, ...positive)
  const high = Math.max(1e-3, ...positive)
  const parts: Part = {
    title: { text: 'update ÷ weights (norms)', fontSize: 12, fontWeight: 400, offset: 6, subtitle: '' },
    width: 190,
    height: { step: 18 },
    layer: [
      {
        data: { values: [{ part: 1e-3 }] },
        mark: { type: 'rule', color: colours.adjustment, strokeDash: [3, 3] },
        encoding: { x: { field: 'part', type: 'quantitative' } },
      },
      {
        transform: [{ filter: 'datum.part > 0' }],
        mark: { type: 'point', filled: true, size: 60, color: colours.training, opacity: 1 },
        encoding: {
          x: {
            field: 'part',
            type: 'quantitative',
            title: null,
            scale: { type: 'log', domain: [low / 2, high * 2], nice: false },
            axis: { values: powersOfTen(low / 2, high * 2), format: '~e' },
          },
          y: y(false),
          tooltip,
        },
      },
    ],
  }
  return {
    title: { text: 'The parameters', subtitle: 'Euclidean norms; the dashed line is a thousandth' },
    data: { values },
    spacing: 18,
    hconcat: [
      bars('gradient', 'gradient norm', colours.gradient, true),
      bars('update', 'update norm', colours.rate, false),
      parts,
    ],
  }
}

function powersOfTen(low: number, high: number): number[] {
  const from = Math.ceil(Math.log10(low))
  const to = Math.floor(Math.log10(high))
  const step = Math.max(1, Math.ceil((to - from) / 4))
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => 10 ** (from + i * step))
}

/** What the share of a layer says: of a relu its units, of a curve that levels off its values. Never of both. */
const silent = 'units that gave 0 for every example of this batch'
const levelled = 'values in the flat part of the curve, where hardly any gradient passes'

/** Functions whose zeros are meant: a unit is of no use only if it gives nothing else. */
const isCut = (activation: string) => /^relu/i.test(activation)

/** One number a layer: what its activation function can mean. */
const shareOf = (row: NonNullable<IterationView['activations']>[number]) =>
  isCut(row.activation) ? { state: silent, share: row.dead } : { state: levelled, share: row.saturated }

function activationPanel(view: IterationView): Part | undefined {
  if (!view.activations?.length) return undefined
  const values = view.activations.map((row, place) => ({ place, ...shareOf(row) }))
  const names = view.activations.map(
    (row) => `${cleanLine(row.layer, 30)} (${cleanLine(row.activation, 16)})`,
  )
  const states = [silent, levelled].filter((state) => values.some((row) => row.state === state))
  return {
    title: {
      text: 'What hardly learns from this batch',
      subtitle: states.map((state, i) => `${i === 0 ? 'share of each layer: ' : 'or of '}${state}`),
    },
    width: 420,
    height: { step: 20 },
    data: { values },
    mark: { type: 'bar', height: 11 },
    encoding: {
      y: namedRows(names),
      x: {
        field: 'share',
        type: 'quantitative',
        title: 'share',
        scale: { domain: [0, 1] },
        axis: { format: '%', tickCount: 5 },
      },
      color: {
        field: 'state',
        type: 'nominal',
        title: null,
        scale: { domain: [silent, levelled], range: [colours.wrong, colours.rate] },
        legend: null,
      },
      tooltip: [
        { field: 'state', title: 'of' },
        { field: 'share', title: 'share', format: '.1%' },
      ],
    },
  }
}

export function iterationBundle(view: IterationView): MimeBundle {
  const shown = view.examples.slice(0, 16)
  const examples = tableText({
    columns: ['id', 'expected', 'predicted', 'loss'],
    rows: shown.map((row) => [String(row.id), row.expected, row.predicted, row.loss]),
    ...(shown.length < view.examples.length && {
      note: `first ${shown.length} of ${formatCount(view.examples.length)} examples`,
    }),
  })
  const parameters = tableText({
    columns: ['parameter', 'shape', 'norm', 'gradient', 'update', 'update ÷ weights'],
    rows: view.parameters.map((row) => [
      row.name,
      row.shape.join(' × '),
      row.norm,
      row.gradientNorm,
      row.updateNorm,
      row.norm > 0 ? row.updateNorm / row.norm : null,
    ]),
  })
  return {
    [vegaLite]: iterationChart(view),
    'text/plain': `Iteration ${formatCount(view.iteration)}: ${iterationText(view)}\n\n${examples}\n\n${parameters}`,
  }
}
