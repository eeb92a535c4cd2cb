import type { MimeBundle } from '../../../host.js'
import type { TokenRow, TokensView } from '../../../views.js'
import { cleanText } from '../../clean.js'
import { short } from '../downsample.js'
import { formatCount, formatNumber } from '../../format.js'
import { colours } from '../../look.js'
import { pixels } from '../../places.js'
import { chart, vegaLite, type Part, type Spec } from '../../spec.js'

export type { TokenRow as TokenLoss } from '../../../views.js'

const mostTokens = 1000
/** Signs of a line. */
export const columns = 92
const cell = { width: 7.3, height: 22 }

/** A token with its place, in pixels. */
interface PlacedToken {
  x: number
  x2: number
  y: number
  y2: number
  token: string
  loss: number
  best?: string
}

/**
 * Tokens one after the other in lines, the first of them `top` pixels down; `bottom` is where the next thing may begin.
 *
 * @param options.breaks whether a line ends where the text's does.
 */
export function placeTokens(
  tokens: readonly TokenRow[],
  { top = 0, breaks = true }: { top?: number; breaks?: boolean } = {},
): { values: PlacedToken[]; bottom: number } {
  let column = 0
  let row = 0
  const values = tokens.map(({ token, loss, best }) => {
    // The line goes on after a break.
    const text = visible(token)
    const length = [...text].length
    if (column > 0 && column + length > columns) {
      column = 0
      row++
    }
    const place = {
      x: column * cell.width,
      x2: (column + length) * cell.width - 1,
      y: top + row * cell.height,
      y2: top + (row + 1) * cell.height - 3,
      token: text,
      loss: short(loss),
      ...(best && { best: guesses(best) }),
    }
    column += length
    if (breaks && token.endsWith('\n')) {
      column = 0
      row++
    }
    return place
  })
  return { values, bottom: (Math.max(top, ...values.map(({ y }) => y)) || 0) + cell.height }
}

/** What draws placed tokens: the darker, the less expected. */
export function tokenLayers(values: readonly PlacedToken[]): Part[] {
  const dark = Math.max(1, ...values.map(({ loss }) => loss))
  const tooltip = [
    { field: 'token' },
    { field: 'loss', title: 'loss in nats' },
    ...(values.some(({ best }) => best) ? [{ field: 'best', title: 'most expected' }] : []),
  ]
  return [
    {
      mark: { type: 'rect', cornerRadius: 2 },
      encoding: {
        x2: { field: 'x2' },
        y2: { field: 'y2' },
        tooltip,
        color: {
          field: 'loss',
          type: 'quantitative',
          title: 'loss (nats)',
          scale: {
            domain: [0, dark],
            range: ['#f6f8fa', '#fbd3b5', '#e8894a', '#a83f00'],
            interpolate: 'rgb',
          },
          legend: { orient: 'bottom', direction: 'horizontal', tickCount: 5, gradientLength: 200 },
        },
      },
    },
    {
      mark: {
        type: 'text',
        align: 'left',
        baseline: 'middle',
        dy: cell.height / 2 - 1,
        font: "'DejaVu Sans Mono', ui-monospace, Menlo, Consolas, monospace",
        fontSize: 12,
      },
      encoding: {
        text: { field: 'token' },
        tooltip,
        color: {
          condition: { test: `datum.loss > ${short(dark * 0.75)}`, value: '#ffffff' },
          value: colours.ink,
        },
      },
    },
  ]
}

/**
 * A text with the loss of each token behind it: the darker, the less it was expected.
 *
 * @example tokenStrip([{ token: 'The', loss: 2.1 }, { token: ' cat', loss: 4.8 }])
 */
export function tokenStrip(tokens: readonly TokenRow[], options: { title?: string } = {}): Spec {
  const shown = tokens.slice(0, mostTokens)
  const { values, bottom } = placeTokens(shown)
  const mean = tokens.reduce((sum, { loss }) => sum + loss, 0) / Math.max(1, tokens.length)
  return chart({
    title: {
      text: cleanText(options.title ?? 'Loss by token', 80),
      subtitle: `${formatCount(tokens.length)} tokens, mean ${formatNumber(mean)} nats${shown.length < tokens.length ? `, the first ${formatCount(mostTokens)} shown` : ''}`,
    },
    width: Math.max(260, ...values.map((value) => value.x2)),
    height: bottom,
    data: { values },
    encoding: { x: pixels('x'), y: pixels('y') },
    layer: tokenLayers(values),
  })
}

/** Line breaks, tabs and spaces as signs that are seen. */
export const visible = (token: string): string =>
  cleanText(token, 40).replaceAll('\n', '⏎').replaceAll('\t', '⇥').replaceAll(' ', '·') || '∅'

const guesses = (best: NonNullable<TokenRow['best']>): string =>
  best.map(({ token, probability }) => `${visible(token)} ${(100 * probability).toFixed(0)} %`).join(', ')

/** A text as a result: the strip, and in text its most surprising tokens. */
export function tokensBundle(view: TokensView): MimeBundle {
  const worst = view.toSorted((a, b) => b.loss - a.loss).slice(0, 5)
  const said = worst.map(({ token, loss }) => `${visible(token)} ${formatNumber(loss)}`).join(', ')
  return {
    [vegaLite]: tokenStrip(view),
    'text/plain': `[${formatCount(view.length)} tokens, the least expected (loss in nats): ${said}]`,
  }
}
