import { cleanLine, cleanTitle } from '../clean.js'
import { short } from './downsample.js'
import { colours, width } from '../look.js'
import { chart, type Spec } from '../spec.js'

/** Values of one thing (weights, gradients, activations) at one iteration. */
export interface DistributionRow {
  iteration: number
  values: ArrayLike<number>
}

const mostRows = 400
const bins = 40
const shares = [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1] as const

/**
 * The shares of sorted values, interpolated between neighbours (type 7 of Hyndman and Fan, 1996).
 *
 * @example const [median] = percentiles(weights, [0.5])
 */
export function percentiles(values: ArrayLike<number>, at: readonly number[] = shares): number[] {
  const sorted = Float64Array.from(values).filter(Number.isFinite).toSorted()
  return at.map((share) => {
    if (sorted.length === 0) return Number.NaN
    const place = share * (sorted.length - 1)
    const below = Math.floor(place)
    const low = sorted[below]!
    return low + ((sorted[below + 1] ?? low) - low) * (place - below)
  })
}

/**
 * How values spread over the iterations: the middle half and nine tenths as bands, the median as a line, the ends dotted.
 *
 * @example percentileChart([{ iteration: 1, values: weights }])
 */
export function percentileChart(
  rows: readonly DistributionRow[],
  options: { title?: string; of?: string } = {},
): Spec {
  const values = thin(rows).map((row) => {
    const [min, p5, p25, median, p75, p95, max] = percentiles(row.values).map(short)
    return { x: row.iteration, min, p5, p25, median, p75, p95, max }
  })
  const x = {
    field: 'x',
    type: 'quantitative',
    title: 'iteration',
    scale: { nice: false },
    axis: { format: ',d', tickMinStep: 1 },
  }
  const y = (field: string) => ({ field, type: 'quantitative', title: cleanTitle(options.of ?? 'value', 40) })
  const band = (from: string, to: string, opacity: number) => ({
    mark: { type: 'area', color: colours.training, opacity },
    encoding: { y: y(from), y2: { field: to } },
  })
  const line = (field: string, more: object) => ({
    mark: { type: 'line', color: colours.training, ...more },
    encoding: { y: y(field) },
  })
  return chart({
    title: {
      text: cleanLine(options.title ?? 'Distribution', 80),
      subtitle: 'median; 50 % and 90 % of the values as bands; least and greatest dashed',
    },
    width,
    height: 200,
    data: { values },
    encoding: { x },
    layer: [
      band('p5', 'p95', 0.16),
      band('p25', 'p75', 0.3),
      line('min', { strokeWidth: 1, strokeDash: [2, 3] }),
      line('max', { strokeWidth: 1, strokeDash: [2, 3] }),
      line('median', { strokeWidth: 2 }),
    ],
  })
}

/**
 * The same as a heat map: one column an iteration, darker where more of the values lie.
 *
 * @example histogramChart([{ iteration: 1, values: weights }])
 */
export function histogramChart(
  rows: readonly DistributionRow[],
  options: { title?: string; of?: string } = {},
): Spec {
  const shown = thin(rows, 100)
  const [low, high] = rangeOf(shown)
  const step = (high - low) / bins || 1
  const values = shown.flatMap((row, column) => {
    const counts = Array.from({ length: bins }, () => 0)
    let all = 0
    for (let i = 0; i < row.values.length; i++) {
      const value = row.values[i]!
      if (!Number.isFinite(value)) continue
      counts[Math.min(bins - 1, Math.floor((value - low) / step))]!++
      all++
    }
    const next =
      shown[column + 1]?.iteration ??
      row.iteration + (row.iteration - (shown[column - 1]?.iteration ?? row.iteration - 1))
    return counts.flatMap((count, bin) =>
      count === 0
        ? []
        : [
            {
              x: row.iteration,
              x2: next,
              y: short(low + bin * step),
              y2: short(low + (bin + 1) * step),
              share: short(count / all),
            },
          ],
    )
  })
  return chart({
    title: {
      text: cleanLine(options.title ?? 'Distribution', 80),
      subtitle: 'each column a histogram; darker: more of the values',
    },
    width,
    height: 200,
    data: { values },
    mark: { type: 'rect', tooltip: true },
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        title: 'iteration',
        scale: { nice: false, zero: false },
        axis: { format: ',d', tickMinStep: 1 },
      },
      x2: { field: 'x2' },
      y: {
        field: 'y',
        type: 'quantitative',
        title: cleanTitle(options.of ?? 'value', 40),
        scale: { zero: false, nice: false },
      },
      y2: { field: 'y2' },
      color: {
        field: 'share',
        type: 'quantitative',
        title: 'share',
        scale: { type: 'sqrt', range: ['#dceaf5', '#0a5a8f', '#05294a'], interpolate: 'rgb' },
        legend: { format: '.0%', tickCount: 4 },
      },
    },
  })
}

function thin<Row>(rows: readonly Row[], most = mostRows): readonly Row[] {
  if (rows.length <= most) return rows
  return Array.from({ length: most }, (_, i) => rows[Math.round((i * (rows.length - 1)) / (most - 1))]!)
}

function rangeOf(rows: readonly DistributionRow[]): [number, number] {
  let low = Infinity
  let high = -Infinity
  for (const { values } of rows)
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!
      if (!Number.isFinite(value)) continue
      if (value < low) low = value
      if (value > high) high = value
    }
  return low <= high ? [low, high] : [0, 1]
}
