import { readRecords } from '../../data/load.js'
import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import { textOf, type Messages } from '../objectives/answers.js'

/** What tells a right answer. All that is given must hold. */
export interface Right {
  /** One of these texts, but for spaces around it. `exact: '42'` */
  exact?: string | readonly string[] | undefined
  /** All of these parts, in capitals or not. `contains: ['10 am', '6 pm']` */
  contains?: string | readonly string[] | undefined
  /** Fits a regular expression, in capitals or not where it is a text. `pattern: /\bparis\b/i` */
  pattern?: string | RegExp | undefined
  /** Answers to choose from by their likelihood: nothing is written then. `choices: ['yes', 'no']` */
  choices?: readonly string[] | undefined
  /** A right answer: what `choices` are compared with; else it is shown, and alone it is `exact`. `answer: 'yes'` */
  answer?: string | undefined
}

/** One question: a text to go on from, or the messages of a conversation, with what a right answer is. */
export interface Question extends Right {
  /** Default: its place among the questions. `id: 'q7'` */
  id?: string | number
  /** A text; with a template, what a user says. `question: 'What is the capital of France?'` */
  question?: string
  /** A conversation that is to be gone on with. `messages: [{ role: 'user', content: 'Hello' }]` */
  messages?: Messages
  /** The part of the questions that it belongs to. Default: 'all'. `slice: 'returns'` */
  slice?: string
  /** Questions that are ways of asking the same. Default: none. `intent: 'opening-hours'` */
  intent?: string
  /** Whether the right answer is to refuse. Default: false. `refuse: true` */
  refuse?: boolean
}

/** A question as it is asked. */
export interface AskedQuestion {
  readonly id: string
  readonly prompt: string | Messages
  /** What is shown of it: its last turn. */
  readonly text: string
  readonly slice: string
  readonly intent: string | undefined
  readonly refuse: boolean
  /** What is shown as the right answer. */
  readonly expected: string
  readonly right: RightAnswer
}

/** How a question is scored. */
export type RightAnswer =
  | { how: 'likelihood'; choices: readonly string[]; right: number }
  | {
      how: 'text'
      exact: readonly string[] | undefined
      contains: readonly string[]
      pattern: RegExp | undefined
    }

export interface QuestionsOptions {
  /** Answers that every question chooses from. Default: each question's own. `choices: ['yes', 'no']` */
  choices?: readonly string[]
}

const fields = [
  'id',
  'question',
  'messages',
  'exact',
  'contains',
  'pattern',
  'choices',
  'answer',
  'slice',
  'intent',
  'refuse',
]

/**
 * Questions with their right answers, to be asked by `ask`: records, or a file of them (JSON lines, CSV, Parquet). Each is scored by
 * what it has: `exact`, `contains` and `pattern` look at what the model writes, `choices` at which of some answers it finds the most
 * likely.
 *
 * @param source records with a `question` or `messages`; a path.
 * @throws InputError for a question without a text or a right answer, ids that come twice, a pattern that is none.
 * @example
 * const asked = await questions([{ question: '2 + 2 =', pattern: '4|four' }, { question: '3 + 3 =', choices: [' 6', ' 7'], answer: ' 6' }])
 */
export async function questions(
  source: string | readonly Question[] | readonly AskedQuestion[],
  options: QuestionsOptions = {},
): Promise<readonly AskedQuestion[]> {
  const where = 'questions(source)'
  const { choices } = named(options, ['choices'], `${where}: options`)
  const records: unknown[] = []
  if (typeof source === 'string') for await (const record of readRecords(source)) records.push(record)
  else if (Array.isArray(source)) records.push(...(source as readonly unknown[]))
  if (records.length === 0)
    throw new InputError({
      where,
      received: typeof source === 'string' ? `no records in ${describe(source)}` : describe(source),
      expected: 'questions, at least one',
      fix: "[{ question: 'What is the capital of France?', contains: 'Paris' }].",
    })
  const all = records.map((record, at) =>
    checked.has(record as object) && !choices
      ? (record as AskedQuestion)
      : asAsked({ ...(record as Question), ...(choices && { choices }) }, at),
  )
  const ids = new Set<string>()
  for (const { id } of all) {
    if (ids.has(id))
      throw new InputError({
        where,
        received: `two questions with the id ${describe(id)}`,
        expected: 'an id for each',
      })
    ids.add(id)
  }
  return all
}

/** Those that went through here: asking them again checks nothing. */
const checked = new WeakSet<object>()

function asAsked(record: Question, at: number): AskedQuestion {
  const where = `questions(source): question ${at}`
  const given = Object.fromEntries(
    fields.map((name) => [name, record[name as keyof Question] ?? undefined]),
  ) as Question
  const { id = at, question, messages, slice = 'all', intent, refuse = false } = given
  const isConversation =
    Array.isArray(messages) &&
    messages.length > 0 &&
    messages.every((message) => typeof message?.role === 'string' && typeof message.content === 'string')
  if (isConversation ? question !== undefined : typeof question !== 'string' || question === '')
    throw new InputError({
      where,
      received: describe(record),
      expected: 'a question, a text; or messages, each with a role and a content',
      fix: "{ question: 'What is the capital of France?', contains: 'Paris' }.",
    })
  if (isConversation && messages.at(-1)!.role === 'assistant')
    throw new InputError({
      where,
      received: 'messages that end with the assistant',
      expected: 'a last turn to be answered',
      fix: 'Take the last one away, and give it as the answer.',
    })
  const right = rightOf(given, where)
  const prompt = isConversation ? messages : question!
  const asked: AskedQuestion = {
    id: String(id),
    prompt,
    text: typeof prompt === 'string' ? prompt : textOf([prompt.at(-1)!]).replace(/^\w+: /, ''),
    slice: String(slice),
    intent: intent === undefined ? undefined : String(intent),
    refuse: refuse === true,
    expected: expectedOf(given),
    right,
  }
  checked.add(asked)
  return asked
}

function rightOf({ exact, contains, pattern, choices, answer }: Question, where: string): RightAnswer {
  if (answer !== undefined && typeof answer !== 'string')
    throw new InputError({ where: `${where}: answer`, received: describe(answer), expected: 'a text' })
  if (choices !== undefined) {
    const right = answer === undefined ? -1 : choices.indexOf(answer)
    const fits =
      Array.isArray(choices) &&
      choices.length > 1 &&
      choices.every((choice) => typeof choice === 'string' && choice !== '') &&
      new Set(choices).size === choices.length
    if (!fits)
      throw new InputError({
        where: `${where}: choices`,
        received: describe(choices),
        expected: 'at least two answers, all different and none empty',
      })
    if (right < 0)
      throw new InputError({
        where: `${where}: answer`,
        received: `${describe(answer)}, which is none of its ${choices.length} choices`,
        expected: 'the right one of them',
      })
    return { how: 'likelihood', choices, right }
  }
  const parts = contains === undefined ? [] : texts(contains, `${where}: contains`)
  const whole =
    exact === undefined
      ? contains === undefined && pattern === undefined && answer !== undefined
        ? [answer]
        : undefined
      : texts(exact, `${where}: exact`)
  if (whole === undefined && parts.length === 0 && pattern === undefined)
    throw new InputError({
      where,
      received: 'nothing that tells a right answer',
      expected: 'exact, contains, pattern, or choices with the answer',
      fix: "{ question: 'What is the capital of France?', contains: 'Paris' }.",
    })
  return {
    how: 'text',
    exact: whole?.map((text) => text.trim()),
    contains: parts.map((part) => part.toLowerCase()),
    pattern: pattern === undefined ? undefined : regularExpression(pattern, where),
  }
}

function texts(given: string | readonly string[], where: string): readonly string[] {
  const all = [given].flat() as readonly string[]
  if (all.length > 0 && all.every((text) => typeof text === 'string' && text !== '')) return all
  throw new InputError({ where, received: describe(given), expected: 'a text or texts, none empty' })
}

function regularExpression(pattern: string | RegExp, where: string): RegExp {
  try {
    // One that is global remembers where it was.
    return pattern instanceof RegExp
      ? new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''))
      : new RegExp(pattern, 'i')
  } catch (error) {
    throw new InputError(
      {
        where: `${where}: pattern`,
        received: `${describe(pattern)} (${(error as Error).message})`,
        expected: 'a regular expression',
      },
      { cause: error },
    )
  }
}

function expectedOf({ exact, contains, pattern, answer }: Question): string {
  if (answer !== undefined) return answer
  if (exact !== undefined) return [exact].flat().join(' / ')
  if (contains !== undefined) return `… ${[contains].flat().join(' … ')} …`
  return String(pattern)
}

/** Whether a text that was written is right. */
export function isRight(text: string, right: Extract<RightAnswer, { how: 'text' }>): boolean {
  const { exact, contains, pattern } = right
  const lower = text.toLowerCase()
  return (
    (exact === undefined || exact.includes(text.trim())) &&
    contains.every((part) => lower.includes(part)) &&
    (pattern === undefined || pattern.test(text))
  )
}
