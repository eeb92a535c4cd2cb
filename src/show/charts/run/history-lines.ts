import type { HistoryColumns } from '../../../views.js'
import { downsample, downsampleBends, type Point } from '../downsample.js'
import { runningMean } from './running-mean.js'

export type Line = readonly Point[]

/** Points of a running mean as wide as a chart: it has no spikes. */
export const finestMean = 240

/**
 * Lines of runs' histories, each thinned to so many points. The chart of a run and its data for the extension show the
 * same ones while it trains: with one of these for both, each is chosen once. Not for longer: a history may change.
 */
export class HistoryLines {
  readonly #lines = new Map<HistoryColumns, Map<string, Line>>()

  #once(history: HistoryColumns, key: string, choose: () => Line): Line {
    let lines = this.#lines.get(history)
    if (!lines) this.#lines.set(history, (lines = new Map()))
    let line = lines.get(key)
    if (!line) lines.set(key, (line = choose()))
    return line
  }

  /** The lowest and the highest values of a column, none of its spikes lost. */
  extremes(history: HistoryColumns, column: 'loss' | 'gradientNorm', limit: number): Line {
    const { iteration, length } = history
    return this.#once(history, `${column} ${limit}`, () =>
      downsample(iteration, history[column], limit, length),
    )
  }

  /** The learning rate where it bends. */
  rates(history: HistoryColumns, limit: number): Line {
    const { iteration, learningRate, length } = history
    return this.#once(history, `rates ${limit}`, () =>
      downsampleBends(iteration, learningRate, limit, length),
    )
  }

  /**
   * The running mean of the loss; no points for a run of a few iterations.
   *
   * @param log of the logarithms, for a logarithmic scale.
   */
  mean(history: HistoryColumns, limit: number, log = false): Line {
    if (history.length <= 8) return []
    return this.#once(history, `mean ${limit} ${log}`, () => {
      const { x, y } = runningMean(history, log)
      return downsample(x, y, limit, y.length)
    })
  }
}
