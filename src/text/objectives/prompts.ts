import type { Dataset } from '../../data/dataset.js'
import { tableFrom } from '../../data/from.js'
import { readRecords } from '../../data/load.js'
import { wholeTable } from '../../data/table/table.js'
import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'
import { promptIds, textOf, type Messages } from './answers.js'

/** What is to be answered, and whatever a reward needs to know beside it. */
export interface PromptRecord {
  prompt: string | Messages
  [more: string]: unknown
}

export interface PromptsOptions {
  /** The template of a model of conversations, in Jinja. Default: none, prompts are texts as they are. `template` */
  template?: string
  /** How the data is called. Default: 'prompts'. `name: 'sums'` */
  name?: string
}

const where = 'prompts(records, tokenizer, options)'

/**
 * Prompts as a dataset, for `grpo`. x int32 [T] are the tokens, `length` int32 [] how many of them, `record` the record as JSON: a
 * reward gets it as it was.
 *
 * @param source records with a `prompt`, a text or messages, or a file of them (JSON lines, CSV, Parquet).
 * @throws InputError for a record without a prompt, and for messages without a template.
 * @example const sums = await prompts([{ prompt: '1+2=', answer: 3 }, { prompt: '4+4=', answer: 8 }], charTokenizer('0123456789+=\n'))
 */
export async function prompts(
  source: string | readonly PromptRecord[],
  tokenizer: Tokenizer,
  options: PromptsOptions = {},
): Promise<Dataset<'length' | 'record'>> {
  const { template, name = 'prompts' } = named(options, ['template', 'name'], where)
  if (typeof tokenizer?.encode !== 'function')
    throw new InputError({ where, received: `${describe(tokenizer)} as tokenizer`, expected: 'a tokenizer' })
  const records: PromptRecord[] = []
  if (typeof source === 'string')
    for await (const record of readRecords(source)) records.push(record as PromptRecord)
  else if (Array.isArray(source)) records.push(...(source as readonly PromptRecord[]))
  if (records.length === 0)
    throw new InputError({
      where,
      received: typeof source === 'string' ? `no records in ${describe(source)}` : describe(source),
      expected: 'records, at least one',
      fix: "[{ prompt: '1+2=', answer: 3 }].",
    })
  const rows: Int32Array[] = []
  for (const [at, record] of records.entries()) {
    const prompt = record?.prompt as unknown
    if (typeof prompt !== 'string' && !Array.isArray(prompt))
      throw new InputError({
        where: `${where}: record ${at}`,
        received: `${describe(prompt)} as prompt`,
        expected: 'a text, or messages',
      })
    const writing = { tokenizer, template, end: undefined }
    const ids = await promptIds(prompt as string | Messages, writing, `${where}: record ${at}`)
    if (ids.length === 0)
      throw new InputError({
        where: `${where}: record ${at}`,
        received: 'a prompt without a token',
        expected: 'at least one to go on from',
      })
    rows.push(ids)
  }
  const length = Math.max(...rows.map((ids) => ids.length))
  const x = new Int32Array(rows.length * length)
  for (const [row, ids] of rows.entries()) x.set(ids, row * length)
  const table = tableFrom(
    {
      x,
      length: Int32Array.from(rows, (ids) => ids.length),
      record: records.map((record, at) => asJson(record, at)),
    } as { x: Int32Array },
    { name, shapes: { x: [length] } },
  )
  return wholeTable(
    { ...table, textOf: (row) => ({ x: textOf(records[row]!.prompt), y: '' }) },
    'train',
  ) as Dataset<'length' | 'record'>
}

/** Records are data: they come with each batch, and to the reward as copies. */
function asJson(record: PromptRecord, at: number): string {
  try {
    return JSON.stringify(record)
  } catch (error) {
    throw new InputError(
      { where: `${where}: record ${at}`, received: (error as Error).message, expected: 'plain data' },
      { cause: error },
    )
  }
}
