import { shareInterval } from '../../mistakes/interval.js'
import type { AnswerRow, AnswerSlice } from '../../views.js'

/** The share of right answers with its interval. */
export interface Share {
  count: number
  right: number
  from: number
  to: number
}

/**
 * Wilson's interval of a share over questions of which each has its own share of right answers. Answers to one question go together,
 * so they are worth as many independent ones as give the spread that is seen between questions (Korn and Graubard 1998): no fewer
 * than there are questions, no more than there are answers.
 */
export function shareOf(shares: readonly number[], samples = 1): Omit<Share, 'count'> {
  const count = shares.length
  const mean = shares.reduce((a, b) => a + b, 0) / count
  const variance = count > 1 ? shares.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (count - 1) : 0
  const worth =
    variance > 0 ? Math.min(count * samples, Math.max(count, (mean * (1 - mean) * count) / variance)) : count
  const [right, from, to] = shareInterval(mean * worth, worth)
  return { right, from, to }
}

export function summary(rows: readonly AnswerRow[]): Share {
  return {
    count: rows.length,
    ...shareOf(
      rows.map(({ right }) => right),
      Math.max(...rows.map(({ answers }) => answers.length)),
    ),
  }
}

/** By slice, the worst first. */
export function slicesOf(rows: readonly AnswerRow[]): AnswerSlice[] {
  const groups = new Map<string, AnswerRow[]>()
  for (const row of rows) groups.set(row.slice, [...(groups.get(row.slice) ?? []), row])
  return [...groups]
    .map(([slice, some]) => ({ slice, ...summary(some) }))
    .toSorted((a, b) => a.right - b.right || b.count - a.count)
}
