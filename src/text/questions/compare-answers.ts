import { describe, InputError } from '../../errors.js'
import type { AnswersComparisonView, AnswersView } from '../../views.js'

/**
 * The same questions answered twice, side by side: by two models, or by one at two points of a run. Those whose verdict changed come
 * first, then those of other words. As the last expression of a cell it is a table with the differences marked.
 *
 * @throws InputError where one was not asked what the other was.
 * @example
 * const text = 'two and two is four. '.repeat(9), tokenizer = charTokenizer(text)
 * const model = gpt({ ...presets.tiny, vocabulary: tokenizer.size })
 * const before = await ask(model, tokenizer, [{ question: 'two and', contains: 'four' }], { tokens: 8, name: 'before' })
 * compareAnswers(before, before)
 */
export function compareAnswers(before: AnswersView, after: AnswersView): AnswersComparisonView {
  const where = 'compareAnswers(before, after)'
  for (const given of [before, after])
    if (given?.kind !== 'answers')
      throw new InputError({ where, received: describe(given), expected: 'what `ask` gives' })
  const others = new Map(after.rows.map((row) => [row.id, row]))
  const missing = [
    ...before.rows.filter((row) => others.get(row.id)?.question !== row.question),
    ...after.rows.slice(before.rows.length),
  ]
  if (missing.length > 0)
    throw new InputError({
      where,
      received: `answers to other questions: ${missing
        .slice(0, 5)
        .map(({ id }) => id)
        .join(', ')}`,
      expected: 'the same questions, asked twice',
    })
  const rows = before.rows.map((row) => {
    const other = others.get(row.id)!
    const [was, is] = [row.right >= 0.5, other.right >= 0.5]
    const answers = [row.answers[0]!.text, other.answers[0]!.text] as const
    return {
      id: row.id,
      question: row.question,
      expected: row.expected,
      answers,
      change: was === is ? (is ? 'right' : 'wrong') : is ? 'mended' : 'broken',
      same: answers[0] === answers[1],
    } as const
  })
  const count = (change: string) => rows.filter((row) => row.change === change).length
  const [mended, broken] = [count('mended'), count('broken')]
  const order = ['broken', 'mended', 'wrong', 'right']
  return {
    kind: 'answersComparison',
    names: [before.name, after.name],
    right: [before.right, after.right],
    mended,
    broken,
    chance: signTest(mended, broken),
    rows: rows.toSorted(
      (a, b) => order.indexOf(a.change) - order.indexOf(b.change) || Number(a.same) - Number(b.same),
    ),
  }
}

/** How likely coins fall as unevenly as this or more so, to either side (the exact sign test, of pairs McNemar's). */
export function signTest(some: number, others: number): number {
  const count = some + others
  let term = 0.5 ** count
  let sum = 0
  for (let k = 0; k <= Math.min(some, others); k++) {
    sum += term
    term *= (count - k) / (k + 1)
  }
  return Math.min(1, 2 * sum)
}
