import type { Dataset } from '../../data/dataset.js'
import { readRecords } from '../../data/load.js'
import { tableFrom, type DataRecord } from '../../data/from.js'
import { wholeTable } from '../../data/table/table.js'
import { describe, InputError } from '../../errors.js'
import { say } from '../../say.js'
import { named } from '../../suggest.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'
import { answerIds, asMessages, findEnd, textOf, type Messages, type Writing } from './answers.js'
import { checkModel, type LanguageModel } from './language-model.js'
import { readLikelihoods } from './likelihood.js'

/** Two answers to one prompt, of which one is the better. */
export interface PreferencePair {
  /** What is answered: a text, or messages. Without it `chosen` and `rejected` are whole conversations that begin alike. */
  prompt?: string | Messages
  chosen: string | Messages
  rejected: string | Messages
}

export interface PreferencesOptions {
  /** Tokens of one row, prompt and answer. Required. `context: 256` */
  context: number
  /** The template of a model of conversations, in Jinja. Default: none, prompt and answer are texts as they are. `template` */
  template?: string
  /** The special token behind an answer without a template. Default: '<|endoftext|>', where the tokenizer has it. `end: '<|end|>'` */
  end?: string
  /** The model that answers are compared with, as it stands now: what `dpo` needs. Default: none. `reference: model` */
  reference?: LanguageModel
  /** How the data is called. Default: 'preferences'. `name: 'tone'` */
  name?: string
}

const where = 'preferences(pairs, tokenizer, options)'

/**
 * Pairs of answers as a dataset, for `dpo` and `rewardModel`. x int32 [2, T] are the tokens of the chosen and of the rejected
 * answer behind their prompt, y int32 [2, T] the token behind each, -1 where that is none of the answer's. With `reference` there is
 * a field of that name, float32 [2, T]: the logarithm of the probability that the reference gives each token of y. It is computed
 * here, once, so no second model takes part in training.
 *
 * Pairs of equal answers are left out and counted. What is longer than the context loses the start of its prompt, then the end of
 * its answer, which is told.
 *
 * @param source pairs, or a file of them (JSON lines, CSV, Parquet) with fields `prompt`, `chosen` and `rejected`.
 * @throws InputError for a pair without its parts, an empty answer, messages without a template.
 * @example
 * const tokenizer = charTokenizer('abc?! '), model = gpt({ ...presets.tiny, vocabulary: tokenizer.size })
 * const pairs = await preferences([{ prompt: 'a?', chosen: 'b!', rejected: 'c' }], tokenizer, { context: 16, reference: model })
 */
export function preferences(
  source: string | readonly PreferencePair[],
  tokenizer: Tokenizer,
  options: PreferencesOptions & { reference: LanguageModel },
): Promise<Dataset<'reference'>>
export function preferences(
  source: string | readonly PreferencePair[],
  tokenizer: Tokenizer,
  options: PreferencesOptions,
): Promise<Dataset>
export async function preferences(
  source: string | readonly PreferencePair[],
  tokenizer: Tokenizer,
  options: PreferencesOptions,
): Promise<Dataset> {
  const known = ['context', 'template', 'end', 'reference', 'name']
  const { context, template, end, reference, name = 'preferences' } = named(options, known, where)
  if (typeof tokenizer?.encode !== 'function')
    throw new InputError({ where, received: `${describe(tokenizer)} as tokenizer`, expected: 'a tokenizer' })
  if (!Number.isInteger(context) || context < 2)
    throw new InputError({
      where: `${where}: context`,
      received: describe(context),
      expected: 'a whole number of tokens, at least 2',
    })
  if (reference !== undefined) checkModel(reference, `${where}: reference`)
  const writing = { tokenizer, template, end: findEnd(tokenizer, end, where) }
  const pairs = await laidOut(await recordsOf(source), writing, context)
  const length = Math.max(...pairs.map(({ rows }) => Math.max(...rows.map(({ x }) => x.length))))
  const shape = [2, length]
  const all = (part: 'x' | 'y', fill: number) => {
    const values = new Int32Array(pairs.length * 2 * length).fill(fill)
    for (const [i, { rows }] of pairs.entries())
      for (const [side, row] of rows.entries()) values.set(row[part], (2 * i + side) * length)
    return values
  }
  const rows = { x: all('x', 0), y: all('y', -1), length }
  const fields = {
    x: rows.x,
    y: rows.y,
    ...(reference && { reference: await readLikelihoods(reference, rows) }),
  }
  const shapes = { x: shape, y: shape, ...(reference && { reference: shape }) }
  const table = tableFrom(fields, { name, shapes, ids: pairs.map(({ at }) => at) })
  const read = (row: number) => {
    const { prompt, chosen, rejected } = pairs[row]!.texts
    return { x: prompt, y: `${chosen}\n(not: ${rejected})` }
  }
  return wholeTable({ ...table, textOf: read }, 'train')
}

async function recordsOf(source: string | readonly PreferencePair[]): Promise<readonly DataRecord[]> {
  const records: DataRecord[] = []
  if (typeof source === 'string') for await (const record of readRecords(source)) records.push(record)
  else if (Array.isArray(source)) records.push(...(source as readonly DataRecord[]))
  if (records.length > 0) return records
  throw new InputError({
    where,
    received: typeof source === 'string' ? `no records in ${describe(source)}` : describe(source),
    expected: 'pairs, at least one',
    fix: "[{ prompt: 'Hello', chosen: 'Hi!', rejected: 'What?' }].",
  })
}

interface Row {
  x: Int32Array
  y: Int32Array
}

interface Pair {
  /** Its place in the source, which is its id. */
  at: number
  /** Of the chosen and of the rejected answer. */
  rows: [chosen: Row, rejected: Row]
  texts: { prompt: string; chosen: string; rejected: string }
}

/** Pairs as rows of tokens; what was left out or cut is said. */
async function laidOut(records: readonly DataRecord[], writing: Writing, context: number): Promise<Pair[]> {
  const pairs: Pair[] = []
  const same: number[] = []
  const cut = { pairs: 0, prompt: 0, answer: 0, answers: 0 }
  for (const [at, record] of records.entries()) {
    const pair = partsOf(record, at)
    const here = `${where}: pair ${at}`
    const sides = await Promise.all(
      (['chosen', 'rejected'] as const).map((side) => answerIds(pair.prompt, pair[side], writing, here)),
    )
    const [chosen, rejected] = sides as [Answer, Answer]
    for (const { ids, begins } of [chosen, rejected])
      if (begins === 0 || ids.length === begins)
        throw new InputError({
          where: here,
          received: begins === 0 ? 'a prompt without a token' : 'an answer without a token',
          expected: 'at least one token of each',
        })
    if (chosen.ids.length === rejected.ids.length && chosen.ids.every((id, i) => id === rejected.ids[i])) {
      same.push(at)
      continue
    }
    cut.answers += chosen.ids.length - chosen.begins + rejected.ids.length - rejected.begins
    const texts = {
      prompt: textOf(pair.prompt),
      chosen: textOf(pair.chosen),
      rejected: textOf(pair.rejected),
    }
    pairs.push({ at, rows: fitted(chosen, rejected, context, cut), texts })
  }
  if (pairs.length === 0)
    throw new InputError({
      where,
      received: `${records.length} ${records.length === 1 ? 'pair' : 'pairs'} whose answers are the same`,
      expected: 'answers that differ, in at least one pair',
    })
  if (same.length > 0)
    say(
      `${same.length} of ${records.length} pairs left out: both answers are the same (${same.slice(0, 8).join(', ')}${same.length > 8 ? ', …' : ''}).`,
    )
  if (cut.pairs > 0)
    say(
      `${cut.pairs} of ${records.length} pairs are longer than ${context} tokens: cut ${cut.prompt} from the start of prompts and ${cut.answer} of ${cut.answers} from the end of answers.`,
    )
  return pairs
}

type Answer = Awaited<ReturnType<typeof answerIds>>

/** Rows of at most `context` tokens behind prompts that are cut alike, so that both answers have the same before them. */
function fitted(
  chosen: Answer,
  rejected: Answer,
  context: number,
  cut: { pairs: number; prompt: number; answer: number },
): [Row, Row] {
  const answers = [chosen, rejected]
  const longest = Math.max(...answers.map(({ ids }) => ids.length))
  // The last token of a row is only looked forward to.
  const over = Math.max(0, longest - context - 1)
  const head = Math.min(over, chosen.begins - 1, rejected.begins - 1)
  if (over > 0) cut.pairs++
  const rows = answers.map(({ ids, begins }) => {
    const kept = ids.subarray(head, head + context + 1)
    cut.prompt += head
    cut.answer += ids.length - head - kept.length
    const y = kept.slice(1)
    y.fill(-1, 0, begins - head - 1)
    return { x: kept.slice(0, -1), y }
  })
  return rows as [Row, Row]
}

function partsOf(record: DataRecord, at: number): Required<PreferencePair> {
  const { prompt, chosen, rejected } = record as Partial<PreferencePair>
  const wrong = (received: string, fix?: string) =>
    new InputError({
      where: `${where}: pair ${at}`,
      received,
      expected: '{ prompt, chosen, rejected }: texts, or messages',
      ...(fix && { fix }),
    })
  if (typeof record !== 'object' || record === null) throw wrong(describe(record))
  for (const [part, value] of Object.entries({ chosen, rejected, ...(prompt !== undefined && { prompt }) }))
    if (typeof value !== 'string' && !Array.isArray(value)) throw wrong(`${describe(value)} as ${part}`)
  if (prompt !== undefined) return { prompt, chosen: chosen!, rejected: rejected! }
  if (typeof chosen === 'string' || typeof rejected === 'string')
    throw wrong('no prompt', 'Say what is answered: { prompt, chosen, rejected }.')
  // Two conversations: what they begin with alike is the prompt.
  const [one, other] = [asMessages(chosen!, 'assistant'), asMessages(rejected!, 'assistant')]
  const isSame = (i: number) => JSON.stringify(one[i]) === JSON.stringify(other[i])
  let begin = 0
  while (begin < one.length - 1 && begin < other.length - 1 && isSame(begin)) begin++
  if (begin === 0) throw wrong('two conversations that begin otherwise', 'Give both the same prompt.')
  return { prompt: one.slice(0, begin), chosen: one.slice(begin), rejected: other.slice(begin) }
}
