import type { MimeBundle } from '../../../host.js'
import type { SampleRow, SamplesView } from '../../../views.js'
import { cleanText, safeHtml } from '../../clean.js'
import { formatCount, formatNumber, formatShare } from '../../format.js'

const mostRows = 12
const mostCharacters = 600

/**
 * What a model wrote at each evaluation, one below the other, and so from several prompts: side by side they are wider than a page.
 * Text, so it is HTML that reads the same on any page: no style that GitHub would take away is needed.
 */
export function samplesBundle(view: SamplesView): MimeBundle {
  const rows = spread(view.rows)
  const withWords = rows.some(({ words }) => words !== undefined)
  const left = 'style="text-align:left; vertical-align:top"'
  // What it writes at first has no spaces at which a line could end.
  const written = 'style="text-align:left; vertical-align:top; overflow-wrap:anywhere; width:100%"'
  const head = ['iteration', 'loss', ...(withWords ? ['real words'] : []), 'what it wrote']
  const cells = (row: SampleRow) => [
    formatCount(row.iteration),
    formatNumber(row.loss, 3),
    ...(withWords ? [row.words === undefined ? '–' : formatShare(row.words)] : []),
  ]
  const html = rows
    .map(
      (row) =>
        `<tr>${cells(row)
          .map((text) => `<td style="vertical-align:top">${safeHtml(text)}</td>`)
          .join('')}<td ${written}>${row.texts
          .map((text, i) => `<div><b>${lines(view.prompts[i] ?? '')}</b>${lines(text)}</div>`)
          .join('<hr>')}</td></tr>`,
    )
    .join('\n')
  const note =
    rows.length < view.rows.length ? `${rows.length} of ${formatCount(view.rows.length)} evaluations` : ''
  const text = rows.map((row) =>
    [
      `after iteration ${formatCount(row.iteration)}, loss ${formatNumber(row.loss, 3)}${row.words === undefined ? '' : `, ${formatShare(row.words)} real words`}:`,
      ...row.texts.map(
        (one, i) =>
          `  ${cleanText(`${view.prompts[i] ?? ''}${one}`, mostCharacters).replaceAll('\n', '\n  ')}`,
      ),
    ].join('\n'),
  )
  return {
    'text/html': `<div><table class="table"><thead><tr>${head.map((name) => `<th ${left}>${safeHtml(name)}</th>`).join('')}</tr></thead><tbody>\n${html}\n</tbody></table>${note ? `\n<p>${note}</p>` : ''}</div>`,
    'text/plain':
      text.length > 0
        ? [...text, ...(note ? [note] : [])].join('\n')
        : '[samples: none yet, the first come with the first evaluation]',
  }
}

const lines = (text: string) => safeHtml(text, mostCharacters).replaceAll('\n', '<br>')

/** The first, the last, and some evenly between. */
function spread(rows: readonly SampleRow[]): readonly SampleRow[] {
  if (rows.length <= mostRows) return rows
  const step = (rows.length - 1) / (mostRows - 1)
  return Array.from({ length: mostRows }, (_, i) => rows[Math.round(i * step)]!)
}
