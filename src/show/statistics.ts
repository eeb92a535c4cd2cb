import { cleanLine } from './clean.js'
import { short } from './charts/downsample.js'
import { percentiles } from './charts/distribution.js'
import { formatCount, formatNumber } from './format.js'
import { colours, series } from './look.js'
import { namedRows } from './places.js'
import { chart, type Part, type Spec } from './spec.js'

/** Values of one field, or the class of every example. */
export interface FieldValues {
  name: string
  values: ArrayLike<number> | readonly string[]
}

const mostFields = 24
const mostClasses = 30
const bins = 24

/**
 * What is in some data: a histogram for each field of numbers, counts for each of texts.
 *
 * @example statisticsChart([{ name: 'weight', values: weights }])
 */
export function statisticsChart(fields: readonly FieldValues[], options: { title?: string } = {}): Spec {
  const shown = fields.slice(0, mostFields)
  const length = shown[0]?.values.length ?? 0
  const columns = Math.min(3, shown.length)
  return chart({
    title: {
      text: cleanLine(options.title ?? 'Data', 80),
      subtitle: `${formatCount(length)} examples${shown.length < fields.length ? `, the first ${mostFields} of ${formatCount(fields.length)} fields` : ''}`,
    },
    columns,
    spacing: { row: 84, column: 64 },
    bounds: 'flush',
    concat: shown.map((field, i) =>
      typeof field.values[0] === 'string' ? countsPanel(field) : histogramPanel(field, i % columns === 0),
    ),
  })
}

/** @param first of its row: it says what is counted. */
function histogramPanel(field: FieldValues, first: boolean): Part {
  const values = field.values as ArrayLike<number>
  const [low, median, high] = percentiles(values, [0, 0.5, 1])
  const step = (high! - low!) / bins || 1
  const counts = Array.from({ length: bins }, () => 0)
  let missing = 0
  let sum = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (!Number.isFinite(value)) {
      missing++
      continue
    }
    sum += value
    counts[Math.min(bins - 1, Math.floor((value - low!) / step))]!++
  }
  const mean = sum / Math.max(1, values.length - missing)
  return panel(
    field.name,
    `mean ${formatNumber(mean)}, median ${formatNumber(median!)}${missing ? `, ${formatCount(missing)} missing` : ''}`,
    {
      data: {
        values: counts.map((count, i) => ({
          from: short(low! + i * step),
          to: short(low! + (i + 1) * step),
          count,
        })),
      },
      mark: { type: 'bar', color: colours.training },
      encoding: {
        x: {
          field: 'from',
          type: 'quantitative',
          title: null,
          scale: { zero: false, nice: false },
          axis: { tickCount: 4, grid: false },
          bin: 'binned',
        },
        x2: { field: 'to' },
        y: {
          field: 'count',
          type: 'quantitative',
          title: first ? 'examples' : null,
          scale: { domain: [0, roundUp(Math.max(...counts))], nice: false },
          axis: { tickCount: 3 },
        },
      },
    },
  )
}

function countsPanel(field: FieldValues): Part {
  const counts = new Map<string, number>()
  for (const value of field.values as readonly string[]) counts.set(value, (counts.get(value) ?? 0) + 1)
  const sorted = [...counts].toSorted((a, b) => b[1] - a[1])
  const rows = sorted
    .slice(0, mostClasses)
    .map(([name, count], i) => ({ place: i, name: cleanLine(name, 24) || '(empty)', count }))
  return panel(
    field.name,
    `${formatCount(counts.size)} different${rows.length < sorted.length ? `, the ${mostClasses} most frequent` : ''}`,
    {
      height: { step: 16 },
      data: { values: rows },
      mark: { type: 'bar', color: series[2]!, height: 10, cornerRadiusEnd: 2 },
      encoding: {
        y: namedRows(rows.map(({ name }) => name)),
        x: { field: 'count', type: 'quantitative', title: 'examples', axis: { tickCount: 3 } },
      },
    },
  )
}

/** 1, 2 or 5 times a power of ten, so that the top of every panel has a label and they stand in one line. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)))
  return [1, 2, 5, 10].map((times) => times * power).find((edge) => edge >= value)!
}

const panel = (name: string, subtitle: string, more: Part): Part => ({
  title: { text: cleanLine(name, 30), fontSize: 12, subtitle, subtitleFontSize: 11, offset: 6 },
  width: 180,
  height: 100,
  ...more,
})
