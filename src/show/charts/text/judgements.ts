import type { MimeBundle } from '../../../host.js'
import type { JudgementsView, LeaningShare } from '../../../views.js'
import { cleanLine, safeHtml } from '../../clean.js'
import { formatCount, formatNumber, formatShare } from '../../format.js'
import { tableHtml, tableText, type TableView } from '../../table.js'

const mostCharacters = 2000
const top = 'style="text-align:left; vertical-align:top"'
const lines = (text: string) => safeHtml(text, mostCharacters).replaceAll('\n', '<br>')

/** A pair that is being judged, as plain data. */
export interface PairShown {
  readonly by: string
  readonly next:
    | {
        readonly done: number
        readonly of: number
        readonly prompt: string
        readonly left: string
        readonly right: string
      }
    | undefined
}

/** What is asked, and the two answers side by side. What a model says is escaped. */
export function answerPairHtml({ by, next }: PairShown): string {
  if (!next) return `<div><p><b>All are judged. Thank you, ${safeHtml(by, 40)}!</b></p></div>`
  const { done, of, prompt, left, right } = next
  return `<div><p>${formatCount(done + 1)} of ${formatCount(of)}</p><p><b>${lines(prompt)}</b></p><table class="table"><thead><tr><th ${top}>left</th><th ${top}>right</th></tr></thead><tbody><tr><td ${top}>${lines(left)}</td><td ${top}>${lines(right)}</td></tr></tbody></table></div>`
}

const leaning = ({ count, share, from, to }: LeaningShare) =>
  count === 0
    ? '–'
    : `${formatShare(share)} (${formatShare(from)} to ${formatShare(to)}) of ${formatCount(count)}`

function tablesOf(view: JudgementsView): TableView[] {
  const people: TableView = {
    title: `${formatCount(view.count)} judgements, ${formatCount(view.pairs)} pairs to learn from`,
    columns: [
      'by',
      'sittings',
      'judged',
      'both bad',
      'written',
      'chose the left',
      'chose the longer',
      'same as in another sitting',
    ],
    rows: view.people.map((one) => [
      cleanLine(one.name, 40),
      one.sittings,
      one.judged,
      one.bothBad,
      one.written,
      leaning(one.left),
      leaning(one.longer),
      one.again
        ? `${leaning({ ...one.again, share: one.again.same })}, kappa ${formatNumber(one.again.kappa, 2)}`
        : '–',
    ]),
    note: leanings(view),
  }
  if (view.agreement.length === 0) return [people]
  return [
    people,
    {
      title: 'Agreement of two',
      columns: ['who', 'pairs', 'the same', 'kappa'],
      rows: view.agreement.map(({ people: [a, b], count, kappa, ...same }) => [
        cleanLine(`${a}, ${b}`, 60),
        count,
        `${formatShare(same.same)} (${formatShare(same.from)} to ${formatShare(same.to)})`,
        formatNumber(kappa, 2),
      ]),
    },
  ]
}

/** Whose choices lean to a side by more than chance explains. */
function leanings({ people }: JudgementsView): string {
  const clear = people.flatMap(({ name, left, longer }) => [
    ...(left.from > 0.5
      ? [`${name} leans to the left`]
      : left.to < 0.5
        ? [`${name} leans to the right`]
        : []),
    ...(longer.from > 0.5 ? [`${name} to the longer`] : longer.to < 0.5 ? [`${name} to the shorter`] : []),
  ])
  return clear.length > 0
    ? `${cleanLine(clear.join(', '), 160)}. Places are drawn by chance, lengths are not: the longer may be the better.`
    : 'No choices lean to a place or a length by more than chance explains.'
}

export function judgementsBundle(view: JudgementsView): MimeBundle {
  const tables = tablesOf(view)
  return {
    'text/html': tables.map(tableHtml).join('\n'),
    'text/plain': tables.map(tableText).join('\n\n'),
  }
}
