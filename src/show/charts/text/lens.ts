import type { MimeBundle } from '../../../host.js'
import type { LensView } from '../../../views.js'
import { cleanLine } from '../../clean.js'
import { short } from '../downsample.js'
import { formatNumber } from '../../format.js'
import { colours } from '../../look.js'
import { labelsOf } from '../../places.js'
import { chart, vegaLite, type Part, type Spec } from '../../spec.js'
import { visible } from './tokens.js'

const room = 660
const rowHeight = 24
const mostCells = 1600

/**
 * What each layer would say comes next: a column for each token read, a row for each layer, the last at the top.
 *
 * @example lensChart({ kind: 'lens', tokens: ['a'], layers: [
 *   { name: 'layer 0', places: [{ best: [{ token: 'b', probability: 0.9 }] }] }] })
 */
export function lensChart(view: LensView, options: { title?: string } = {}): Spec {
  const layers = view.layers.toReversed()
  const signs = Math.max(
    1,
    ...view.tokens.map((token) => shown(token).length),
    ...layers.flatMap(({ places }) => places.map(({ best }) => shown(best[0]?.token ?? '').length)),
  )
  const width = Math.max(22, signs * 7.3 + 8)
  const columns = Math.max(
    1,
    Math.min(
      view.tokens.length,
      Math.floor(room / width),
      Math.floor(mostCells / Math.max(1, layers.length)),
    ),
  )
  const next = Array.from({ length: columns }, (_, at) => view.tokens[at + 1])
  const values = layers.flatMap(({ places }, row) =>
    places.slice(0, columns).map(({ best, loss }, at) => ({
      at,
      row,
      token: shown(best[0]?.token ?? ''),
      probability: short(best[0]?.probability ?? 0),
      right: best[0] !== undefined && best[0].token === next[at],
      about: best
        .map(({ token, probability }) => `${visible(token)} ${(100 * probability).toFixed(0)} %`)
        .join(', '),
      loss: loss === undefined ? '–' : formatNumber(loss),
    })),
  )
  const axis = (texts: readonly string[], orient: string) => ({
    orient,
    labelExpr: labelsOf(texts),
    labelAngle: 0,
    ticks: false,
    domain: false,
    labelColor: colours.ink,
    labelFont: "'DejaVu Sans Mono', ui-monospace, Menlo, Consolas, monospace",
    labelLimit: width,
  })
  const domain = Array.from({ length: columns }, (_, at) => at)
  const read = view.tokens.slice(0, columns).map(shown)
  const x = (texts: readonly string[], orient: string, title: string): Part => ({
    field: 'at',
    type: 'ordinal',
    title,
    scale: { domain },
    axis: axis(texts, orient),
  })
  const y = {
    field: 'row',
    type: 'ordinal',
    title: null,
    scale: { domain: layers.map((_, row) => row) },
    axis: {
      labelExpr: labelsOf(layers.map(({ name }) => cleanLine(name, 20))),
      labelColor: colours.ink,
      ticks: false,
      domain: false,
    },
  }
  const cut = columns < view.tokens.length ? ` · the first ${columns} of ${view.tokens.length} tokens` : ''
  return chart({
    title: {
      text: cleanLine(options.title ?? 'The lens: what each layer would say comes next', 80),
      subtitle: `darker is surer, blue is what does come next${cut}`,
    },
    width: columns * width,
    height: layers.length * rowHeight,
    data: { values },
    encoding: { y },
    resolve: { axis: { x: 'independent' } },
    layer: [
      {
        mark: { type: 'rect', stroke: '#ffffff', strokeWidth: 1 },
        encoding: {
          x: x(read, 'bottom', 'token that was read'),
          opacity: {
            field: 'probability',
            type: 'quantitative',
            title: 'probability',
            scale: { domain: [0, 1], range: [0.06, 0.85] },
            legend: null,
          },
          color: { condition: { test: 'datum.right', value: colours.right }, value: '#e08a45' },
          tooltip: [
            { field: 'about', title: 'most expected' },
            { field: 'loss', title: 'loss of what comes (nats)' },
          ],
        },
      },
      {
        mark: {
          type: 'text',
          fontSize: 12,
          font: "'DejaVu Sans Mono', ui-monospace, Menlo, Consolas, monospace",
        },
        encoding: {
          x: x(
            next.map((token) => (token === undefined ? '' : shown(token))),
            'top',
            'token that comes next',
          ),
          text: { field: 'token' },
          color: {
            condition: { test: 'datum.right && datum.probability > 0.55', value: '#ffffff' },
            value: colours.ink,
          },
        },
      },
    ],
  })
}

const shown = (token: string) => cleanLine(visible(token), 12)

export function lensBundle(view: LensView): MimeBundle {
  const last = view.tokens.length - 1
  const said = view.layers.map(({ name, places }) => {
    const best = places[last]?.best[0]
    return `${cleanLine(name, 20)} ${best ? `${visible(best.token)} ${formatNumber(best.probability, 2)}` : ''}`
  })
  return {
    [vegaLite]: lensChart(view),
    'text/plain': `[lens of ${view.tokens.length} tokens; behind the last: ${said.join(', ')}]`,
  }
}
