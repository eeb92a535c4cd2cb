/** Results that read best as tables or as a line: stretches of training, rounds, comparisons. */
import type { MimeBundle } from '../../host.js'
import type { ComparisonView, EvaluationRow, RoundsView, StretchView } from '../../views.js'
import { groupAdjustments } from '../charts/run/adjustment-groups.js'
import { cleanLine } from '../clean.js'
import { evaluationText } from '../charts/run/evaluation-marks.js'
import { formatCount, formatDuration, formatNumber, words } from '../format.js'
import { lossChart } from '../charts/run/loss-chart.js'
import { vegaLite, type Part, type Spec } from '../spec.js'
import { belowAxis, tablePanel } from '../charts/run/table-panel.js'
import { tableHtml, tableText, type TableView } from '../table.js'

/**
 * 'first: iterations 200 to 400, loss 0.21, 1.2 s (6 ms each) · evaluation loss 0.2, accuracy 0.95'.
 *
 * @example stretchText(await run.iterate(100))
 */
export function stretchText(view: StretchView): string {
  const done = view.to - view.from
  if (done <= 0) return `${cleanLine(view.run, 24)}: stands at iteration ${formatCount(view.to)}`
  const each = view.milliseconds / done
  const parts = [
    `${cleanLine(view.run, 24)}: ${done === 1 ? `iteration ${formatCount(view.to)}` : `iterations ${formatCount(view.from + 1)} to ${formatCount(view.to)}`}`,
    `loss ${formatNumber(view.loss)}`,
    `${formatDuration(view.milliseconds)} (${formatNumber(each, 2)} ms an iteration)`,
  ]
  if (view.evaluation)
    parts.push(`evaluation ${evaluationText(view.evaluation, metricsOf([view.evaluation]))}`)
  if (view.stopReason) parts.push(`stopped: ${cleanLine(view.stopReason.message, 120)}`)
  return parts.join(' · ')
}

export const stretchBundle = (view: StretchView): MimeBundle => ({ 'text/plain': stretchText(view) })

/**
 * A row for each round: the subset, the evaluation before and after it, what was adjusted.
 *
 * @example roundsTable(await run.rounds(2, { iterations: 100 })).rows
 */
export function roundsTable(view: RoundsView): TableView {
  const metrics = [
    'loss',
    ...metricsOf(view.rows.flatMap((row) => [row.before, row.after]).filter((row) => row !== undefined)),
  ]
  const adjusted = view.rows.some((row) => row.adjustments.length > 0)
  return {
    title: `${cleanLine(view.run, 40)}: ${formatCount(view.rows.length)} ${view.rows.length === 1 ? 'round' : 'rounds'}`,
    columns: [
      'round',
      'subset',
      'iterations',
      ...metrics.map((metric) => `${words(metric)} before → after`),
      ...(adjusted ? ['adjustments'] : []),
    ],
    rows: view.rows.map((row) => [
      row.round,
      row.subset,
      `${formatCount(row.from)} – ${formatCount(row.to)}`,
      ...metrics.map((metric) => change(row.before?.[metric], row.after?.[metric])),
      ...(adjusted
        ? [
            groupAdjustments(row.adjustments)
              .map(({ text }) => text)
              .join('; '),
          ]
        : []),
    ]),
    ...(view.stopReason && { note: `Stopped: ${cleanLine(view.stopReason.message, 160)}` }),
  }
}

const change = (before: number | undefined, after: number | undefined) =>
  [before, after].map((value) => (value === undefined ? '–' : formatNumber(value))).join(' → ')

function metricsOf(rows: readonly EvaluationRow[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))].filter(
    (name) => name !== 'iteration' && name !== 'loss',
  )
}

export const roundsBundle = (view: RoundsView): MimeBundle => tableBundle(roundsTable(view))

/**
 * What differs between runs, a row each.
 *
 * @example comparisonTable(compare(run, other)).rows
 */
export function comparisonTable(view: ComparisonView): TableView {
  return {
    title: view.runs.map((run) => cleanLine(run, 30)).join(' and '),
    columns: ['', ...view.runs],
    rows: view.rows.map((row) => [row.what, ...row.values.map((value) => value ?? '–')]),
  }
}

/** With the runs' histories their chart, and below it what differs; else a table. */
export function comparisonBundle(view: ComparisonView): MimeBundle {
  const table = comparisonTable(view)
  const [first, ...others] = view.charts ?? []
  if (!first) return tableBundle(table)
  const spec = lossChart(
    { ...first, beside: [...others, ...(first.beside ?? [])] },
    { title: table.title!, subtitle: '' },
  )
  const panels = spec.vconcat as Part[]
  return {
    [vegaLite]: { ...spec, vconcat: [...panels, belowAxis(30), tablePanel(table)] } as Spec,
    'text/plain': tableText(table),
  }
}

export function tableBundle(table: TableView): MimeBundle {
  return { 'text/html': tableHtml(table), 'text/plain': tableText(table) }
}
