import { calibration, type Confidence } from '../../calibration.js'
import { cleanLine } from '../clean.js'
import { short } from './downsample.js'
import { formatCount, formatShare } from '../format.js'
import { colours } from '../look.js'
import { chart, type Spec } from '../spec.js'

/**
 * How often the model is right when it is that sure: on the diagonal it knows how sure to be.
 *
 * @example calibrationChart((await run.calibration()).predictions)
 */
export function calibrationChart(
  rows: readonly Confidence[],
  options: { bins?: number; title?: string } = {},
): Spec {
  const { bins, error } = calibration(rows, options.bins)
  const values = bins.map((bin) => ({
    ...bin,
    confidence: short(bin.confidence),
    accuracy: short(bin.accuracy),
  }))
  const axis = (title: string) => ({
    type: 'quantitative',
    title,
    scale: { domain: [0, 1] },
    axis: { format: '.0%', tickCount: 5 },
  })
  const x = { field: 'confidence', ...axis('probability given') }
  const y = { field: 'accuracy', ...axis('share that was right') }
  return chart({
    title: {
      text: cleanLine(options.title ?? 'Calibration', 80),
      subtitle: [
        `expected calibration error ${formatShare(error)} over ${formatCount(rows.length)} predictions`,
        'a bar from the diagonal says by how much it errs',
      ],
    },
    width: 340,
    height: 340,
    layer: [
      {
        data: { values: [{ a: 0, b: 1 }] },
        mark: { type: 'rule', color: colours.quiet, strokeDash: [4, 4] },
        encoding: {
          x: { field: 'a', type: 'quantitative' },
          x2: { field: 'b' },
          y: { field: 'a', type: 'quantitative' },
          y2: { field: 'b' },
        },
      },
      {
        data: { values },
        layer: [
          {
            mark: { type: 'rule', color: colours.wrong, strokeWidth: 2 },
            encoding: {
              x,
              y: { field: 'confidence', ...axis('share that was right') },
              y2: { field: 'accuracy' },
            },
          },
          { mark: { type: 'line', color: colours.training, strokeWidth: 1.5 }, encoding: { x, y } },
          {
            mark: { type: 'circle', color: colours.training, opacity: 1 },
            encoding: {
              x,
              y,
              size: {
                field: 'count',
                type: 'quantitative',
                title: 'predictions',
                scale: { range: [20, 400] },
                legend: { tickCount: 3, symbolFillColor: colours.training },
              },
              tooltip: [
                { field: 'confidence', format: '.1%' },
                { field: 'accuracy', format: '.1%' },
                { field: 'count' },
              ],
            },
          },
        ],
      },
    ],
  })
}
