import type { HistoryColumns } from '../../../views.js'

/** Batches of which the mean is told: the last twenty, of a short run fewer. */
export const lastCount = (history: HistoryColumns) =>
  Math.min(20, Math.max(1, Math.floor(history.length / 10)))

/** The mean of the last batches: one batch alone says little. */
export function lastMean(history: HistoryColumns): number {
  const count = lastCount(history)
  let sum = 0
  for (let i = history.length - count; i < history.length; i++) sum += history.loss[i]!
  return sum / count
}
