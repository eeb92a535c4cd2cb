import { cleanLine, cleanTitle } from '../clean.js'
import { short } from './downsample.js'
import { colours, series } from '../look.js'
import { chart, type Spec } from '../spec.js'

export interface DecisionGrid {
  /** Middles of the columns and rows of the grid. */
  xs: readonly number[]
  ys: readonly number[]
  /** values[row][column]: the class index that is predicted there. */
  classes: readonly ArrayLike<number>[]
  /** confidence[row][column] in 0..1, drawn as strength of colour. */
  confidence?: readonly ArrayLike<number>[]
}

export interface DecisionOptions {
  /** Names of the classes. */
  labels: readonly string[]
  points?: readonly { x: number; y: number; class: number }[]
  title?: string
  /** Names of the two fields. */
  axes?: readonly [string, string]
}

const mostCells = 4000

/**
 * What a model of two fields predicts everywhere, with the data on top of it.
 *
 * @example decisionChart({ xs: [0, 1], ys: [0, 1], classes: [[0, 0], [0, 1]] }, { labels: ['no', 'yes'] })
 */
export function decisionChart(grid: DecisionGrid, options: DecisionOptions): Spec {
  const labels = options.labels.map((label) => cleanLine(label, 30))
  const every = Math.max(1, Math.ceil(Math.sqrt((grid.xs.length * grid.ys.length) / mostCells)))
  const half = { x: (stepOf(grid.xs) * every) / 2, y: (stepOf(grid.ys) * every) / 2 }
  const cells = grid.ys.flatMap((y, row) =>
    row % every
      ? []
      : grid.xs.flatMap((x, column) =>
          column % every
            ? []
            : [
                {
                  x: short(x - half.x),
                  x2: short(x + half.x),
                  y: short(y - half.y),
                  y2: short(y + half.y),
                  class: labels[grid.classes[row]![column]!] ?? '?',
                  sure: short(grid.confidence?.[row]?.[column] ?? 1),
                },
              ],
        ),
  )
  const points = (options.points ?? [])
    .slice(0, 5000 - cells.length)
    .map((point) => ({ x: short(point.x), y: short(point.y), class: labels[point.class] ?? '?' }))
  const [xName, yName] = options.axes ?? ['x', 'y']
  const axis = (field: string, title: string) => ({
    field,
    type: 'quantitative',
    title: cleanTitle(title),
    scale: { zero: false, nice: false },
    axis: { grid: false },
  })
  const color = {
    field: 'class',
    type: 'nominal',
    title: null,
    scale: { domain: labels, range: labels.map((_, i) => series[i % series.length]!) },
  }
  return chart({
    title: {
      text: cleanLine(options.title ?? 'Decision boundary', 80),
      subtitle: grid.confidence
        ? 'ground: what is predicted, the stronger the surer; points: the data'
        : 'ground: what is predicted; points: the data',
    },
    width: 400,
    height: 340,
    layer: [
      {
        data: { values: cells },
        mark: { type: 'rect', strokeWidth: 0 },
        encoding: {
          x: axis('x', xName),
          x2: { field: 'x2' },
          y: axis('y', yName),
          y2: { field: 'y2' },
          color,
          opacity: {
            field: 'sure',
            type: 'quantitative',
            legend: null,
            scale: { domain: [0, 1], range: [0.05, 0.42] },
          },
        },
      },
      {
        data: { values: points },
        mark: { type: 'point', filled: true, size: 46, opacity: 1, stroke: colours.ground, strokeWidth: 1 },
        encoding: { x: axis('x', xName), y: axis('y', yName), color },
      },
    ],
  })
}

function stepOf(values: readonly number[]): number {
  return values.length > 1 ? Math.abs(values[1]! - values[0]!) : 1
}
