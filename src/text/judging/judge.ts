import { checkSeed, createRandom } from '../../data/random.js'
import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import type { JudgementsView } from '../../views.js'
import { textOf, type Messages } from '../objectives/answers.js'
import type { PreferencePair } from '../objectives/preferences.js'
import { reportOf, verdictOf, type Judgement } from './report.js'

/** Two answers to one prompt, of which somebody is to say which is the better. */
export interface AnswerPair {
  /** Default: its place. `id: 'q7'` */
  id?: string | number
  prompt: string | Messages
  /** `answers: ['Yes.', 'Of course, with pleasure!']` */
  answers: readonly [string, string]
}

export interface JudgeOptions {
  /** Who judges. Default: 'somebody'. `by: 'Anna'` */
  by?: string
  /** Of the order, and of which answer stands left. Default: 1. `seed: 7` */
  seed?: number
  /** What was judged before, by anybody: it counts, and this is another sitting. Default: nothing. `judgements: JSON.parse(text)` */
  judgements?: readonly Judgement[]
}

/** What is to be judged next. */
export interface ToJudge {
  /** How many were judged in this sitting, and how many there are. */
  readonly done: number
  readonly of: number
  readonly id: string
  readonly prompt: string
  readonly left: string
  readonly right: string
}

export type Choice = 'left' | 'right' | 'both bad'

const where = 'judge(pairs, options)'

/** Answers that are judged, pair by pair: what `judge` gives, and `judgeBox` shows. */
export class Judging {
  readonly by: string
  readonly sitting: number
  readonly #pairs: readonly Required<AnswerPair>[]
  readonly #order: readonly { pair: number; left: 0 | 1 }[]
  readonly #earlier: readonly Judgement[]
  #own: readonly Judgement[] = []
  readonly #listeners = new Set<() => void>()

  constructor(
    pairs: readonly Required<AnswerPair>[],
    by: string,
    seed: number,
    earlier: readonly Judgement[],
  ) {
    this.#pairs = pairs
    this.by = by
    this.#earlier = earlier
    this.sitting = 1 + Math.max(0, ...earlier.filter((one) => one.by === by).map(({ sitting }) => sitting))
    // Another order and other places in each sitting, and for each person.
    const random = createRandom(
      seed + this.sitting * 7919 + [...by].reduce((sum, letter) => sum * 31 + letter.codePointAt(0)!, 7),
    )
    const order = pairs.map((_, pair) => pair)
    for (let i = order.length - 1; i > 0; i--) {
      const j = random.integer(i + 1)
      ;[order[i], order[j]] = [order[j]!, order[i]!]
    }
    this.#order = order.map((pair) => ({ pair, left: random.integer(2) as 0 | 1 }))
  }

  /** What is to be judged next; undefined where all is done. */
  get next(): ToJudge | undefined {
    const at = this.#order[this.#own.length]
    if (!at) return undefined
    const { id, prompt, answers } = this.#pairs[at.pair]!
    return {
      done: this.#own.length,
      of: this.#order.length,
      id: String(id),
      prompt: textOf(prompt),
      left: answers[at.left],
      right: answers[1 - at.left]!,
    }
  }

  /**
   * Judges the next pair.
   *
   * @param options.better an answer that is better than both.
   * @throws InputError where nothing is left, and for a choice that is none.
   */
  choose(choice: Choice, options: { better?: string } = {}): this {
    const { better } = named(options, ['better'], 'judging.choose(choice, options)')
    const at = this.#order[this.#own.length]
    if (!at)
      throw new InputError({
        where: 'judging.choose(choice)',
        received: 'a choice, and all are judged',
        expected: 'one that is left',
        fix: 'judge(pairs, { by, judgements: judging.judgements }) begins another sitting.',
      })
    if (!['left', 'right', 'both bad'].includes(choice))
      throw new InputError({
        where: 'judging.choose(choice)',
        received: describe(choice),
        expected: "'left', 'right' or 'both bad'",
      })
    const { id, answers } = this.#pairs[at.pair]!
    if (
      better !== undefined &&
      (typeof better !== 'string' || better.trim() === '' || answers.includes(better))
    )
      throw new InputError({
        where: 'judging.choose(choice, { better })',
        received: describe(better),
        expected: 'a text that is neither of the two answers',
      })
    const judgement: Judgement = {
      id: String(id),
      by: this.by,
      sitting: this.sitting,
      left: at.left,
      choice,
      lengths: [answers[0].length, answers[1].length],
      ...(better !== undefined && { better: better.trim() }),
    }
    this.#own = [...this.#own, judgement]
    this.#changed()
    return this
  }

  /** Takes the last choice of this sitting back. */
  back(): this {
    this.#own = this.#own.slice(0, -1)
    this.#changed()
    return this
  }

  /** All judgements, earlier ones first: plain data, to be kept as JSON and given to the next sitting. */
  get judgements(): readonly Judgement[] {
    return [...this.#earlier, ...this.#own]
  }

  /**
   * Pairs of a better and a worse answer, as `preferences` takes them: by the last word of each person, and of several the
   * majority. An answer that somebody wrote is better than both. Where there is no majority, or both are bad, there is no pair.
   */
  get pairs(): PreferencePair[] {
    const found: PreferencePair[] = []
    for (const { id, prompt, answers } of this.#pairs) {
      const last = new Map<string, Judgement>()
      for (const one of this.judgements) if (one.id === String(id)) last.set(one.by, one)
      const said = [...last.values()]
      const pair = (chosen: string, rejected: string) => found.push({ prompt, chosen, rejected })
      for (const { better } of said)
        if (better !== undefined) for (const answer of answers) pair(better, answer)
      const votes = said.filter(({ better }) => better === undefined).map(verdictOf)
      const [first, second] = [0, 1].map((side) => votes.filter((vote) => vote === side).length)
      if (first! > second!) pair(answers[0], answers[1])
      if (second! > first!) pair(answers[1], answers[0])
    }
    return found
  }

  /** How much people agree with themselves and with each other, and what their choices lean to. Reads as a table in a cell. */
  report(): JudgementsView {
    return reportOf(this.judgements, this.pairs.length)
  }

  /** Calls `listener` after each choice. Gives what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }

  /** How it reads in a cell and in the console. */
  toString(): string {
    return `Judging by ${this.by}, sitting ${this.sitting}: ${this.#own.length} of ${this.#order.length} judged, ${this.pairs.length} pairs to learn from`
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }
}

/**
 * Pairs of answers to be judged by a person, one after the other, in an order and in places that chance decides: `judgeBox` of
 * `gradbook/widgets` shows them, or `choose` is called. What comes out are pairs to train on next, and how far to trust them.
 *
 * @param pairs two answers each, or pairs as `preferences` takes them: which was called the better is not shown.
 * @throws InputError for no pairs, equal answers, ids that come twice, judgements of other pairs.
 * @example
 * const judging = judge([{ prompt: 'Open?', answers: ['Yes, from ten.', 'Maybe.'] }], { by: 'Anna' })
 * judging.choose(judging.next!.left === 'Maybe.' ? 'right' : 'left')
 * judging.pairs   // [{ prompt: 'Open?', chosen: 'Yes, from ten.', rejected: 'Maybe.' }]
 */
export function judge(
  pairs: readonly (AnswerPair | (PreferencePair & { id?: string | number }))[],
  options: JudgeOptions = {},
): Judging {
  const { by = 'somebody', seed = 1, judgements = [] } = named(options, ['by', 'seed', 'judgements'], where)
  if (typeof by !== 'string' || by.trim() === '')
    throw new InputError({ where: `${where}: by`, received: describe(by), expected: 'a name' })
  checkSeed(seed, `${where}: seed`)
  if (!Array.isArray(pairs) || pairs.length === 0)
    throw new InputError({
      where,
      received: describe(pairs),
      expected: 'pairs of answers, at least one',
      fix: "[{ prompt: 'Hello', answers: ['Hi!', 'What?'] }].",
    })
  const all = (pairs as readonly (AnswerPair & PreferencePair)[]).map((pair, at) => {
    const { id = at, prompt, answers = [pair?.chosen, pair?.rejected] } = pair ?? {}
    const [one, other] = answers
    if (prompt === undefined || typeof one !== 'string' || typeof other !== 'string' || one === other)
      throw new InputError({
        where: `${where}: pair ${at}`,
        received: describe(pair),
        expected: 'a prompt, and two answers that differ',
      })
    return { id: String(id), prompt, answers: [one, other] as const }
  })
  const ids = new Set(all.map(({ id }) => id))
  if (ids.size < all.length)
    throw new InputError({ where, received: 'ids that come twice', expected: 'an id for each pair' })
  const stranger = judgements.find((one) => !ids.has(one?.id))
  if (stranger !== undefined)
    throw new InputError({
      where: `${where}: judgements`,
      received: `one of the pair ${describe(stranger?.id)}, which is none of these`,
      expected: 'judgements of these pairs',
    })
  return new Judging(all, by.trim(), seed, judgements)
}
