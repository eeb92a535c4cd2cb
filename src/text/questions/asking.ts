import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import type { AnswersComparisonView, AnswersView } from '../../views.js'
import { afterEvaluation } from '../looking/after-evaluation.js'
import { sampleNames } from '../generation/sample.js'
import type { Gpt } from '../models/gpt.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'
import { ask, type AskQuestionsOptions } from './ask.js'
import { bitsPerByteOf } from './bits.js'
import { coherence, type Coherence } from './coherence.js'
import { compareAnswers } from './compare-answers.js'
import { questions, type AskedQuestion, type Question } from './questions.js'

export interface AskingOptions extends Omit<AskQuestionsOptions, 'name'> {
  /** Whether evaluations have columns of coherence too: `heldOutSameOverSeeds`, `heldOutLoops`, … Default: false. `coherent: true` */
  coherent?: boolean
  /** A text that is held out: evaluations have its bits per byte. Default: none. `text: 'Held out …'` */
  text?: string
}

/** What was answered after one evaluation. */
export interface AskedRow<Names extends string = string> {
  iteration: number
  answers: { readonly [name in Names]: AnswersView }
  coherence: { readonly [name in Names]: Coherence }
}

/** What a model answers at each evaluation of its run. */
export interface Asking<Names extends string = string> {
  /** One a row an evaluation. */
  readonly rows: readonly AskedRow<Names>[]
  /** The answers of two evaluations side by side. */
  compare(name: Names, before: number, after: number): AnswersComparisonView
  /** Asks no more. */
  stop(): void
}

/** A set of questions, as `questions` takes it. */
export type QuestionSource = string | readonly Question[] | readonly AskedQuestion[]

const where = 'asking(model, tokenizer, sets, options)'
const names = [...sampleNames, 'template', 'samples', 'seed', 'tokens', 'stop', 'per', 'coherent', 'text']

/**
 * Asks a model sets of questions at every evaluation of its run. The share of right answers to each set is a column of the
 * evaluation, by the set's name: it is charted, saved with the run, and rules may wait for it. A set of controls beside the
 * questions that are learned for shows what is forgotten.
 *
 * After an `undo` the next evaluation takes the place of those that were taken back. A branch has a model of its own,
 * `asking(other.model, …)`.
 *
 * @throws InputError as `ask`.
 * @example
 * const text = 'two and two is four. '.repeat(9), tokenizer = charTokenizer(text)
 * const model = gpt({ ...presets.tiny, vocabulary: tokenizer.size })
 * const asked = await asking(model, tokenizer, { sums: [{ question: 'two and two is', contains: 'four' }] }, { tokens: 8 })
 */
export async function asking<Names extends string>(
  model: Gpt,
  tokenizer: Tokenizer,
  sets: { readonly [name in Names]: QuestionSource },
  options: AskingOptions = {},
): Promise<Asking<Names>> {
  const { coherent = false, text, ...rest } = named(options, names, where)
  if (typeof sets !== 'object' || sets === null || Array.isArray(sets) || Object.keys(sets).length === 0)
    throw new InputError({
      where,
      received: describe(sets),
      expected: 'sets of questions by name',
      fix: 'asking(model, tokenizer, { heldOut, controls }).',
    })
  const all = await Promise.all(
    Object.entries<QuestionSource>(sets).map(async ([name, source]) => ({
      name: name as Names,
      asked: await questions(source),
    })),
  )
  let rows: AskedRow<Names>[] = []
  const stop = afterEvaluation(model, async ({ iteration }, pause) => {
    const answers: Partial<Record<Names, AnswersView>> = {}
    const numbers: Partial<Record<Names, Coherence>> = {}
    const columns: { [name: string]: number } = {}
    for (const { name, asked } of all) {
      await pause()
      try {
        const found = await ask(model, tokenizer, asked, { ...rest, name: `${name} after ${iteration}` })
        answers[name] = found
        numbers[name] = coherence(found)
        columns[name] = found.right
        if (coherent) Object.assign(columns, prefixed(name, numbers[name]))
      } catch (error) {
        // Stop is the run's to tell: at a whole iteration.
        await pause()
        throw error
      }
    }
    if (text !== undefined) columns.bitsPerByte = await bitsPerByteOf(model, tokenizer, text)
    const row = { iteration, answers, coherence: numbers } as AskedRow<Names>
    rows = [...rows.filter((one) => one.iteration < iteration), row]
    return columns
  })
  const rowAt = (iteration: number) => {
    const found = rows.find((row) => row.iteration === iteration)
    if (found) return found
    throw new InputError({
      where: 'asking(…).compare(name, before, after)',
      received: `iteration ${describe(iteration)}`,
      expected: `one that was evaluated: ${rows.map((row) => row.iteration).join(', ') || 'none was yet'}`,
    })
  }
  return {
    get rows() {
      return rows
    },
    compare: (name, before, after) => compareAnswers(rowAt(before).answers[name], rowAt(after).answers[name]),
    stop,
  }
}

/** { right, loops } as { heldOutLoops }. */
const prefixed = (name: string, { right: _, ...numbers }: Coherence) =>
  Object.fromEntries(
    Object.entries(numbers).map(([key, value]) => [`${name}${key[0]!.toUpperCase()}${key.slice(1)}`, value]),
  )
