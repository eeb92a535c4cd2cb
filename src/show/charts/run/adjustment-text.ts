/** What was changed, in a line. */
import type { Adjustment } from '../../../views.js'
import { cleanLine } from '../../clean.js'
import { formatCount, formatNumber, formatValue, words } from '../../format.js'

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
  const { left, factor } = (to ?? {}) as Change
  const count = countOf(to)
  if (count === undefined) return undefined
  const more =
    typeof left === 'number'
      ? `, ${formatCount(left)} left`
      : typeof factor === 'number'
        ? ` × ${formatNumber(factor)}`
        : ''
  return `${what} ${formatCount(count)} ${count === 1 ? 'example' : 'examples'}${more}`
}

/** Examples that a change to the data touches; undefined where its record is of another form. */
function countOf(to: unknown): number | undefined {
  const { ids } = (to ?? {}) as Change
  if (Array.isArray(ids)) return ids.length
  const count = typeof ids === 'number' ? 1 : Number.parseInt(String(ids), 10)
  return Number.isFinite(count) ? count : undefined
}

/** Many records of one kind and reason as one line: 'relabel 779 examples: 5 → 3', 'exclude 12 examples, 7,988 left'. */
export function togetherText(records: readonly Adjustment[]): string {
  const { what, from } = records[0]!
  const { to } = records.at(-1)!
  const kind = words(cleanLine(what, 30))
  if (what === 'relabel') {
    const labels = new Set(
      records.map((one) => `${formatValue(one.from)} → ${formatValue(((one.to ?? {}) as Change).label)}`),
    )
    const same = labels.size === 1 ? `: ${cleanLine([...labels][0], 40)}` : ''
    const ids = new Set(records.map((one) => ((one.to ?? {}) as Change).id))
    return `relabel ${formatCount(ids.size)} ${ids.size === 1 ? 'example' : 'examples'}${same}`
  }
  if (ownTexts[what] === dataText) {
    const counts = records.map((one) => countOf(one.to))
    if (counts.every((count) => count !== undefined)) {
      const ids = records.flatMap((one) => ((one.to ?? {}) as Change).ids)
      const isListed = ids.every((id) => typeof id === 'number')
      const count = isListed ? new Set(ids).size : counts.reduce((sum, one) => sum + one, 0)
      const { left } = (to ?? {}) as Change
      const factors = new Set(records.map((one) => ((one.to ?? {}) as Change).factor))
      const factor = factors.size === 1 ? [...factors][0] : undefined
      return dataText({ at: 0, what, from: null, to: { ids: String(count), left, factor } })!
    }
  }
  const ends = [from, to].map((value) => cleanLine(formatValue(value), 24))
  const isValue = [from, to].every((value) => typeof value === 'number')
  return `${kind}${isValue ? ` ${ends.join(' → ')}` : ''}, ${formatCount(records.length)} times`
}
