import type { MimeBundle } from '../../../host.js'
import type { RolloutsView } from '../../../views.js'
import { cleanText, safeHtml } from '../../clean.js'
import { formatCount, formatNumber } from '../../format.js'

const mostRows = 12
const mostCharacters = 300

type Row = RolloutsView['rows'][number]

/**
 * Answers to one prompt while it was trained on rewards: what is rewarded stands beside what it reads as, so that a reward which is
 * earned otherwise than it was meant is seen. Text, as HTML that reads the same on any page.
 */
export function rolloutsBundle(view: RolloutsView): MimeBundle {
  const rows = spread(view.rows)
  const left = 'style="text-align:left; vertical-align:top"'
  const html = rows
    .map(
      ({ iteration, answers }) =>
        `<tr><td style="vertical-align:top">${formatCount(iteration)}</td>${answers
          .map(({ text, reward }) => `<td ${left}>${quoted(text)}<br><b>${formatNumber(reward, 3)}</b></td>`)
          .join('')}</tr>`,
    )
    .join('\n')
  const note =
    rows.length < view.rows.length ? `${rows.length} of ${formatCount(view.rows.length)} iterations` : ''
  const width = Math.max(1, ...rows.map(({ answers }) => answers.length))
  const head = Array.from({ length: width }, (_, i) => `<th ${left}>answer ${i + 1}</th>`).join('')
  const text = rows.map(
    ({ iteration, answers }) =>
      `iteration ${formatCount(iteration)}: ${answers.map((one) => `${plain(one.text)} (${formatNumber(one.reward, 3)})`).join(' · ')}`,
  )
  return {
    'text/html': `<div><p>answers to <b>${quoted(view.prompt)}</b>, with their rewards</p>\n<table class="table"><thead><tr><th>iteration</th>${head}</tr></thead><tbody>\n${html}\n</tbody></table>${note ? `\n<p>${note}</p>` : ''}</div>`,
    'text/plain':
      text.length > 0
        ? [`answers to ${plain(view.prompt)}, with their rewards`, ...text, ...(note ? [note] : [])].join(
            '\n',
          )
        : '[answers: none yet, the first come with the first iteration]',
  }
}

const quoted = (text: string) =>
  safeHtml(text === '' ? '(nothing)' : text, mostCharacters).replaceAll('\n', '<br>')
const plain = (text: string) =>
  cleanText(text === '' ? '(nothing)' : text, mostCharacters).replaceAll('\n', '⏎')

/** The first, the last, and some evenly between. */
function spread(rows: readonly Row[]): readonly Row[] {
  if (rows.length <= mostRows) return rows
  const step = (rows.length - 1) / (mostRows - 1)
  return Array.from({ length: mostRows }, (_, i) => rows[Math.round(i * step)]!)
}
