import type { MimeBundle } from '../../../host.js'
import type { AttentionView } from '../../../views.js'
import { cleanLine } from '../../clean.js'
import { short } from '../downsample.js'
import { colours } from '../../look.js'
import { labelsOf } from '../../places.js'
import { chart, vegaLite, type Part, type Spec } from '../../spec.js'

const mostCells = 5000

/**
 * Which tokens look at which: a row for each token that looks, a column for each that is looked at, one map for each
 * head; the weights of a row add up to 1.
 *
 * @param weights weights[head][row][column].
 * @param options.heads what the maps are called; default: 'head 1', …
 *
 * @example attentionChart([[[1, 0], [0.4, 0.6]]], ['the', 'cat'])
 */
export function attentionChart(
  weights: readonly (readonly ArrayLike<number>[])[],
  tokens: readonly string[],
  options: { title?: string; heads?: readonly string[] } = {},
): Spec {
  const heads = weights.slice(0, 12)
  const most = Math.max(1, Math.floor(Math.sqrt(mostCells / Math.max(1, heads.length))))
  const length = Math.min(tokens.length, most)
  const shown = tokens
    .slice(0, length)
    .map((token) => cleanLine(token.replaceAll('\n', '⏎').replaceAll(' ', '·'), 12) || '∅')
  const names = labelsOf(shown)
  const side = Math.max(5, Math.min(22, Math.floor((heads.length > 1 ? 230 : 460) / Math.max(1, length))))
  const labels = side >= 9
  const axis = (orient: string) =>
    labels
      ? {
          orient,
          labelExpr: names,
          labelAngle: orient === 'top' ? -60 : 0,
          domain: false,
          ticks: false,
          labelFontSize: Math.min(11, side),
          labelColor: colours.ink,
        }
      : { labels: false, ticks: false, domain: false, orient }
  const domain = shown.map((_, i) => i)
  const map = (head: readonly ArrayLike<number>[], number: number): Part => ({
    ...(heads.length > 1 && {
      title: {
        text: cleanLine(options.heads?.[number] ?? `head ${number + 1}`, 30),
        fontSize: 12,
        fontWeight: 400,
        offset: 4,
      },
    }),
    width: { step: side },
    height: { step: side },
    view: { fill: '#f6f8fa' },
    data: {
      values: Array.from({ length: length * length }, (_, i) => ({
        from: Math.floor(i / length),
        to: i % length,
        weight: short(head[Math.floor(i / length)]?.[i % length] ?? 0),
      })).filter((cell) => cell.weight > 0),
    },
    mark: { type: 'rect' },
    encoding: {
      x: {
        field: 'to',
        type: 'ordinal',
        title: null,
        scale: { domain },
        axis: axis('top'),
      },
      y: {
        field: 'from',
        type: 'ordinal',
        title: null,
        scale: { domain },
        axis: axis('left'),
      },
      color: {
        field: 'weight',
        type: 'quantitative',
        title: 'weight',
        scale: { domain: [0, 1], range: ['#f6f8fa', '#7fb2d9', '#083b66'], interpolate: 'rgb' },
        legend: { format: '.1f', tickCount: 5 },
      },
      tooltip: [{ field: 'weight', format: '.3f' }],
    },
  })
  const cut = length < tokens.length ? `; the first ${length} of ${tokens.length} tokens` : ''
  return chart({
    title: {
      text: cleanLine(options.title ?? 'Attention', 80),
      subtitle: `each row looks at the columns${cut}`,
    },
    columns: heads.length === 4 ? 2 : 3,
    spacing: 24,
    concat: heads.map(map),
    resolve: { scale: { color: 'shared' } },
  })
}

export function attentionBundle({ layer, heads, tokens, weights }: AttentionView): MimeBundle {
  const names = heads.map((head) => `head ${head}`)
  const title = `Attention of layer ${layer}${heads.length === 1 ? `, ${names[0]}` : ''}`
  return {
    [vegaLite]: attentionChart(weights, tokens, { title, heads: names }),
    'text/plain': `[attention of layer ${layer}, ${heads.length} ${heads.length === 1 ? 'head' : 'heads'}, ${tokens.length} tokens]`,
  }
}
