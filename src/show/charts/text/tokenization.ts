import type { MimeBundle } from '../../../host.js'
import type { TokenizationView } from '../../../views.js'
import { formatCount } from '../../format.js'
import { colours } from '../../look.js'
import { pixels } from '../../places.js'
import { chart, vegaLite, type Spec } from '../../spec.js'
import { placeTokens, visible } from './tokens.js'

const mostTokens = 1000

/** Neighbours differ, so that one sees where a token ends. */
const shades = ['#dbe7f6', '#fbe3cf', '#dcefdc', '#efe0f2']

/**
 * A text with each token on a ground of its own, and in the heading how many bytes a token stands for.
 *
 * @example tokenizationStrip(tokenization(byteTokenizer(), 'naïve'))
 */
export function tokenizationStrip(view: TokenizationView): Spec {
  const shown = view.tokens.slice(0, mostTokens)
  const { values, bottom } = placeTokens(shown.map(({ token }) => ({ token, loss: 0 })))
  const placed = values.map(({ x, x2, y, y2, token }, at) => ({
    x,
    x2,
    y,
    y2,
    token,
    id: shown[at]!.id,
    shade: at % shades.length,
  }))
  const tooltip = [{ field: 'token' }, { field: 'id' }]
  return chart({
    title: { text: summaryOf(view), subtitle: longestOf(view) },
    width: Math.max(260, ...placed.map((value) => value.x2)),
    height: bottom,
    data: { values: placed },
    encoding: { x: pixels('x'), y: pixels('y') },
    layer: [
      {
        mark: { type: 'rect', cornerRadius: 2 },
        encoding: {
          x2: { field: 'x2' },
          y2: { field: 'y2' },
          tooltip,
          color: {
            field: 'shade',
            type: 'nominal',
            scale: { domain: shades.map((_, at) => at), range: shades },
            legend: null,
          },
        },
      },
      {
        mark: {
          type: 'text',
          align: 'left',
          baseline: 'middle',
          dy: 10,
          font: "'DejaVu Sans Mono', ui-monospace, Menlo, Consolas, monospace",
          fontSize: 12,
          color: colours.ink,
        },
        encoding: { text: { field: 'token' }, tooltip },
      },
    ],
  })
}

const summaryOf = ({ tokens, bytes, bytesPerToken, used, vocabulary }: TokenizationView): string =>
  `${formatCount(tokens.length)} tokens for ${formatCount(bytes)} bytes: ${bytesPerToken.toFixed(2)} bytes a token, ${formatCount(used)} of ${formatCount(vocabulary)} used${tokens.length > mostTokens ? ` (the first ${formatCount(mostTokens)} shown)` : ''}`

const longestOf = ({ longest }: TokenizationView): string =>
  `the longest: ${longest
    .slice(0, 6)
    .map(({ token, count }) => `${visible(token)} (${formatCount(count)} ×)`)
    .join(', ')}`

/** The strip, and in text what it says. */
export function tokenizationBundle(view: TokenizationView): MimeBundle {
  const begin = view.tokens
    .slice(0, 60)
    .map(({ token }) => visible(token))
    .join('|')
  return {
    [vegaLite]: tokenizationStrip(view),
    'text/plain': `${summaryOf(view)}\n${longestOf(view)}\n${begin}${view.tokens.length > 60 ? '|…' : ''}`,
  }
}
