import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Digest } from '../../data/table/digest.js'
import { describe, InputError, type Problem } from '../../errors.js'
import { maybeHost } from '../../host.js'
import { say } from '../../say.js'
import { whileWaiting } from '../../settle.js'
import { maybeFiles } from '../../store/files.js'
import { acquire, Lock } from '../../store/lock.js'
import { named } from '../../suggest.js'
import { writeWhole } from '../../whole-file.js'
import { isCorpus, type Corpus, type TextDocument } from '../corpora/corpus.js'
import { digestOfTokenizer } from '../tokenizers/digest.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'
import { checkIndex, format, indexFile, type Counted, type ShardIndex } from './layout.js'
import { openShards, type Shards } from './open.js'
import type { Answer, Task } from './shard-worker.js'
import { maybeMissing, MissingFile, noDigest } from './writer.js'

export interface ShardsOptions {
  /** Where they are kept. Default: a folder in `.gradbook/shards/`, by corpus and tokenizer. `folder: 'tokens/poems'` */
  folder?: string
  /**
   * The special token behind each document; `null` for none. Default: '<|endoftext|>' where the tokenizer has it, else none.
   * `endOfText: '<|end|>'`
   */
  endOfText?: string | null
  /** Tokens of one file. Default: 67,108,864 (128 MB at 16 bits). `perShard: 10_000_000` */
  perShard?: number
  /** Whether what is kept in `folder` of another text or tokenizer may go. Default: false. `overwrite: true` */
  overwrite?: boolean
  /** Is told now and then how far it is. `onProgress: ({ tokens }) => console.log(tokens)` */
  onProgress?: (progress: { documents: number; tokens: number; textBytes: number }) => void
}

/** Characters of documents that are handed to the thread at once, and how many such are on their way. */
const batch = 1 << 20
const mostUnderWay = 3

/**
 * The tokens of a corpus, made once and kept on disk: the next call opens what is there. They are made in a thread, so that
 * the cell shows how far it is and can be stopped; a call after that, or after the process was killed, goes on where it was.
 * Other processes that ask for the same wait for the one that makes them.
 *
 * @returns once all is there. Documents without text are left out, and named.
 * @throws InputError for a folder that has tokens of another text or tokenizer, unless `overwrite` is true.
 * @example const tokens = await shards(corpus(['to be', 'or not']), byteTokenizer(), { folder: 'tokens/hamlet' })
 */
export async function shards(
  corpus: Corpus,
  tokenizer: Tokenizer,
  options: ShardsOptions = {},
): Promise<Shards> {
  const where = 'shards(corpus, tokenizer, options)'
  const known = ['folder', 'endOfText', 'perShard', 'overwrite', 'onProgress']
  const { perShard = 1 << 26, overwrite = false, ...given } = named(options, known, where)
  if (!isCorpus(corpus))
    throw new InputError({
      where,
      received: describe(corpus),
      expected: 'a corpus',
      fix: "shards(corpus('texts/*.txt'), tokenizer).",
    })
  if (typeof tokenizer?.encode !== 'function')
    throw new InputError({
      where,
      received: `${describe(tokenizer)} as tokenizer`,
      expected: 'a tokenizer',
      fix: 'shards(corpus, byteTokenizer()).',
    })
  if (!Number.isInteger(perShard) || perShard < 1 || perShard > 2 ** 29)
    throw new InputError({
      where: `${where}: perShard`,
      received: describe(perShard),
      expected: 'a whole number of tokens, at most 536,870,912',
    })
  const wanted = newIndex(corpus, tokenizer, endOf(tokenizer, given.endOfText, where), perShard)
  const folder = given.folder ?? defaultFolder(corpus.name, wanted)
  mkdirSync(folder, { recursive: true })
  const lock = await lockOf(folder)
  const thread: { end?: () => Promise<unknown> } = {}
  // What waits for a thread may wait for good: then it goes, and the folder is free once it writes no more.
  const release = async () => {
    await thread.end?.()
    lock.release()
  }
  const settled = whileWaiting(() => void release())
  try {
    const work = { corpus, tokenizer, folder, lock, thread, onProgress: given.onProgress }
    const index = await make(work, wanted, given.folder === undefined || overwrite, where)
    if (index) tell(corpus.name, index)
    return openShards(folder)
  } finally {
    settled()
    await release()
  }
}

interface Work {
  corpus: Corpus
  tokenizer: Tokenizer
  folder: string
  lock: Lock
  thread: { end?: () => Promise<unknown> }
  onProgress: ShardsOptions['onProgress']
}

/** Makes what is missing; undefined where nothing is. */
async function make(
  work: Work,
  wanted: ShardIndex,
  mayReplace: boolean,
  where: string,
): Promise<ShardIndex | undefined> {
  const { folder, corpus } = work
  const found = maybeIndex(folder)
  const isSame = found && sameKind(found, wanted)
  if (found && !isSame && !mayReplace) throw otherTokens(folder, found, wanted, where)
  const isUnchanged = found?.fingerprint != null && found.fingerprint === wanted.fingerprint
  if (isSame && found.complete && isUnchanged && !maybeMissing(folder, found)) return undefined
  if (isSame)
    try {
      // What is written down is compared with the text, and gone on from.
      return await write(work, { ...found, complete: false, fingerprint: wanted.fingerprint })
    } catch (error) {
      const missing = error instanceof MissingFile
      if (error !== changed && !missing) throw error
      if (!missing && !mayReplace) throw changedText(folder, corpus.name, where)
      say(
        `${folder}: ${missing ? error.message : 'the text is not the one that these tokens were made of.'} They are made anew.`,
      )
    }
  return write(work, wanted)
}

const changed = Symbol('changed')

function write(work: Work, index: ShardIndex): Promise<ShardIndex> {
  const { corpus, tokenizer, folder, lock, onProgress } = work
  writeWhole(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer.toJSON()))
  return new Promise<ShardIndex>((resolve, reject) => {
    const worker = new Worker(new URL('shard-worker.js', import.meta.url), { execArgv: [] })
    const signal = maybeHost()?.interrupt
    const line = new ProgressLine(corpus.name)
    let ended: Promise<unknown> | undefined
    const end = () => {
      signal?.removeEventListener('abort', stop)
      return (ended ??= worker.terminate())
    }
    work.thread.end = end
    const fail = (error: unknown) => void end().then(() => reject(error as Error))
    const stop = () => fail(signal!.reason)
    signal?.addEventListener('abort', stop)
    const underWay = new Slots(mostUnderWay)
    worker.on('error', fail)
    worker.on('message', (answer: Answer) => {
      if ('changed' in answer) return fail(changed)
      if ('missing' in answer) return fail(new MissingFile(answer.missing))
      if ('otherTokenizer' in answer) return fail(notItself())
      if ('failed' in answer) return fail(errorFrom(answer.failed))
      underWay.free()
      if (answer.done) {
        line.end()
        return void end().then(() => resolve(answer.done!))
      }
      onProgress?.(answer.index)
      line.show(answer.index)
      if (!lock.holds(1000)) fail(tookOver(folder))
    })
    const send = async (task: Task) => {
      await underWay.take()
      if (!ended) worker.postMessage(task)
    }
    sendAll(corpus, tokenizer, folder, index, send).catch(fail)
  })
}

async function sendAll(
  corpus: Corpus,
  tokenizer: Tokenizer,
  folder: string,
  index: ShardIndex,
  send: (task: Task) => Promise<void>,
): Promise<void> {
  let documents: TextDocument[] = []
  let characters = 0
  let begun = false
  for await (const document of corpus) {
    if (!begun) {
      begun = true
      const text = document.text.slice(0, 200)
      const sample = { text, ids: tokenizer.encode(text) }
      await send({ folder, tokenizer: tokenizer.toJSON(), index, sample })
    }
    documents.push(document)
    characters += document.text.length + 100
    if (characters < batch) continue
    await send({ documents })
    documents = []
    characters = 0
  }
  if (!begun) throw noText(corpus.name)
  await send({ documents })
  await send({ end: true })
}

/** So many may be under way; who comes then waits. */
class Slots {
  #left: number
  #waiting: (() => void) | undefined
  constructor(count: number) {
    this.#left = count
  }

  async take(): Promise<void> {
    while (this.#left === 0) await new Promise<void>((resolve) => (this.#waiting = resolve))
    this.#left--
  }

  free(): void {
    this.#left++
    this.#waiting?.()
  }
}

/** One line that says how far it is, once it takes longer than a moment. */
class ProgressLine {
  readonly #name: string
  readonly #from = performance.now()
  #shown: { update(value: unknown, options?: { raw?: boolean }): void } | undefined
  #at = 0
  constructor(name: string) {
    this.#name = name
  }

  show({ tokens, documents }: { tokens: number; documents: number }): void {
    const now = performance.now()
    if (now - this.#from < 1000 || now - this.#at < 500) return
    this.#at = now
    this.#draw(
      `${this.#name}: ${tokens.toLocaleString('en')} tokens of ${documents.toLocaleString('en')} ${documents === 1 ? 'document' : 'documents'}`,
      true,
    )
  }

  #draw(text: string, live: boolean): void {
    // A terminal draws what is live in place; to a notebook it is text.
    const bundle = Object.defineProperty({ 'text/plain': text }, 'live', { value: live })
    if (this.#shown) this.#shown.update(bundle, { raw: true })
    else this.#shown = maybeHost()?.display(bundle, { raw: true })
  }

  end(): void {
    if (this.#shown)
      this.#draw(`${this.#name}: done in ${((performance.now() - this.#from) / 1000).toFixed(0)} s`, false)
  }
}

/** Waits for another process, or another call of this one, that makes tokens there. */
async function lockOf(folder: string): Promise<Lock> {
  const files = maybeFiles()!
  const signal = maybeHost()?.interrupt
  let told = false
  for (;;) {
    const got = acquire(files, folder)
    if (got instanceof Lock) return got
    if (!told && got.holder && got.holder.pid !== process.pid)
      say(`${folder}: process ${got.holder.pid} makes these tokens; this one waits for them.`)
    told = true
    await new Promise((resolve) => setTimeout(resolve, 200))
    signal?.throwIfAborted()
  }
}

function newIndex(corpus: Corpus, tokenizer: Tokenizer, end: number | null, perShard: number): ShardIndex {
  const vocabulary = tokenizer.size
  return {
    format,
    name: corpus.name,
    made: randomBytes(6).toString('hex'),
    tokenizer: digestOfTokenizer(tokenizer),
    vocabulary,
    bytes: vocabulary <= 2 ** 16 ? 2 : 4,
    end,
    perShard,
    tokens: 0,
    documents: 0,
    textBytes: 0,
    sources: 0,
    sourceBytes: 0,
    checksums: [],
    documentsChecksum: 0,
    open: null,
    digest: noDigest,
    empty: { count: 0, names: [] },
    halves: { count: 0, names: [] },
    fingerprint: corpus.fingerprint() ?? null,
    complete: false,
  }
}

function endOf(tokenizer: Tokenizer, given: string | null | undefined, where: string): number | null {
  if (given === null) return null
  const found = tokenizer.special[given ?? '<|endoftext|>']
  if (found === undefined && given !== undefined)
    throw new InputError({
      where: `${where}: endOfText`,
      received: describe(given),
      expected: `a special token of the tokenizer${Object.keys(tokenizer.special).length > 0 ? `: ${describe(Object.keys(tokenizer.special))}` : ', which has none'}`,
      fix: "E.g. byteTokenizer({ special: ['<|endoftext|>'] }), or endOfText: null.",
    })
  return found ?? null
}

/** What stays the same, however the text goes on. */
const sameKind = (a: ShardIndex, b: ShardIndex): boolean =>
  (['tokenizer', 'vocabulary', 'bytes', 'end', 'perShard'] as const).every((name) => a[name] === b[name])

/** What is written down in a folder; undefined where nothing is, or nothing that can be read. */
function maybeIndex(folder: string): ShardIndex | undefined {
  const file = join(folder, indexFile)
  if (!existsSync(file)) return undefined
  try {
    return checkIndex(JSON.parse(readFileSync(file, 'utf8')), file)
  } catch (error) {
    say(`${file} cannot be read (${(error as Error).message}). The tokens are made anew.`)
    return undefined
  }
}

function defaultFolder(name: string, { tokenizer, end, perShard }: ShardIndex): string {
  const plain = name
    .replace(/[^\p{L}\p{N}.]+/gu, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(-40)
  const digest = new Digest().text(JSON.stringify([name, tokenizer, end, perShard])).end()
  return join('.gradbook', 'shards', `${plain || 'corpus'}-${digest.slice(0, 8)}`)
}

const list = ({ count, names }: Counted): string =>
  `${names.join(', ')}${count > names.length ? `, … (${count})` : ''}`

function tell(name: string, { empty, halves, documents }: ShardIndex): void {
  if (documents === 0) throw noText(name)
  if (empty.count > 0)
    say(
      `${name}: ${empty.count} ${empty.count === 1 ? 'document has' : 'documents have'} no text and ${empty.count === 1 ? 'is' : 'are'} left out: ${list(empty)}.`,
    )
  if (halves.count > 0)
    say(
      `${name}: ${halves.count} ${halves.count === 1 ? 'document has' : 'documents have'} halves of characters (lone surrogates), which no byte stands for; each is U+FFFD now: ${list(halves)}.`,
    )
}

const noText = (name: string): InputError =>
  new InputError({
    where: name,
    received: 'no document with text',
    expected: 'at least one to make tokens of',
  })

const notItself = (): InputError =>
  new InputError({
    where: 'shards(corpus, tokenizer)',
    received: 'a tokenizer whose toJSON() gives one with other ids',
    expected: 'one that a thread can open from its toJSON()',
    fix: 'Tokenizers of gradbook/text are such.',
  })

const tookOver = (folder: string): InputError =>
  new InputError({
    where: folder,
    received: 'a folder that another process took over, since this one was silent for long',
    expected: 'to be the only one that writes there',
    fix: 'Call shards again: it goes on from what is there.',
  })

/** A problem that came over from the thread. */
function errorFrom(given: unknown): unknown {
  const { received, expected } = (given ?? {}) as Partial<Problem>
  return received !== undefined && expected !== undefined ? new InputError(given as Problem) : given
}

function otherTokens(folder: string, found: ShardIndex, wanted: ShardIndex, where: string): InputError {
  const what = found.tokenizer !== wanted.tokenizer ? 'another tokenizer' : 'other options'
  return new InputError({
    where,
    received: `the folder ${describe(folder)}, with ${found.tokens.toLocaleString('en')} tokens of ${what}`,
    expected: 'an empty folder, or one with tokens of this tokenizer and these options',
    fix: 'Name another folder, or let it go: { overwrite: true }.',
  })
}

const changedText = (folder: string, name: string, where: string): InputError =>
  new InputError({
    where,
    received: `the folder ${describe(folder)}, whose tokens were made of another text than ${name} is now`,
    expected: 'the same text, or more of it behind the last document',
    fix: 'Name another folder, or let it go: { overwrite: true }.',
  })
