import type { HistoryColumns, SpikeView } from '../../../views.js'
import { short } from '../downsample.js'
import { formatCount, formatNumber } from '../../format.js'
import { colours } from '../../look.js'
import type { FittedScale } from '../../scale.js'
import type { Part } from '../../spec.js'

/** Spikes that are marked: the latest. */
const mostSpikes = 100

/** A triangle over each loss that stood out, at the edge for one beyond it, saying which examples its batch had. */
export function spikeMarks(
  spikes: readonly SpikeView[],
  history: HistoryColumns,
  { y, fit }: { y: Part; fit: FittedScale },
): Part {
  const { domain, log } = fit
  const last = history.iteration[history.length - 1] ?? 0
  const values = spikes
    .slice(-mostSpikes)
    .filter(({ iteration, loss }) => iteration <= last && Number.isFinite(loss) && (!log || loss > 0))
    .map(({ iteration, loss, expected, ids }) => ({
      x: iteration,
      y: short(Math.min(domain[1], Math.max(domain[0], loss))),
      spike: `loss ${formatNumber(loss)} where ${formatNumber(expected)} was expected`,
      batch: batchText(ids),
    }))
  return {
    data: { values },
    mark: {
      type: 'point',
      shape: 'triangle-down',
      filled: true,
      size: 50,
      yOffset: -7,
      color: colours.ink,
      opacity: 1,
    },
    encoding: {
      y,
      tooltip: [
        { field: 'spike' },
        { field: 'x', title: 'iteration' },
        { field: 'batch', title: 'examples' },
      ],
    },
  }
}

/** The first ids of a batch, and how many there are. */
function batchText(ids: readonly number[], most = 12): string {
  const more = ids.length > most ? `, … (${formatCount(ids.length)})` : ''
  return ids.slice(0, most).join(', ') + more
}
