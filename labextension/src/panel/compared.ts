/** A branch beside the run that it began from, in numbers: evaluations after the same number of iterations, or the nearest before. */
import type { TranslationBundle } from '@jupyterlab/translation'
import type { RunData } from '../chart/data.js'
import { formatNumber } from '../chart/scale.js'

export function comparedText({ evaluations, metrics, beside }: RunData, trans: TranslationBundle): string {
  const parent = beside?.[0]
  if (!parent) return ''
  const last = evaluations.at(-1)
  const other = last && parent.evaluations.findLast(({ iteration }) => iteration <= last.iteration)
  if (!last || !other) return trans.__('dashed: %1; of one of them there is no evaluation yet', parent.name)
  const both = ['loss', ...metrics].flatMap((name) => {
    const [one, two] = [last[name], other[name]]
    if (typeof one !== 'number' || typeof two !== 'number') return []
    return [trans.__('%1 %2, parent %3', name, formatNumber(one, 4), formatNumber(two, 4))]
  })
  const at =
    other.iteration === last.iteration
      ? trans.__('after iteration %1', formatNumber(last.iteration))
      : trans.__(
          'after iteration %1, the parent after %2',
          formatNumber(last.iteration),
          formatNumber(other.iteration),
        )
  return `${parent.name}: ${both.join('; ')} (${at})`
}
