import type { MimeBundle } from '../../../host.js'
import type { AnswerRow, AnswersComparisonView, AnswersView } from '../../../views.js'
import { cleanLine, cleanText, safeHtml } from '../../clean.js'
import { formatCount, formatNumber, formatShare } from '../../format.js'

/** Rows that are shown of many, and characters of a text. */
const [mostRows, mostSlices, mostCharacters] = [24, 12, 400]
const top = 'style="text-align:left; vertical-align:top"'

const row = (cells: readonly string[]) =>
  `<tr>${cells.map((cell) => `<td ${top}>${cell}</td>`).join('')}</tr>`
const table = (head: readonly string[], rows: readonly string[]) =>
  `<table class="table"><thead><tr>${head.map((name) => `<th ${top}>${safeHtml(name)}</th>`).join('')}</tr></thead><tbody>\n${rows.join('\n')}\n</tbody></table>`
const lines = (text: string) => safeHtml(text, mostCharacters).replaceAll('\n', '<br>')

/** '83.3 % right (72.0 % to 90.7 %) of 60 questions'. */
const shareText = ({ right, from, to }: { right: number; from: number; to: number }) =>
  `${formatShare(right)} right (${formatShare(from)} to ${formatShare(to)})`

function answersText({ name, count, samples, ...share }: AnswersView): string {
  return `${cleanLine(name, 40)}: ${shareText(share)} of ${formatCount(count)} questions${samples > 1 ? `, ${formatCount(samples)} samples each` : ''}`
}

/** What was answered wrongly, the wrong ones first. What a model says is escaped. */
export function answersBundle(view: AnswersView): MimeBundle {
  const rows = view.rows.toSorted((a, b) => a.right - b.right).slice(0, mostRows)
  const slices = view.slices.length > 1 ? view.slices.slice(0, mostSlices) : []
  const title = answersText(view)
  const note =
    rows.length < view.rows.length
      ? `${rows.length} of ${formatCount(view.rows.length)} questions, the wrong ones first`
      : ''
  const mark = ({ right }: AnswerRow) => (right === 1 ? '✓' : right === 0 ? '✗' : formatShare(right))
  const html = [
    `<p><b>${safeHtml(title, 300)}</b></p>`,
    ...(slices.length > 0
      ? [
          table(
            ['slice', 'questions', 'right'],
            slices.map((slice) =>
              row([safeHtml(slice.slice, 60), formatCount(slice.count), shareText(slice)]),
            ),
          ),
        ]
      : []),
    table(
      ['', 'question', 'right answer', 'answered'],
      rows.map((one) =>
        row([
          mark(one),
          `${lines(one.question)}<br><small>${safeHtml(one.id, 40)}</small>`,
          lines(one.expected),
          different(one)
            .map(({ text, right }) => (right ? lines(text) : `<b>${lines(text)}</b>`))
            .join('<hr>'),
        ]),
      ),
    ),
    ...(note ? [`<p>${note}</p>`] : []),
  ].join('\n')
  const text = [
    title,
    ...slices.map(
      (slice) => `  ${cleanLine(slice.slice, 40)}: ${shareText(slice)} of ${formatCount(slice.count)}`,
    ),
    ...rows
      .filter(({ right }) => right < 1)
      .flatMap((one) => [
        `${mark(one)} ${cleanLine(one.question, 100)}`,
        `    expected: ${cleanLine(one.expected, 100)}`,
        ...different(one).map(
          (answer) => `    ${answer.right ? 'right' : 'wrong'}: ${cleanLine(answer.text, 100)}`,
        ),
      ]),
    ...(note ? [note] : []),
  ].join('\n')
  return { 'text/html': `<div>${html}</div>`, 'text/plain': text }
}

/** Answers of several samples, each text once. */
function different({ answers }: AnswerRow): AnswerRow['answers'] {
  return answers.filter(({ text }, i) => answers.findIndex((other) => other.text === text) === i).slice(0, 5)
}

const verdicts = {
  mended: '✗ → ✓',
  broken: '✓ → ✗',
  right: '✓',
  wrong: '✗',
} as const

/** The same questions answered twice, with the words marked that differ. */
export function answersComparisonBundle(view: AnswersComparisonView): MimeBundle {
  const rows = view.rows.slice(0, mostRows)
  const [before, after] = view.names.map((name) => cleanLine(name, 40))
  const title = `${before}: ${formatShare(view.right[0])} right, ${after}: ${formatShare(view.right[1])} · ${formatCount(view.mended)} mended, ${formatCount(view.broken)} broken (by chance as uneven: p = ${formatNumber(view.chance, 2)})`
  const note =
    rows.length < view.rows.length
      ? `${rows.length} of ${formatCount(view.rows.length)} questions, those that changed first`
      : ''
  const html = [
    `<p><b>${safeHtml(title, 400)}</b></p>`,
    table(
      ['', 'question', 'right answer', before!, after!],
      rows.map((one) => {
        const [was, is] = markDifferences(one.answers[0], one.answers[1])
        return row([verdicts[one.change], lines(one.question), lines(one.expected), was, is])
      }),
    ),
    ...(note ? [`<p>${note}</p>`] : []),
  ].join('\n')
  const text = [
    title,
    ...rows
      .filter(({ change, same }) => change === 'mended' || change === 'broken' || !same)
      .flatMap((one) => [
        `${verdicts[one.change]} ${cleanLine(one.question, 100)}`,
        `    ${before}: ${cleanLine(one.answers[0], 100)}`,
        `    ${after}: ${cleanLine(one.answers[1], 100)}`,
      ]),
    ...(note ? [note] : []),
  ].join('\n')
  return { 'text/html': `<div>${html}</div>`, 'text/plain': text }
}

/** Two texts as HTML: words that only one of them has in its place are struck out in the first and underlined in the second. */
function markDifferences(one: string, other: string): [string, string] {
  const [a, b] = [one, other].map((text) => cleanText(text, mostCharacters).split(/(?<=\s)/)) as [
    string[],
    string[],
  ]
  // Lengths of the longest common sequence of words from each place on.
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1))
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i]![j] =
        a[i]!.trim() === b[j]!.trim()
          ? common[i + 1]![j + 1]! + 1
          : Math.max(common[i + 1]![j]!, common[i]![j + 1]!)
  const [was, is]: [string[], string[]] = [[], []]
  const marked = (word: string, tag: string) => `<${tag}>${lines(word)}</${tag}>`
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length)
    if (i < a.length && j < b.length && a[i]!.trim() === b[j]!.trim()) {
      was.push(lines(a[i++]!))
      is.push(lines(b[j++]!))
    } else if (j === b.length || (i < a.length && common[i + 1]![j]! >= common[i]![j + 1]!))
      was.push(marked(a[i++]!, 'del'))
    else is.push(marked(b[j++]!, 'ins'))
  return [was.join(''), is.join('')]
}
