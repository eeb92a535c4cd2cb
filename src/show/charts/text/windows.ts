/** Mistakes that are texts: a strip of tokens each. */
import type { Mistake, MistakesView, TokenRow } from '../../../views.js'
import { cleanLine } from '../../clean.js'
import { formatCount, formatNumber } from '../../format.js'
import { colours } from '../../look.js'
import { pixels } from '../../places.js'
import { chart, type Spec } from '../../spec.js'
import { columns, placeTokens, tokenLayers, visible } from './tokens.js'

const mostWindows = 10
const mostLines = 3

/** The rows as tokens, if every one of them has some. */
export function tokenRows(
  rows: readonly Mistake[],
): readonly (Mistake & { tokens: readonly TokenRow[] })[] | undefined {
  if (rows.length === 0 || !rows.every((row) => row.tokens && row.tokens.length > 0)) return undefined
  return rows as readonly (Mistake & { tokens: readonly TokenRow[] })[]
}

/** Windows of a text, the tokens of each coloured by their loss. */
export function windowStrips(view: MistakesView, title: string): Spec | undefined {
  const rows = tokenRows(view.rows)
  if (!rows) return undefined
  const shown = rows.slice(0, mostWindows)
  const heads: { x: number; y: number; text: string }[] = []
  const values: ReturnType<typeof placeTokens>['values'] = []
  let y = 0
  for (const row of shown) {
    const worst = row.tokens.reduce((a, b) => (b.loss > a.loss ? b : a))
    heads.push({
      x: 0,
      y,
      text: `id ${row.id} · loss ${formatNumber(row.loss)} · worst ${visible(worst.token)} (${formatNumber(worst.loss)})`,
    })
    const strip = placeTokens(aroundWorst(row.tokens), { top: y + 17, breaks: false })
    values.push(...strip.values)
    y = strip.bottom + 10
  }
  const cut = shown.length < rows.length ? ` · first ${shown.length} of ${formatCount(rows.length)}` : ''
  return chart({
    title: {
      text: cleanLine(title, 120),
      subtitle: `each token by how little it was expected; what was expected instead is told where one points${cut}`,
    },
    width: Math.max(260, ...values.map(({ x2 }) => x2)),
    height: y - 8,
    data: { values },
    encoding: { x: pixels('x'), y: pixels('y') },
    layer: [
      ...tokenLayers(values),
      {
        data: { values: heads },
        mark: { type: 'text', align: 'left', baseline: 'top', fontSize: 11, color: colours.quiet },
        encoding: { text: { field: 'text' } },
      },
    ],
  })
}

/** As many tokens as some lines hold, with the least expected among them. */
function aroundWorst(tokens: readonly TokenRow[]): readonly TokenRow[] {
  const room = columns * mostLines
  const lengths = tokens.map(({ token }) => [...visible(token)].length)
  const total = lengths.reduce((a, b) => a + b, 0)
  if (total <= room) return tokens
  const worst = tokens.reduce((found, { loss }, at) => (loss > tokens[found]!.loss ? at : found), 0)
  let [from, to, taken] = [worst, worst + 1, lengths[worst]!]
  for (;;) {
    const before = from > 0 && taken + lengths[from - 1]! <= room - columns / 4
    if (before) taken += lengths[--from]!
    const behind = to < tokens.length && taken + lengths[to]! <= room - columns / 4
    if (behind) taken += lengths[to++]!
    if (!before && !behind) return tokens.slice(from, to)
  }
}
