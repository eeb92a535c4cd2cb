import { named } from '../../suggest.js'
import type { AnswerRow, AnswersView } from '../../views.js'

/** How coherent some answers are, as numbers. What the questions do not tell is missing. */
export interface Coherence {
  /** The share of right answers. */
  right: number
  /** How much two answers to one question have in common, of those of other seeds: the F1 of their words, 1 where they are the same. */
  sameOverSeeds?: number
  /** The same of answers to two questions of one intent. */
  sameOverParaphrases?: number
  /** The share of refusals among answers to what is to be refused, and among all others. */
  refusedRightly?: number
  refusedWrongly?: number
  /** Different words, and different pairs of words, for each that was written (Li et al. 2016): low where the same is said again and again. */
  distinct1: number
  distinct2: number
  /** The share of answers that say something three times in a row. */
  loops: number
}

export interface CoherenceOptions {
  /** What a refusal reads like. Default: begins with “I cannot”, “I can't”, “I am not able” and their like. `refusal: /^no\b/i` */
  refusal?: RegExp
}

const usual =
  /^(?:i(?:['’]m| am) sorry,?\s+(?:but\s+)?)?i(?: (?:cannot|can ?not|can['’]t|won['’]t|will not|am (?:not able|unable))|['’]m (?:not able|unable))\b/i

/**
 * Numbers of coherence, of what `ask` gives: the same answer to other seeds and to paraphrases, refusals, repetition.
 *
 * @example
 * const text = 'two and two is four. '.repeat(9), tokenizer = charTokenizer(text)
 * const model = gpt({ ...presets.tiny, vocabulary: tokenizer.size })
 * const { distinct2, loops } = coherence(await ask(model, tokenizer, [{ question: 'two and', contains: 'four' }], { tokens: 8 }))
 */
export function coherence(answers: AnswersView, options: CoherenceOptions = {}): Coherence {
  const { refusal = usual } = named(options, ['refusal'], 'coherence(answers, options)')
  const { rows } = answers
  const isRefusal = (text: string) =>
    new RegExp(refusal.source, refusal.flags.replace(/[gy]/g, '')).test(text)
  const refused = (some: readonly AnswerRow[]) =>
    mean(some.flatMap((row) => row.answers.map(({ text }) => (isRefusal(text) ? 1 : 0))))
  const toRefuse = rows.filter(({ refuse }) => refuse)
  const others = rows.filter(({ refuse }) => !refuse)
  const seeds = rows.flatMap((row) =>
    pairs(row.answers.map(({ text }) => text)).map(([a, b]) => overlap(a, b)),
  )
  const groups = new Map<string, string[]>()
  for (const {
    intent,
    answers: [first],
  } of rows)
    if (intent !== undefined && first) groups.set(intent, [...(groups.get(intent) ?? []), first.text])
  const paraphrases = [...groups.values()].flatMap((texts) => pairs(texts).map(([a, b]) => overlap(a, b)))
  const texts = rows.flatMap((row) => row.answers.map(({ text }) => wordsOf(text)))
  return {
    right: answers.right,
    ...(seeds.length > 0 && { sameOverSeeds: mean(seeds) }),
    ...(paraphrases.length > 0 && { sameOverParaphrases: mean(paraphrases) }),
    ...(toRefuse.length > 0 && { refusedRightly: refused(toRefuse), refusedWrongly: refused(others) }),
    distinct1: distinct(texts, 1),
    distinct2: distinct(texts, 2),
    loops: mean(texts.map((words) => (isLoop(words) ? 1 : 0))),
  }
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / Math.max(1, values.length)

const pairs = <T>(all: readonly T[]): [T, T][] =>
  all.flatMap((one, i) => all.slice(i + 1).map((other): [T, T] => [one, other]))

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []

/** F1 of the words that two texts have in common, each counted as often as it comes. */
export function overlap(one: string, other: string): number {
  const [a, b] = [wordsOf(one), wordsOf(other)]
  if (a.length + b.length === 0) return 1
  const left = new Map<string, number>()
  for (const word of a) left.set(word, (left.get(word) ?? 0) + 1)
  let common = 0
  for (const word of b) {
    const count = left.get(word) ?? 0
    if (count > 0) common++
    left.set(word, count - 1)
  }
  return (2 * common) / (a.length + b.length)
}

/** Different n-grams over all of them. */
function distinct(texts: readonly (readonly string[])[], n: number): number {
  const found = new Set<string>()
  let count = 0
  for (const words of texts)
    for (let at = 0; at + n <= words.length; at++, count++) found.add(words.slice(at, at + n).join(' '))
  return count === 0 ? 1 : found.size / count
}

/** Whether one to twenty words come three times in a row. */
export function isLoop(words: readonly string[]): boolean {
  for (let size = 1; size <= Math.min(20, Math.floor(words.length / 3)); size++) {
    let same = 0
    for (let at = size; at < words.length; at++) {
      same = words[at] === words[at - size] ? same + 1 : 0
      if (same === 2 * size) return true
    }
  }
  return false
}
