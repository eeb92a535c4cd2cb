import { checkSeed } from '../../data/random.js'
import { Digest } from '../../data/table/digest.js'
import { describe, InputError } from '../../errors.js'
import { say } from '../../say.js'
import { named } from '../../suggest.js'
import { packWhole, type PackedRow } from '../data/pack.js'
import { tokenizerRecord, type Tokenizer } from '../tokenizers/tokenizer.js'
import { ConversationDataset, learnedWithin, type Encoded } from './conversation-dataset.js'
import type { FormName } from './forms.js'
import { renderAll } from './rendered.js'
import { readSource, type Conversation, type ConversationSource, type LeftOut } from './source.js'
import { encodePieces } from './tokens.js'

export interface ConversationOptions {
  /** Tokens of one row. Required. `context: 256` */
  context: number
  /**
   * How a conversation is written, in Jinja, as the model brings it: `(await loadModel(folder)).template`. Default: ChatML,
   * `<|im_start|>user\n…<|im_end|>\n`. `template`
   */
  template?: string | undefined
  /** What else the template reads, by its name there. Default: none. `variables: { bos_token: '<s>' }` */
  variables?: { readonly [name: string]: unknown }
  /** The share of conversations to train on; with 1, none is validation. Default: 0.9. `split: 1` */
  split?: number
  /** Which conversations are validation. Default: 0. `seed: 1` */
  seed?: number
  /** What the system says in conversations that have nothing of it. Default: nothing. `system: 'You are a shop assistant.'` */
  system?: string
  /** 'whole': as many conversations in a row as fit. 'none': one a row. Default: 'whole'. `packing: 'none'` */
  packing?: 'whole' | 'none'
  /** What the data is called in messages and on charts. Default: 'conversations', or the file's name. `name: 'shop'` */
  name?: string
}

/** What became of a source. */
export interface ConversationReport {
  /** How many records each form has: 'messages', 'ShareGPT', 'Alpaca', 'prompt and completion'. */
  readonly forms: { readonly [form in FormName]?: number }
  /** What nothing can be learned of, and why. */
  readonly leftOut: readonly LeftOut[]
  /** Conversations that are longer than a row and were cut at its end, with the tokens to learn that this took. */
  readonly cut: readonly { readonly id: string | number; readonly tokens: number; readonly lost: number }[]
}

export interface Conversations {
  train: ConversationDataset
  validation: ConversationDataset
  report: ConversationReport
}

const where = 'conversations(source, tokenizer, options)'

/**
 * Conversations as examples of what the assistant says: the loss is that of its tokens alone, with the one that ends its turn. They lie whole
 * in rows, as many as fit, and none looks at another. A conversation is in one part, train or validation, also where it comes twice.
 *
 * The loss of a row is the mean of its learned tokens.
 *
 * @param source a file of JSON lines (or with one list), such a text, or a list: conversations in the form of `messages`, ShareGPT's, Alpaca's,
 *   or prompt and completion. `weight: 0` beside a message of the assistant's: it is read and not learned.
 * @returns `report` says what was detected, left out and cut; what was left out or cut is said at once too.
 * @throws InputError for records of another form, a template that writes no turn of the assistant, and where nothing is left.
 * @example
 * const talks = [[{ role: 'user', content: 'Hello!' }, { role: 'assistant', content: 'Hi.' }]]
 * const tokenizer = byteTokenizer({ special: ['<|im_start|>', '<|im_end|>'] })
 * const { train: trainSet } = conversations(talks, tokenizer, { context: 64, split: 1 })
 */
export function conversations(
  source: ConversationSource,
  tokenizer: Tokenizer,
  options: ConversationOptions,
): Conversations {
  const given = named(
    options,
    ['context', 'template', 'variables', 'split', 'seed', 'system', 'packing', 'name'],
    where,
  )
  const { context, template, split = 0.9, seed = 0, packing = 'whole' } = given
  checkArguments(tokenizer, given)
  checkSeed(seed, `${where}: seed`)
  const read = readSource(source, where)
  const name = given.name ?? read.name
  const leftOut = [...read.leftOut]
  if (read.conversations.length === 0) throw nothingLeft(leftOut, 'conversations')
  const talks = read.conversations.map((one) => withSystem(one, given.system))
  const pieces = renderAll(talks, template, { special: tokenizer.special, variables: given.variables, where })
  const cut: { id: string | number; tokens: number; lost: number }[] = []
  const kept: { encoded: Encoded; key: number }[] = []
  let toLearn = 0
  let endless = 0
  for (const [at, talk] of talks.entries()) {
    const encoded = { id: talk.id, ...encodePieces(pieces[at]!, tokenizer) }
    const all = learnedWithin(encoded)
    const within = learnedWithin(encoded, context)
    toLearn += all
    if (encoded.ids.length > context)
      cut.push({ id: talk.id, tokens: encoded.ids.length, lost: all - within })
    if (within > 0) kept.push({ encoded, key: keyOf(talk, seed) })
    else
      leftOut.push({
        id: talk.id,
        reason: all > 0 ? `whose answers all lie behind ${context} tokens` : 'with nothing to learn',
      })
    if (endsOpen(pieces[at]!, talk)) endless++
  }
  if (kept.length === 0) throw nothingLeft(leftOut, 'tokens to learn')
  tell(name, {
    leftOut,
    cut,
    context,
    toLearn,
    count: read.conversations.length + read.leftOut.length,
    endless,
  })
  const parts = divided(kept, split)
  const rowsOf = (some: readonly Encoded[]): PackedRow[] => {
    const lengths = some.map(({ ids }) => Math.min(ids.length, context))
    return packing === 'whole'
      ? packWhole(lengths, context)
      : lengths.map((length, item) => [{ item, from: 0, length, at: 0 }])
  }
  const rows = { train: rowsOf(parts.train), validation: rowsOf(parts.validation) }
  const mostLearned = (part: 'train' | 'validation') =>
    rows[part].reduce(
      (most, row) =>
        Math.max(
          most,
          row.reduce((sum, { item }) => sum + learnedWithin(parts[part][item]!, context), 0),
        ),
      0,
    )
  const both = {
    name,
    context,
    learned: Math.max(mostLearned('train'), mostLearned('validation')),
    border: rows.train.length,
    all: rows.train.length + rows.validation.length,
    decode: (ids: ArrayLike<number>) => tokenizer.decode(ids),
    encode: (text: string) => tokenizer.encode(text),
    described: () => ({ ...tokenizerRecord(tokenizer), ...(template !== undefined && { template }) }),
    special: new Set(Object.values(tokenizer.special)),
    filler: tokenizer.special['<|endoftext|>'] ?? 0,
  }
  const dataset = (part: 'train' | 'validation') =>
    new ConversationDataset({ ...both, split: part, conversations: parts[part], rows: rows[part] })
  return {
    train: dataset('train'),
    validation: dataset('validation'),
    report: { forms: read.forms, leftOut, cut },
  }
}

function checkArguments(tokenizer: Tokenizer, options: ConversationOptions): void {
  if (typeof tokenizer?.encode !== 'function')
    throw new InputError({
      where,
      received: `${describe(tokenizer)} as tokenizer`,
      expected: 'a tokenizer',
      fix: 'const { model, tokenizer, template } = await smolLM2().',
    })
  const { context, template, split = 0.9, system, packing = 'whole', name } = options
  const rows: [name: string, value: unknown, fits: boolean, expected: string][] = [
    ['context', context, Number.isInteger(context) && context >= 2, 'a whole number of tokens, at least 2'],
    ['split', split, split > 0 && split <= 1, 'the share to train on, above 0 and at most 1'],
    [
      'template',
      template,
      template === undefined || (typeof template === 'string' && template !== ''),
      'a template in Jinja, as models bring it',
    ],
    ['system', system, system === undefined || (typeof system === 'string' && system !== ''), 'a text'],
    ['packing', packing, packing === 'whole' || packing === 'none', "'whole' or 'none'"],
    ['name', name, name === undefined || typeof name === 'string', 'a text'],
  ]
  for (const [option, value, fits, expected] of rows)
    if (!fits) throw new InputError({ where: `${where}: ${option}`, received: describe(value), expected })
}

function withSystem(talk: Conversation, system: string | undefined): Conversation {
  if (system === undefined || talk.turns.some(({ role }) => role === 'system')) return talk
  return { ...talk, turns: [{ role: 'system', content: system }, ...talk.turns] }
}

/** By what is said and the seed: where a conversation comes twice, both are on one side. */
function keyOf({ turns }: Conversation, seed: number): number {
  const digest = new Digest()
  for (const { role, content } of turns) digest.text(role).text(content)
  return parseInt(digest.numbers([seed]).end().slice(0, 12), 16)
}

/** The share to train on, those of one key together; at least one conversation on each side where there are several. */
function divided(
  kept: readonly { encoded: Encoded; key: number }[],
  split: number,
): { train: Encoded[]; validation: Encoded[] } {
  const keys = [...new Set(kept.map(({ key }) => key))].toSorted((a, b) => a - b)
  const share = Math.floor(keys.length * split + 1e-9)
  const most = split === 1 ? keys.length : Math.max(1, keys.length - 1)
  const border = keys[Math.min(most, Math.max(1, share))] ?? Infinity
  const side = (isTrain: boolean) =>
    kept.filter(({ key }) => key < border === isTrain).map(({ encoded }) => encoded)
  return { train: side(true), validation: side(false) }
}

/** Whether the assistant's last piece ends where the text of its turn does: nothing says that it is over. */
function endsOpen(pieces: readonly { text: string; turn?: number }[], { turns }: Conversation): boolean {
  const last = pieces.findLast(({ turn }) => turn !== undefined)
  return last?.turn !== undefined && turns[last.turn]!.content.endsWith(last.text)
}

function nothingLeft(leftOut: readonly LeftOut[], what: string): InputError {
  return new InputError({
    where,
    received: leftOut.length === 0 ? 'no conversations' : `no ${what} that can be used: ${reasons(leftOut)}`,
    expected: 'at least one conversation in which the assistant answers',
  })
}

/** '3 with a turn without text (first: 7)' */
function reasons(leftOut: readonly LeftOut[]): string {
  const byReason = new Map<string, LeftOut[]>()
  for (const one of leftOut) byReason.set(one.reason, [...(byReason.get(one.reason) ?? []), one])
  return [...byReason]
    .map(([reason, some]) => `${some.length} ${reason} (first: ${JSON.stringify(some[0]!.id)})`)
    .join(', ')
}

function tell(
  name: string,
  about: {
    leftOut: readonly LeftOut[]
    cut: readonly { id: string | number; tokens: number; lost: number }[]
    context: number
    toLearn: number
    count: number
    endless: number
  },
): void {
  const { leftOut, cut, context, toLearn, count, endless } = about
  if (leftOut.length > 0)
    say(`${name}: ${leftOut.length} of ${count} conversations are left out: ${reasons(leftOut)}.`)
  if (cut.length > 0) {
    const lost = cut.reduce((sum, one) => sum + one.lost, 0)
    const longest = cut.reduce((most, one) => (one.tokens > most.tokens ? one : most))
    say(
      `${name}: ${cut.length} of ${count} conversations are longer than ${context} tokens and are cut at their end: ${lost} of ${toLearn} tokens to learn are lost (${((100 * lost) / toLearn).toFixed(1)} %). The longest is ${JSON.stringify(longest.id)}: context: ${longest.tokens} would hold it.`,
    )
  }
  if (endless > 0)
    say(
      `${name}: the template writes nothing behind an answer (${endless} of ${count} conversations): the model will not learn to end one.`,
    )
}
