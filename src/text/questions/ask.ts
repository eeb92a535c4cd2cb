import { describe, InputError } from '../../errors.js'
import { maybeHost } from '../../host.js'
import { named } from '../../suggest.js'
import type { AnswerRow, AnswersView, AnswerText } from '../../views.js'
import { turnEnd } from '../chat/turn-end.js'
import { checkTokenizer } from '../generation/arguments.js'
import { generate } from '../generation/generate.js'
import { checkSampling, sampleNames, type SampleOptions } from '../generation/sample.js'
import type { Gpt } from '../models/gpt.js'
import { promptIds, type Writing } from '../objectives/answers.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'
import { choiceLikelihoods } from './choices.js'
import { isRight, questions, type AskedQuestion, type Question, type RightAnswer } from './questions.js'
import { slicesOf, summary } from './shares.js'

export interface AskQuestionsOptions extends SampleOptions {
  /** The template of a model of conversations, in Jinja. Default: none, questions are texts to go on from. `template` */
  template?: string
  /** How often each question is asked, of those that are answered by writing. Default: 1. `samples: 5` */
  samples?: number
  /** The same seed gives the same answers. Default: 1. `seed: 7` */
  seed?: number
  /** Divides the logits. Default: 0, the most probable token, for one sample; 0.7 for several. `temperature: 1` */
  temperature?: number
  /** The most tokens of an answer. Default: 64. `tokens: 100` */
  tokens?: number
  /** Where an answer ends. Default: where the template ends a turn; without one nowhere. `stop: '\n'` */
  stop?: string | readonly string[]
  /**
   * What the likelihood of a choice is divided by: its 'characters' (what lm-evaluation-harness calls acc_norm), its 'tokens', or
   * 'nothing' (its acc). Default: 'characters'. `per: 'nothing'`
   */
  per?: Per
  /** What the result is called. Default: 'answers'. `name: 'before'` */
  name?: string
}

type Per = 'characters' | 'tokens' | 'nothing'

const names = [...sampleNames, 'template', 'samples', 'seed', 'tokens', 'stop', 'per', 'name']
const where = 'ask(model, tokenizer, questions, options)'
/** Texts that are written at once. */
const together = 16

/**
 * Asks a model questions and says which answers are right: of all, by slice, and of each. Shares come with the interval that holds
 * the true one 19 times in 20 (Wilson's, of as many answers as the questions are worth: samples of one question tell less than as
 * many questions).
 *
 * Choices are scored as lm-evaluation-harness does: the sum of the logarithms of the probabilities of the answer's tokens behind the
 * prompt, divided by its characters; the one with the highest is chosen. With a template a choice is what the assistant says,
 * without its end; without one it is joined to the question as it is, its first space included.
 *
 * @param source what `questions` takes.
 * @throws InputError as `questions`; for several samples of which each is the same (temperature 0); a prompt longer than the context.
 * @example
 * const text = 'two and two is four. '.repeat(9), tokenizer = charTokenizer(text)
 * const model = gpt({ ...presets.tiny, vocabulary: tokenizer.size })
 * const answers = await ask(model, tokenizer, [{ question: 'two and two is', contains: 'four' }], { tokens: 8 })
 */
export async function ask(
  model: Gpt,
  tokenizer: Tokenizer,
  source: string | readonly Question[] | readonly AskedQuestion[],
  options: AskQuestionsOptions = {},
): Promise<AnswersView> {
  const {
    template,
    samples = 1,
    seed = 1,
    tokens = 64,
    per = 'characters',
    name = 'answers',
    ...rest
  } = named(options, names, where)
  checkTokenizer(model, tokenizer, where)
  for (const [option, value] of Object.entries({ samples, tokens }))
    if (!Number.isInteger(value) || value < 1)
      throw new InputError({
        where: `${where}: ${option}`,
        received: describe(value),
        expected: 'a whole number, at least 1',
      })
  if (!Number.isInteger(seed))
    throw new InputError({ where: `${where}: seed`, received: describe(seed), expected: 'a whole number' })
  if (!['characters', 'tokens', 'nothing'].includes(per))
    throw new InputError({
      where: `${where}: per`,
      received: describe(per),
      expected: "'characters', 'tokens' or 'nothing'",
    })
  const { temperature = samples === 1 ? 0 : 0.7, stop, ...narrowing } = rest
  checkSampling({ ...narrowing, temperature }, where)
  if (temperature === 0 && samples > 1)
    throw new InputError({
      where: `${where}: samples`,
      received: `${samples} samples at temperature 0, which are one and the same`,
      expected: 'a temperature above 0, or one sample',
    })
  const asked = await questions(source)
  const writing: Writing = { tokenizer, template, end: undefined }
  const rows: Encoded[] = []
  // One after the other: a thread fills in one template at a time, and together each would have its own.
  for (const question of asked) rows.push({ question, ids: await encoded(question, writing) })
  for (const { question, ids } of rows)
    if (ids.length === 0 || ids.length >= model.config.context)
      throw new InputError({
        where: `${where}: question ${question.id}`,
        received: `${ids.length} tokens`,
        expected: `at least one, and fewer than ${model.config.context}, the model's context`,
      })
  const told = new Map<string, AnswerRow>()
  const chosen = rows.filter(({ question }) => question.right.how === 'likelihood')
  for (const [id, row] of await choose(model, writing, chosen, per)) told.set(id, row)
  const written = rows.filter(({ question }) => question.right.how === 'text')
  const ends = stop ?? (written.length > 0 ? template && (await turnEnd(tokenizer, template)) : undefined)
  const settings = {
    ...narrowing,
    temperature,
    tokens,
    ...(ends && { stop: ends }),
  }
  for (const [id, row] of await write(model, tokenizer, written, { samples, seed, settings }))
    told.set(id, row)
  const all = asked.map(({ id }) => told.get(id)!)
  return { kind: 'answers', name, samples, ...summary(all), slices: slicesOf(all), rows: all }
}

type Encoded = { question: AskedQuestion; ids: Int32Array }

function encoded({ id, prompt }: AskedQuestion, writing: Writing): Promise<Int32Array> {
  return promptIds(prompt, writing, `${where}: question ${id}`)
}

const about = ({ id, slice, intent, refuse, text, prompt, expected }: AskedQuestion) => ({
  id,
  slice,
  ...(intent !== undefined && { intent }),
  refuse,
  question: text,
  ...(typeof prompt !== 'string' && { messages: prompt }),
  expected,
})

async function write(
  model: Gpt,
  tokenizer: Tokenizer,
  rows: readonly Encoded[],
  { samples, seed, settings }: { samples: number; seed: number; settings: object },
): Promise<Map<string, AnswerRow>> {
  const answers = new Map(rows.map(({ question }) => [question.id, [] as AnswerText[]]))
  const host = maybeHost()
  // Prompts of about one length are read together: what is shorter is filled up.
  const sorted = rows.toSorted((a, b) => a.ids.length - b.ids.length)
  for (let sample = 0; sample < samples; sample++)
    for (let from = 0; from < sorted.length; from += together) {
      const some = sorted.slice(from, from + together)
      if (host?.interrupted) throw host.interrupt.reason
      const prompts = some.map(({ ids }) => ids)
      const whole = await generate(model, tokenizer, prompts, {
        ...settings,
        // Texts of one call draw from streams of their own, those of other calls from other seeds.
        seed: seed * 1_000_003 + sample * 10_007 + from,
      })
      for (const [i, { question, ids }] of some.entries()) {
        const text = whole[i]!.slice(tokenizer.decode(ids).length).trim()
        const right = question.right as Extract<RightAnswer, { how: 'text' }>
        answers.get(question.id)!.push({ text, right: isRight(text, right) })
      }
    }
  return new Map(
    rows.map(({ question }) => {
      const all = answers.get(question.id)!
      const right = all.filter((answer) => answer.right).length / samples
      return [question.id, { ...about(question), how: 'text', right, answers: all }]
    }),
  )
}

async function choose(
  model: Gpt,
  writing: Writing,
  rows: readonly Encoded[],
  per: Per,
): Promise<Map<string, AnswerRow>> {
  const host = maybeHost()
  const laid = await Promise.all(
    rows.map(async ({ question, ids }) => ({
      question,
      ...(await choicesOf(question, ids, writing)),
    })),
  )
  const room = {
    prompt: Math.max(...laid.map(({ ids }) => ids.length)),
    answer: Math.max(...laid.flatMap(({ choices }) => choices.map(({ length }) => length))),
  }
  const found = new Map<string, AnswerRow>()
  for (const { question, ids, choices } of laid) {
    if (host?.interrupted) throw host.interrupt.reason
    const longest = ids.length + Math.max(...choices.map(({ length }) => length))
    if (longest > model.config.context)
      throw new InputError({
        where: `${where}: question ${question.id}`,
        received: `${longest} tokens with its longest choice`,
        expected: `at most ${model.config.context}, the model's context`,
      })
    const right = question.right as Extract<RightAnswer, { how: 'likelihood' }>
    const logLikelihoods = choiceLikelihoods(model, ids, choices, room)
    const scores = logLikelihoods.map((value, i) => {
      if (per === 'nothing') return value
      return value / (per === 'tokens' ? choices[i]!.length : [...right.choices[i]!].length)
    })
    const best = scores.indexOf(Math.max(...scores))
    found.set(question.id, {
      ...about(question),
      how: 'likelihood',
      right: best === right.right ? 1 : 0,
      answers: [{ text: right.choices[best]!, right: best === right.right }],
      choices: right.choices,
      logLikelihoods,
    })
    await host?.breathe()
  }
  return found
}

/** A question's prompt and choices as tokens. Where both are texts they are read as one: its tokens may be others at the border. */
async function choicesOf(
  { prompt, right }: AskedQuestion,
  ids: Int32Array,
  { tokenizer, template }: Writing,
): Promise<{ ids: Int32Array; choices: Int32Array[] }> {
  const { choices } = right as Extract<RightAnswer, { how: 'likelihood' }>
  if (template !== undefined || typeof prompt !== 'string')
    return { ids, choices: choices.map((choice) => Int32Array.from(tokenizer.encode(choice))) }
  const whole = choices.map((choice) => Int32Array.from(tokenizer.encode(prompt + choice)))
  let begins = ids.length
  for (const other of whole) {
    let same = 0
    while (same < begins && other[same] === ids[same]) same++
    begins = same
  }
  // Something must stand before the answer.
  begins = Math.max(1, begins)
  return { ids: ids.slice(0, begins), choices: whole.map((other) => other.slice(begins)) }
}
