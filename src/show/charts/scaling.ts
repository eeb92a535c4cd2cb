import type { MimeBundle } from '../../host.js'
import type { ScalingView } from '../../views.js'
import { cleanTitle } from '../clean.js'
import { short } from './downsample.js'
import { formatCount, formatNumber } from '../format.js'
import { colours } from '../look.js'
import { chart, vegaLite, type Spec } from '../spec.js'

/**
 * Losses by size, the power law through them, and what it predicts.
 *
 * @example scalingChart(scalingLaw([{ size: 1e3, loss: 3.1 }, { size: 1e4, loss: 2.4 }, { size: 1e5, loss: 2 }, { size: 1e6, loss: 1.8 }]))
 */
export function scalingChart(view: ScalingView, options: { title?: string } = {}): Spec {
  const curve = view.curve.filter(({ loss }) => Number.isFinite(loss))
  const rows = (some: ScalingView['curve']) =>
    some.map((row) => ({
      size: row.size,
      loss: short(row.loss),
      ...(Number.isFinite(row.from) && { from: short(row.from), to: short(row.to) }),
    }))
  const [values, predictions] = [rows(curve), rows(view.predictions)]
  const seen = [
    ...view.points.map(({ loss }) => loss),
    ...curve.map(({ loss }) => loss),
    ...view.predictions.map(({ loss }) => loss),
  ]
  const [low, high] = [Math.min(...seen), Math.max(...seen)]
  const lowest = Math.max(low * 0.7, Math.min(low, ...predictions.map(({ from }) => from ?? low)) * 0.98)
  const x = {
    field: 'size',
    type: 'quantitative',
    title: cleanTitle(view.of),
    scale: { type: 'log', nice: false },
    axis: { format: '~s', tickCount: 6 },
  }
  const y = {
    field: 'loss',
    type: 'quantitative',
    title: 'loss (nats)',
    scale: { type: 'log', domain: [short(lowest), short(high * 1.03)], nice: false, clamp: true },
    axis: { tickCount: 6, format: '~g' },
  }
  const tooltip = [
    { field: 'size', format: ',' },
    { field: 'loss', format: '.4~r' },
  ]
  const band = values.some(({ from }) => from !== undefined)
  const interval = predictions.some(({ from }) => from !== undefined)
  return chart({
    title: { text: cleanTitle(options.title ?? 'Loss by size', 80), subtitle: lawText(view) },
    width: 480,
    height: 280,
    layer: [
      ...(band
        ? [
            {
              data: { values },
              mark: { type: 'area', color: colours.training, opacity: 0.12, clip: true },
              encoding: { x, y: { ...y, field: 'from' }, y2: { field: 'to' } },
            },
          ]
        : []),
      {
        data: { values },
        mark: { type: 'line', color: colours.training, strokeWidth: 1.5, clip: true },
        encoding: { x, y },
      },
      {
        data: { values: view.points.map(({ size, loss }) => ({ size, loss: short(loss) })) },
        mark: { type: 'circle', color: colours.training, size: 60, opacity: 1 },
        encoding: { x, y, tooltip },
      },
      ...(interval
        ? [
            {
              data: { values: predictions },
              mark: { type: 'rule', color: colours.evaluation, strokeWidth: 1.5, clip: true },
              encoding: { x, y: { ...y, field: 'from' }, y2: { field: 'to' } },
            },
          ]
        : []),
      {
        data: { values: predictions },
        mark: {
          type: 'point',
          shape: 'diamond',
          filled: true,
          color: colours.evaluation,
          size: 80,
          opacity: 1,
        },
        encoding: {
          x,
          y,
          tooltip: [
            ...tooltip,
            ...(interval
              ? [
                  { field: 'from', format: '.4~r' },
                  { field: 'to', format: '.4~r' },
                ]
              : []),
          ],
        },
      },
    ],
  })
}

const lawText = ({ E, A, alpha, points }: ScalingView): string =>
  `L(N) = ${formatNumber(E, 3)} + ${formatNumber(A, 3)} N^−${formatNumber(alpha, 3)}, of ${points.length} runs`

export function scalingBundle(view: ScalingView): MimeBundle {
  const said = view.predictions.map(
    ({ size, loss, from, to }) =>
      `${formatCount(size)} ${cleanTitle(view.of)}: ${formatNumber(loss)}${Number.isFinite(from) ? ` (${formatNumber(from)} to ${formatNumber(to)})` : ''}`,
  )
  return {
    [vegaLite]: scalingChart(view),
    'text/plain': `[${lawText(view)}${said.length > 0 ? `; predicted for ${said.join(', ')}` : ''}]`,
  }
}
