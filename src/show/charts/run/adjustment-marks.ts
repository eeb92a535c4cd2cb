import type { Adjustment, RunView } from '../../../views.js'
import { cleanLine } from '../../clean.js'
import { inRows } from './label-rows.js'
import { formatCount, formatNumber, formatValue, words } from '../../format.js'
import { colours } from '../../look.js'
import { pixels } from '../../places.js'
import type { Part } from '../../spec.js'

const rowHeight = 15
/** More of one kind at one iteration are one mark. */
const mostAlike = 5

/** 'learning rate 0.001 → 0.0003', 'exclude 4 examples, 7,996 left'. */
export function adjustmentText(adjustment: Adjustment): string {
  const own = Object.hasOwn(ownTexts, adjustment.what) ? ownTexts[adjustment.what]!(adjustment) : undefined
  if (own) return own
  const what = words(cleanLine(adjustment.what, 30))
  const [from, to] = [adjustment.from, adjustment.to].map((value) => cleanLine(formatValue(value), 24))
  return from === '–' || from === '' ? `${what} ${to}` : `${what} ${from} → ${to}`
}

type Change = { ids?: unknown; left?: unknown; factor?: unknown; id?: unknown; label?: unknown }

/** Changes to the data name the examples they touch; how each reads. `undefined` where the record is of another form. */
const ownTexts: { readonly [what: string]: (adjustment: Adjustment) => string | undefined } = {
  exclude: dataText,
  include: dataText,
  reweight: dataText,
  relabel({ from, to }) {
    const { id, label } = (to ?? {}) as Change
    return typeof id === 'number'
      ? `relabel ${id}: ${cleanLine(formatValue(from), 16)} → ${cleanLine(formatValue(label), 16)}`
      : undefined
  },
  correct({ from, to }) {
    const { id, answer } = (to ?? {}) as { id?: unknown; answer?: unknown }
    return typeof answer === 'string'
      ? `correct ${cleanLine(String(id), 20)}: ${cleanLine(formatValue(from), 20)} → ${cleanLine(answer, 20)}`
      : undefined
  },
  focus({ to }) {
    const { subset, count } = (to ?? {}) as { subset?: unknown; count?: unknown }
    if (to === 'all') return 'focus on all'
    return typeof count === 'number'
      ? `focus on ${subset === `${count} examples` ? '' : `${cleanLine(String(subset), 40)}: `}${formatCount(count)} examples`
      : undefined
  },
  note: ({ to }) => cleanLine(formatValue(to), 48) || undefined,
}

function dataText({ what, to }: Adjustment): string | undefined {
  const { ids, left, factor } = (to ?? {}) as Change
  const count = Array.isArray(ids)
    ? ids.length
    : typeof ids === 'number'
      ? 1
      : Number.parseInt(String(ids), 10)
  if (!Number.isFinite(count)) return undefined
  const more =
    typeof left === 'number'
      ? `, ${formatCount(left)} left`
      : typeof factor === 'number'
        ? ` × ${formatNumber(factor)}`
        : ''
  return `${what} ${formatCount(count)} ${count === 1 ? 'example' : 'examples'}${more}`
}

/** One mark for many of the same kind at the same iteration: a loop of `relabel` is one thing to read. */
function marksOf(adjustments: readonly Adjustment[]): { at: number; text: string }[] {
  const alike = new Map<string, Adjustment[]>()
  for (const one of adjustments) {
    const group = alike.get(`${one.at} ${one.what}`)
    if (group) group.push(one)
    else alike.set(`${one.at} ${one.what}`, [one])
  }
  return [...alike.values()].flatMap((group) => {
    const { at, what } = group[0]!
    if (group.length <= mostAlike) return group.map((one) => ({ at, text: adjustmentText(one) }))
    return [{ at, text: `${words(cleanLine(what, 30))}, ${formatCount(group.length)} times` }]
  })
}

/** A sweep of thousands of small changes would hide the chart behind its marks: the latest are drawn. */
export const shownAdjustments = (view: RunView) => view.adjustments.slice(-100)

/** A dashed line through a panel at the iteration of each adjustment. */
export function adjustmentLines(adjustments: readonly Adjustment[]): Part {
  return {
    data: { values: marksOf(adjustments).map(({ at, text }) => ({ x: at, adjustment: text })) },
    mark: { type: 'rule', strokeDash: [3, 3], strokeWidth: 1, color: colours.adjustment },
    encoding: { tooltip: [{ field: 'adjustment' }, { field: 'x', title: 'after iteration' }] },
  }
}

/**
 * The panel above the plot that says what each line means, in as many rows as the texts need. Where they are too many
 * for that, the later ones of a crowd keep their line and lose their text.
 */
export function adjustmentLabels(
  adjustments: readonly Adjustment[],
  end: number,
  x: Part,
  { gap, width }: { gap: number; width: number },
): Part | undefined {
  const labels = inRows(marksOf(adjustments), end, width)
  if (labels.length === 0) return undefined
  const rows = Math.max(...labels.map((label) => label.row)) + 1
  const height = rows * rowHeight
  const values = labels.map(({ row, ...label }) => ({ ...label, top: (rows - 1 - row) * rowHeight }))
  // Of several at one iteration the highest line is that of all: dashes over dashes would be solid.
  const lines = [...new Set(values.map(({ x: at }) => at))].map((at) => ({
    x: at,
    top: Math.min(...values.filter((one) => one.x === at).map(({ top }) => top)),
  }))
  const text = (left: boolean) => ({
    transform: [{ filter: { field: 'left', equal: left } }],
    mark: {
      type: 'text',
      align: left ? 'left' : 'right',
      baseline: 'top',
      dx: left ? 4 : -4,
      color: colours.adjustment,
    },
    encoding: { y: { field: 'top', type: 'quantitative', scale: null }, text: { field: 'text' } },
  })
  return {
    width,
    height,
    data: { values },
    encoding: { x },
    layer: [
      {
        data: { values: lines },
        mark: { type: 'rule', strokeWidth: 1, color: colours.adjustment, strokeDash: [3, 3] },
        encoding: {
          y: pixels('top'),
          y2: { value: height + gap },
        },
      },
      text(true),
      text(false),
    ],
  }
}
