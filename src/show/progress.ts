import type { HistoryColumns, RunView } from '../views.js'
import { cleanLine } from './clean.js'
import { evaluationText } from './evaluation-marks.js'
import { formatCount, formatDuration, formatNumber, words } from './format.js'

const blocks = '▁▂▃▄▅▆▇█'

/** A line of numbers as block characters, one for each of `width` parts: the mean of what lies in it. */
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

/** How a run reads in one line of text: while it trains a bar and the time left, afterwards a summary. */
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

const lastCount = (history: HistoryColumns) => Math.min(20, Math.max(1, Math.floor(history.length / 10)))

/** The mean of the last batches: one batch alone says little. */
function lastMean(history: HistoryColumns): number {
  const count = lastCount(history)
  let sum = 0
  for (let i = history.length - count; i < history.length; i++) sum += history.loss[i]!
  return sum / count
}
