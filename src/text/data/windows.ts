import { checkSeed } from '../../data/random.js'
import { Digest } from '../../data/table/digest.js'
import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import { digestOfTokenizer } from '../tokenizers/digest.js'
import { checkText, tokenizerRecord, type Tokenizer } from '../tokenizers/tokenizer.js'
import { DocumentSplit, type Part } from './document-split.js'
import { memoryStore } from './memory-store.js'
import { memoryStream, partOf, type TokenStore, type TokenStream } from './token-store.js'
import { windowRows, type RowLayout } from './row-layout.js'
import { WholeRows } from './whole-rows.js'
import { WindowDataset } from './window-dataset.js'

export interface WindowsOptions {
  /** Tokens of one example. Required. `context: 64` */
  context: number
  /**
   * The share that is trained on; the rest is validation: of one text from its start, of documents as many of them. Default: 0.9.
   * `split: 0.95`
   */
  split?: number
  /** Tokens from the start of one window to train on to that of the next. Default: 1, every window. `step: 64` */
  step?: number
  /**
   * 'plain': tokens as they come, over the borders of documents too. 'apart': nothing crosses a border, neither attention nor
   * loss, and positions begin anew with each document: examples have the field `begins` for that. 'whole': apart, and no document is
   * cut but those longer than the context: as many whole ones in a row as fit, what is left of it filled up. Default: 'plain'.
   * `packing: 'apart'`
   */
  packing?: Packing
  /** Which documents are validation. Default: 0. `seed: 1` */
  seed?: number
  /** What the data is called in messages and on charts. Default: 'text', or the corpus's name. `name: 'shakespeare'` */
  name?: string
}

export type Packing = 'plain' | 'apart' | 'whole'

/** Windows of a text: x and y int32 [context], y the token behind each of x. */
export interface Windows {
  /** Every window of its part, one for each place that one can begin at (or each `step`th of them); of whole documents every row. */
  train: WindowDataset
  /** The windows of the rest that do not overlap, all of them. */
  validation: WindowDataset
}

const where = 'windows(text, tokenizer, options)'

/**
 * A text as examples of "what comes next": a part of it to train on, in every window that it has (a run draws them in seeded
 * random order), the rest to evaluate on, in windows that do not overlap. No token is in both.
 *
 * One text is cut at a place; of several, and of tokens on disk (`shards`), each document is on one side, chosen by its own
 * digest and `seed`, with the tokenizer's '<|endoftext|>' behind it where it has one.
 *
 * @param text a text, documents, or what `shards` made.
 * @throws InputError where a part has not one whole window, or for tokens of another tokenizer.
 * @example
 * const text = 'to be or not to be that is the question '.repeat(20), tokenizer = charTokenizer(text)
 * const { train: trainSet, validation } = windows(text, tokenizer, { context: 16, split: 0.9 })
 */
export function windows(
  text: string | readonly string[] | TokenStore,
  tokenizer: Tokenizer,
  options: WindowsOptions,
): Windows {
  const known = ['context', 'split', 'step', 'packing', 'seed', 'name']
  const given = named(options, known, where)
  if (typeof tokenizer?.encode !== 'function')
    throw new InputError({
      where,
      received: `${describe(tokenizer)} as tokenizer`,
      expected: 'a tokenizer',
      fix: 'windows(text, charTokenizer(text), { context: 64 }).',
    })
  const { context, split = 0.9, packing = 'plain', seed = 0 } = given
  const { step = 1 } = given
  for (const [name, value] of Object.entries({ context, step }))
    if (!Number.isInteger(value) || value < 1)
      throw new InputError({
        where: `${where}: ${name}`,
        received: describe(value),
        expected: 'a whole number of tokens, at least 1',
      })
  if (!(split > 0 && split < 1))
    throw new InputError({
      where: `${where}: split`,
      received: describe(split),
      expected: 'the share to train on, between 0 and 1',
    })
  if (!packings.includes(packing))
    throw new InputError({
      where: `${where}: packing`,
      received: describe(packing),
      expected: packings.map((one) => `'${one}'`).join(' or '),
    })
  if (packing === 'whole' && given.step !== undefined)
    throw new InputError({
      where: `${where}: step`,
      received: `${describe(step)} with packing: 'whole'`,
      expected: 'none: each document is in one row',
    })
  checkSeed(seed, `${where}: seed`)
  const { name, train, validation, digest, whole } = partsOf(text, tokenizer, split, seed, given.name)
  const streams = { train, validation }
  const isWhole = packing === 'whole'
  if (isWhole && !whole)
    throw new InputError({
      where: `${where}: packing`,
      received: "'whole' for a single text",
      expected: "several documents: an array of texts, or tokens of them; 'plain' for a text",
    })
  const rowsOf = (part: Part): RowLayout =>
    isWhole ? whole!(part, context) : windowRows(streams[part], context, part === 'train' ? step : context)
  const rows = { train: rowsOf('train'), validation: rowsOf('validation') }
  for (const part of ['train', 'validation'] as const)
    if (rows[part].length === 0) throw tooShort(part, streams[part].length, isWhole ? 1 : context, text)
  const border = rows.train.length
  const all = border + rows.validation.length
  if (all > mostWindows)
    throw new InputError({
      where,
      received: `${all.toLocaleString('en')} windows`,
      expected: `at most ${mostWindows.toLocaleString('en')}`,
      fix: `Let them overlap less: { step: ${Math.min(context, Math.ceil(all / mostWindows) + 1)} }.`,
    })
  const decode = (ids: ArrayLike<number>) => tokenizer.decode(ids)
  const datasetOf = (part: Part) =>
    new WindowDataset({
      name,
      context,
      decode,
      described: () => tokenizerRecord(tokenizer),
      border,
      split: part,
      tokens: streams[part],
      rows: rows[part],
      apart: packing !== 'plain',
      made: isWhole ? 'whole' : `${part === 'train' ? step : context}${packing === 'apart' ? ' apart' : ''}`,
      digest: () => digest(part),
    })
  return { train: datasetOf('train'), validation: datasetOf('validation') }
}

const packings: readonly Packing[] = ['plain', 'apart', 'whole']

/** Ids are whole numbers of 32 bits in what is written of a run. */
const mostWindows = 2 ** 31 - 1

interface Parts {
  name: string
  train: TokenStream
  validation: TokenStream
  digest(part: Part): string
  /** Documents whole in rows, where there are several. */
  whole?(part: Part, context: number): RowLayout
}

function partsOf(
  text: unknown,
  tokenizer: Tokenizer,
  split: number,
  seed: number,
  name: string | undefined,
): Parts {
  if (Array.isArray(text)) {
    for (const document of text) checkText(document, `${where}: a document`)
    text = memoryStore(name ?? 'documents', text as string[], tokenizer, tokenizer.special['<|endoftext|>'])
  }
  if (isStore(text)) return storeParts(text, tokenizer, split, seed, name ?? text.name)
  checkText(text, where)
  const at = borderOf(text, split)
  const train = tokenizer.encode(text.slice(0, at))
  const validation = tokenizer.encode(text.slice(at))
  const tokens = { train, validation }
  return {
    name: name ?? 'text',
    train: memoryStream(train),
    validation: memoryStream(validation),
    digest: (part) => new Digest().numbers(tokens[part]).end(),
  }
}

const isStore = (thing: unknown): thing is TokenStore =>
  typeof (thing as TokenStore | null)?.read === 'function' &&
  typeof (thing as TokenStore).records === 'function'

function storeParts(
  store: TokenStore,
  tokenizer: Tokenizer,
  split: number,
  seed: number,
  name: string,
): Parts {
  const { tokenizerDigest } = store
  if (tokenizerDigest !== undefined && tokenizerDigest !== digestOfTokenizer(tokenizer))
    throw new InputError({
      where,
      received: `a tokenizer of ${tokenizer.size} tokens, which is not the one that ${store.name} was made with`,
      expected: 'the same',
      fix: 'windows(tokens, await tokens.tokenizer(), { context: 64 }).',
    })
  const digest = (part: string) => `${store.digest()} ${part} ${split} ${seed}`
  if (store.documents === 1) {
    // There is nothing to be chosen among: it is cut.
    const at = Math.floor(store.tokens * split)
    return { name, train: partOf(store, 0, at), validation: partOf(store, at, store.tokens), digest }
  }
  const documents = new DocumentSplit(store, split, seed)
  return {
    name,
    train: documents.stream('train'),
    validation: documents.stream('validation'),
    digest,
    whole: (part, context) => new WholeRows(store, documents, part, context),
  }
}

function tooShort(part: string, tokens: number, context: number, text: unknown): InputError {
  const documents =
    typeof text === 'string' ? undefined : ((text as TokenStore).documents ?? (text as string[]).length)
  return new InputError({
    where,
    received: `${tokens} tokens in the part for ${part === 'train' ? 'training' : 'validation'}${documents === undefined ? '' : `, of ${documents} documents in all`}`,
    expected: `at least ${context + 1}: a window of ${context} and the token behind it`,
    fix:
      documents === undefined
        ? 'Give a longer text, a smaller context, or another split.'
        : 'Give more documents, a smaller context, another split, or another seed: each document is on one side.',
  })
}

/** Where the text is cut: never within a character. */
function borderOf(text: string, share: number): number {
  const at = Math.floor(text.length * share)
  const code = text.charCodeAt(at)
  return code >= 0xdc00 && code <= 0xdfff ? at + 1 : at
}
