import type { EvaluationRow } from '../../../views.js'
import type { Course } from './axes.js'
import { cleanLine, cleanTitle } from '../../clean.js'
import { short, type Point } from '../downsample.js'
import { formatNumber, words } from '../../format.js'
import { colours } from '../../look.js'
import type { Part } from '../../spec.js'

/** 'loss 0.31, accuracy 0.9'. */
export function evaluationText(row: EvaluationRow, metrics: readonly string[]): string {
  return ['loss', ...metrics]
    .filter((name) => row[name] !== undefined)
    .map((name) => `${words(cleanLine(name))} ${formatNumber(row[name]!)}`)
    .join(', ')
}

/** A line through a run's evaluations, each a point that says what it is. */
export function evaluationMarks(
  run: Course,
  field: string,
  name: string,
  { thin, y, most }: { thin: boolean; y: Part; most: number },
): Part[] {
  const values = evaluatedOf(run, field, most)
  if (values.length === 0) return []
  const encoding = { y, color: { datum: name } }
  const crowded = values.length > 60
  return [
    {
      data: { values },
      mark: { type: 'line', clip: true, strokeWidth: 1.5, ...(thin && { strokeDash: [4, 3] }) },
      encoding,
    },
    {
      data: { values },
      mark: {
        type: 'point',
        clip: true,
        filled: false,
        fill: colours.ground,
        size: crowded ? 12 : 40,
        strokeWidth: 1.8,
        opacity: 1,
      },
      encoding: {
        ...encoding,
        tooltip: [
          { field: 'x', title: 'iteration' },
          { field: 'y', title: words(cleanTitle(field, 30)) },
        ],
      },
    },
  ]
}

/** A run's evaluations of one field as points, few enough. */
export const evaluatedOf = (run: Course, field: string, most: number): Point[] =>
  thinned(run.evaluations, most)
    .filter((row) => Number.isFinite(row[field]))
    .map((row) => ({ x: row.iteration, y: short(row[field]!) }))

/** Evenly chosen rows, first and last always among them. */
function thinned<Row>(rows: readonly Row[], limit: number): readonly Row[] {
  if (rows.length <= limit) return rows
  return Array.from({ length: limit }, (_, i) => rows[Math.round((i * (rows.length - 1)) / (limit - 1))]!)
}
