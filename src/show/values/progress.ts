import type { HistoryColumns, RunView } from '../../views.js'
import { cleanLine } from '../clean.js'
import { evaluationText } from '../charts/run/evaluation-marks.js'
import { lastCount, lastMean } from '../charts/run/last-mean.js'
import { formatCount, formatDuration, formatNumber, words } from '../format.js'
import { tableText } from '../table.js'

const blocks = '▁▂▃▄▅▆▇█'

/**
 * A line of numbers as block characters, one for each of `width` parts: the mean of what lies in it.
 *
 * @example sparkline(run.history.map(({ loss }) => loss), 12)
 */
export function sparkline(values: ArrayLike<number>, width = 24, length = values.length): string {
  const means: number[] = []
  const parts = Math.min(width, length)
  for (let part = 0; part < parts; part++) {
    let sum = 0
    let count = 0
    for (let i = Math.floor((part * length) / parts); i < Math.floor(((part + 1) * length) / parts); i++)
      if (Number.isFinite(values[i]!)) {
        sum += values[i]!
        count++
      }
    if (count) means.push(sum / count)
  }
  const low = Math.min(...means)
  const range = Math.max(...means) - low
  return means.map((mean) => blocks[range > 0 ? Math.round(((mean - low) / range) * 7) : 0]).join('')
}

/** `share` of `width` cells, in eighths of a cell. */
export function bar(share: number, width = 20): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8)
  const part = eighths % 8
  const full = '█'.repeat(Math.floor(eighths / 8)) + (part ? ' ▏▎▍▌▋▊▉'[part]! : '')
  return full.padEnd(width, '░')
}

/** Cells of a bar that is as short as it gets. */
const leastBar = 6

/** A line of progress in so many columns: without its sparkline, then with a shorter bar, at last cut. */
export function fitLine(line: string, columns: number): string {
  const excess = (text: string) => [...text].length - columns
  if (excess(line) <= 0) return line
  const bare = line.replace(/ {2}[▁-█]+$/u, '')
  const text = bare.replace(/[█-▏░]{10,}/u, (cells) => {
    const share = cells.replace(/[^█]/gu, '').length / cells.length
    return bar(share, Math.max(leastBar, cells.length - Math.max(0, excess(bare))))
  })
  if (excess(text) <= 0) return text
  const start = [...text].slice(0, Math.max(0, columns - 1)).join('')
  return `${start.trimEnd()}…`
}

const mostEvaluations = 8

/**
 * How a run reads as text: a line of progress while it trains, afterwards a summary and a table of what was evaluated.
 *
 * @example console.log(runText(run.view()))
 */
export function runText(view: RunView): string {
  return [progressLine(view), evaluationsText(view)].filter((text) => text !== '').join('\n')
}

/** Evaluations of the present call, where there are some to compare: evenly chosen rows, first and last among them. */
function evaluationsText({ live, from, evaluations, metrics, history }: RunView): string {
  const rows = evaluations.filter((row) => row.iteration > from)
  if (live || rows.length < 2) return ''
  const count = Math.min(rows.length, mostEvaluations)
  const shown = Array.from(
    { length: count },
    (_, i) => rows[Math.round((i * (rows.length - 1)) / (count - 1))]!,
  )
  return tableText({
    columns: ['iteration', 'loss', 'evaluation', ...metrics.map((metric) => words(cleanLine(metric, 20)))],
    rows: shown.map((row) => [
      row.iteration,
      lossUntil(history, row.iteration),
      row.loss,
      ...metrics.map((metric) => row[metric]),
    ]),
  })
}

/** Mean of the last batches up to an iteration. */
function lossUntil(history: HistoryColumns, iteration: number): number | undefined {
  let end = history.length
  while (end > 0 && history.iteration[end - 1]! > iteration) end--
  const begin = Math.max(0, end - lastCount(history))
  let sum = 0
  for (let i = begin; i < end; i++) sum += history.loss[i]!
  return end > begin ? sum / (end - begin) : undefined
}

/**
 * How a run reads in one line of text: while it trains a bar and the time left, afterwards a summary.
 *
 * @example console.log(progressLine(run.view()))
 */
export function progressLine(view: RunView): string {
  return view.live ? liveLine(view) : summary(view)
}

function liveLine(view: RunView): string {
  const { from, to, iteration, history, milliseconds } = view
  const done = iteration - from
  const parts = [cleanLine(view.name, 24)]
  if (to !== undefined && to > from)
    parts.push(`${bar(done / (to - from))} ${formatCount(iteration)}/${formatCount(to)}`)
  else parts.push(`${formatCount(iteration)} iterations`)
  if (history.length > 0) parts.push(`loss ${formatNumber(lastMean(history), 3)}`)
  const evaluation = view.evaluations.at(-1)
  for (const metric of view.metrics)
    if (evaluation?.[metric] !== undefined)
      parts.push(`${words(cleanLine(metric, 20))} ${formatNumber(evaluation[metric], 3)}`)
  if (to !== undefined && done > 0 && to > iteration)
    parts.push(`${formatDuration((milliseconds / done) * (to - iteration))} left`)
  if (history.length > 1) parts.push(sparkline(history.loss, 16, history.length))
  return parts.join('  ')
}

function summary(view: RunView): string {
  const { history, iteration, from, milliseconds } = view
  const parts = [`${cleanLine(view.name, 24)}: iteration ${formatCount(iteration)}`]
  if (history.length > 0)
    parts.push(
      `loss ${formatNumber(lastMean(history))}${lastCount(history) > 1 ? ` over the last ${lastCount(history)}` : ''}`,
    )
  const evaluation = view.evaluations.at(-1)
  if (evaluation)
    parts.push(
      `evaluation after ${formatCount(evaluation.iteration)}: ${evaluationText(evaluation, view.metrics)}`,
    )
  const done = iteration - from
  if (done > 0)
    parts.push(
      `${formatCount(done)} ${done === 1 ? 'iteration' : 'iterations'} in ${formatDuration(milliseconds)}`,
    )
  if (view.stopReason) parts.push(cleanLine(view.stopReason.message, 120))
  const line = parts.join(' · ')
  return history.length > 1 ? `${line}\n${sparkline(history.loss, 40, history.length)}` : line
}
