import type { HistoryColumns } from '../../../views.js'
import { smooth } from './smooth.js'

/** More points than this are averaged in groups first: the mean is drawn with a few hundred anyway. */
const mostSmoothed = 4000

/**
 * The running mean of a run's loss, over a twentieth of it or 200 iterations.
 *
 * @param log on a logarithmic scale the mean of the logarithms runs through the middle of the points.
 */
export function runningMean(
  { length, iteration, loss }: HistoryColumns,
  log = false,
): { x: ArrayLike<number>; y: ArrayLike<number> } {
  const window = Math.min(200, Math.ceil(length / 20))
  const group = Math.max(1, Math.ceil(length / mostSmoothed))
  const groups = Math.ceil(length / group)
  const x = new Float64Array(groups)
  const y = new Float64Array(groups)
  for (let g = 0; g < groups; g++) {
    const end = Math.min(length, (g + 1) * group)
    let sum = 0
    let count = 0
    for (let i = g * group; i < end; i++) {
      const value = log ? Math.log(loss[i]!) : loss[i]!
      if (!Number.isFinite(value)) continue
      sum += value
      count++
    }
    x[g] = iteration[Math.min(end - 1, g * group + (group >> 1))]!
    y[g] = count ? sum / count : Number.NaN
  }
  const mean = smooth(y, Math.max(2, window / group))
  return { x, y: log ? mean.map(Math.exp) : mean }
}
