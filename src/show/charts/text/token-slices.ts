import type { MimeBundle } from '../../../host.js'
import type { TokenSlice, TokenSlicesView } from '../../../views.js'
import { cleanLine } from '../../clean.js'
import { short } from '../downsample.js'
import { formatCount, formatNumber, formatShare } from '../../format.js'
import { colours } from '../../look.js'
import { namedRows } from '../../places.js'
import { chart, vegaLite, type Part, type Spec } from '../../spec.js'

/**
 * The losses of tokens by kind, by how often they come, and by how much stands before them.
 *
 * @example tokenSlicesChart({ kind: 'tokenSlices', count: 2, loss: 1, frequencies: [], positions: [],
 *   classes: [{ slice: 'space', count: 2, loss: 1, from: 0.5, to: 1.5, share: 1 }] })
 */
export function tokenSlicesChart(view: TokenSlicesView, options: { title?: string } = {}): Spec {
  const all = [...view.classes, ...view.frequencies, ...view.positions]
  // An interval of two tokens would make all others a line.
  const most = Math.max(0, ...all.map(({ loss }) => loss)) * 1.3 || 1
  // Only the last says what its axis is.
  const panels: ((last: boolean) => Part)[] = [
    view.classes.length > 0 && bars('By kind', view.classes, most, view.loss),
    view.frequencies.length > 0 &&
      bars('By how often the token comes here', view.frequencies, most, view.loss),
    view.positions.length > 1 && bars('By tokens before it in the context', view.positions, most, view.loss),
  ].filter((panel) => panel !== false)
  return chart({
    title: {
      text: cleanLine(options.title ?? 'Loss by kind of token', 80),
      subtitle: [
        `${formatCount(view.count)} tokens, mean ${formatNumber(view.loss)} nats (the dashed line)`,
        'right of a bar: how many tokens, and their share of the whole loss',
        'its whisker holds the true mean 19 times in 20',
      ],
    },
    vconcat: panels.map((panel, i) => panel(i === panels.length - 1)),
    spacing: 18,
  })
}

function bars(title: string, slices: readonly TokenSlice[], most: number, mean: number) {
  const values = slices.map((slice, place) => ({
    place,
    loss: short(slice.loss),
    from: short(slice.from),
    to: short(Math.min(most, slice.to)),
    about: `${formatCount(slice.count)} · ${formatShare(slice.share)} of the loss`,
    name: cleanLine(slice.slice, 40),
  }))
  const x = (last: boolean, field = 'loss'): Part => ({
    field,
    type: 'quantitative',
    title: last ? 'loss (nats a token)' : null,
    scale: { domain: [0, short(most)] },
    axis: { tickCount: 6 },
  })
  return (last: boolean): Part => ({
    title: { text: title, fontSize: 12, fontWeight: 600, offset: 6 },
    width: 420,
    height: { step: 22 },
    data: { values },
    encoding: {
      y: {
        ...namedRows(slices.map(({ slice }) => cleanLine(slice, 40))),
        scale: { domain: slices.map((_, i) => i) },
      },
      tooltip: [
        { field: 'name', title: 'tokens' },
        { field: 'loss', title: 'mean loss' },
        { field: 'from' },
        { field: 'to' },
        { field: 'about', title: 'count' },
      ],
    },
    layer: [
      { mark: { type: 'bar', color: colours.training, opacity: 0.75, height: 14 }, encoding: { x: x(last) } },
      {
        mark: { type: 'rule', color: colours.ink, strokeWidth: 1.2 },
        encoding: { x: x(last, 'from'), x2: { field: 'to' } },
      },
      {
        mark: { type: 'text', align: 'left', dx: 6, fontSize: 11, color: colours.quiet },
        encoding: { x: x(last, 'to'), text: { field: 'about' } },
      },
      {
        data: { values: [{ mean: short(mean) }] },
        mark: { type: 'rule', color: colours.quiet, strokeDash: [4, 3] },
        encoding: { x: x(last, 'mean'), y: null, tooltip: null },
      },
    ],
  })
}

export function tokenSlicesBundle(view: TokenSlicesView): MimeBundle {
  const said = view.classes.map(
    ({ slice, loss, share }) =>
      `${cleanLine(slice, 40)} ${formatNumber(loss)} (${formatShare(share)} of the loss)`,
  )
  return {
    [vegaLite]: tokenSlicesChart(view),
    'text/plain': `[${formatCount(view.count)} tokens, mean loss ${formatNumber(view.loss)}: ${said.join(', ')}]`,
  }
}
