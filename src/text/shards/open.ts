import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, InputError } from '../../errors.js'
import { crc32 } from '../../checksum.js'
import type { DocumentRecords, TokenStore } from '../data/token-store.js'
import { loadTokenizer } from '../tokenizers/open.js'
import { checkText, type Tokenizer } from '../tokenizers/tokenizer.js'
import {
  checkIndex,
  documentsFile,
  indexFile,
  recordBytes,
  sourcesFile,
  tokensFile,
  type ShardIndex,
} from './layout.js'

/** Files that are held open at once. */
const mostOpen = 32
/** Bytes of an index that is no index. */
const largest = 1 << 26

/** Tokens of a corpus on disk. What is read is in memory only as long as it is used. */
export interface Shards extends TokenStore {
  readonly folder: string
  readonly name: string
  /** Tokens in all. */
  readonly tokens: number
  readonly documents: number
  /** UTF-8 bytes of the text that they stand for: `textBytes / tokens` is the compression. */
  readonly textBytes: number
  /** How many ids there are: the `vocabulary` of a model. */
  readonly vocabulary: number
  /** The token behind each document, where there is one. */
  readonly end: number | null
  /** The tokenizer that they were made with. */
  tokenizer(): Promise<Tokenizer>
  /** What document `n` came from, and its tokens. */
  document(n: number): { source: string; tokens: Int32Array }
  /** Reads everything and compares it with its checksums. @throws InputError that names the file that is damaged. */
  verify(): Promise<void>
}

/**
 * Opens tokens that `shards` made.
 *
 * @throws InputError for a folder that has none, or not all of them, or whose files do not fit their index.
 * @example const tokens = openShards('tokens/hamlet')
 */
export function openShards(folder: string): Shards {
  checkText(folder, 'openShards(folder)')
  const where = `openShards('${folder}')`
  const file = join(folder, indexFile)
  const found = statSync(file, { throwIfNoEntry: false })
  if (!found?.isFile() || found.size > largest)
    throw new InputError({
      where,
      received: found
        ? `${file}, which is ${found.isFile() ? `${found.size} bytes long` : 'no file'}`
        : `no ${file}`,
      expected: 'a folder that shards(corpus, tokenizer, { folder }) made',
    })
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file)))
  } catch (error) {
    throw new InputError(
      { where: file, received: (error as Error).message, expected: 'JSON' },
      { cause: error },
    )
  }
  const index = checkIndex(json, file)
  if (!index.complete)
    throw new InputError({
      where,
      received: `${index.tokens.toLocaleString('en')} tokens of a corpus that were not made to their end`,
      expected: 'all of them',
      fix: 'Call shards(corpus, tokenizer, { folder }) once more: it goes on from there.',
    })
  return new ShardFolder(folder, index)
}

class ShardFolder implements Shards {
  readonly folder: string
  readonly name: string
  readonly tokens: number
  readonly documents: number
  readonly textBytes: number
  readonly vocabulary: number
  readonly end: number | null
  readonly #index: ShardIndex
  /** Oldest first: a Map keeps the order in which its keys came. */
  readonly #open = new Map<string, number>()
  #sources: string[] | undefined

  constructor(folder: string, index: ShardIndex) {
    this.folder = folder
    this.#index = index
    this.name = index.name
    this.tokens = index.tokens
    this.documents = index.documents
    this.textBytes = index.textBytes
    this.vocabulary = index.vocabulary
    this.end = index.end
    registry.register(this, this.#open)
    this.#checkSize(documentsFile(index.made), index.documents * recordBytes)
    for (let shard = 0; shard < index.checksums.length; shard++)
      this.#checkSize(tokensFile(index.made, shard), this.#tokensOf(shard) * index.bytes)
  }

  #tokensOf(shard: number): number {
    const { tokens, perShard } = this.#index
    return Math.min(perShard, tokens - shard * perShard)
  }

  #checkSize(file: string, expected: number): void {
    const path = join(this.folder, file)
    const size = statSync(path, { throwIfNoEntry: false })?.size
    if (size !== expected)
      throw damaged(path, size === undefined ? 'no such file' : `${size} bytes`, `${expected} bytes`)
  }

  digest(): string {
    return `${this.#index.digest}-${this.#index.tokenizer}`
  }

  get tokenizerDigest(): string {
    return this.#index.tokenizer
  }

  tokenizer(): Promise<Tokenizer> {
    return loadTokenizer(this.folder)
  }

  read(from: number, into: Int32Array): void {
    const { perShard, bytes, made, vocabulary, tokens } = this.#index
    if (!(from >= 0 && from + into.length <= tokens))
      throw damaged(
        this.folder,
        `the tokens ${from} to ${from + into.length - 1}`,
        `tokens from 0 to ${tokens - 1}`,
      )
    for (let done = 0; done < into.length;) {
      const shard = Math.floor((from + done) / perShard)
      const at = from + done - shard * perShard
      const count = Math.min(into.length - done, perShard - at)
      const raw = this.#bytes(tokensFile(made, shard), at * bytes, count * bytes)
      for (let i = 0; i < count; i++) {
        const id = bytes === 2 ? raw[2 * i]! | (raw[2 * i + 1]! << 8) : raw.readUInt32LE(4 * i)
        if (id >= vocabulary)
          throw damaged(
            join(this.folder, tokensFile(made, shard)),
            `the id ${id} at token ${at + i}`,
            `ids below ${vocabulary}`,
          )
        into[done + i] = id
      }
      done += count
    }
  }

  records(from: number, count: number): DocumentRecords {
    const { made, sources } = this.#index
    const raw = this.#bytes(documentsFile(made), from * recordBytes, count * recordBytes)
    const tokens = new Float64Array(count)
    const digests = new Uint32Array(2 * count)
    const from_ = new Uint32Array(count)
    for (let i = 0; i < count; i++) {
      tokens[i] = raw.readUInt32LE(i * recordBytes)
      from_[i] = raw.readUInt32LE(i * recordBytes + 4)
      digests[2 * i] = raw.readUInt32LE(i * recordBytes + 8)
      digests[2 * i + 1] = raw.readUInt32LE(i * recordBytes + 12)
      if (tokens[i] === 0 || from_[i]! >= sources)
        throw damaged(
          join(this.folder, documentsFile(made)),
          tokens[i] === 0
            ? `no tokens in document ${from + i}`
            : `the source ${from_[i]} of document ${from + i}`,
          tokens[i] === 0 ? 'at least one' : `one of ${sources}`,
        )
    }
    return { tokens, digests, sources: from_ }
  }

  source(n: number): string {
    if (!this.#sources) {
      const { made, sources, sourceBytes } = this.#index
      const path = join(this.folder, sourcesFile(made))
      this.#checkSize(sourcesFile(made), sourceBytes)
      try {
        this.#sources = readFileSync(path, 'utf8')
          .trimEnd()
          .split('\n')
          .map((line) => String(JSON.parse(line)))
      } catch (error) {
        throw damaged(path, (error as Error).message, 'a JSON text a line')
      }
      if (this.#sources.length !== sources) throw damaged(path, `${this.#sources.length} lines`, `${sources}`)
    }
    return this.#sources[n]!
  }

  document(n: number): { source: string; tokens: Int32Array } {
    if (!Number.isInteger(n) || n < 0 || n >= this.documents)
      throw new InputError({
        where: `${this.name}.document(n)`,
        received: describe(n),
        expected: `a whole number from 0 to ${this.documents - 1}`,
      })
    let start = 0
    for (let from = 0; from < n; from += 4096)
      for (const tokens of this.records(from, Math.min(4096, n - from)).tokens) start += tokens
    const { tokens, sources } = this.records(n, 1)
    if (start + tokens[0]! > this.tokens)
      throw damaged(
        join(this.folder, documentsFile(this.#index.made)),
        `${start + tokens[0]!} tokens in documents`,
        `${this.tokens}`,
      )
    const into = new Int32Array(tokens[0]!)
    this.read(start, into)
    return { source: this.source(sources[0]!), tokens: into }
  }

  async verify(): Promise<void> {
    const { made, checksums, documentsChecksum, documents, bytes } = this.#index
    const files = [
      ...checksums.map((checksum, shard) => ({
        file: tokensFile(made, shard),
        checksum,
        size: this.#tokensOf(shard) * bytes,
      })),
      { file: documentsFile(made), checksum: documentsChecksum, size: documents * recordBytes },
    ]
    for (const { file, checksum, size } of files) {
      let found = 0
      for (let at = 0; at < size; at += 1 << 22) {
        found = crc32(this.#bytes(file, at, Math.min(1 << 22, size - at)), found)
        await new Promise<void>((resolve) => setImmediate(resolve))
      }
      if (found !== checksum)
        throw damaged(
          join(this.folder, file),
          `bytes whose CRC-32 is ${found.toString(16)}`,
          checksum.toString(16),
        )
    }
  }

  #bytes(file: string, at: number, length: number): Buffer {
    const handle = this.#handleOf(file)
    const bytes = Buffer.allocUnsafe(length)
    let done = 0
    while (done < length) {
      const got = readSync(handle, bytes, done, length - done, at + done)
      if (got === 0)
        throw damaged(join(this.folder, file), `an end at byte ${at + done}`, `${length} bytes from ${at} on`)
      done += got
    }
    return bytes
  }

  #handleOf(file: string): number {
    let handle = this.#open.get(file)
    if (handle === undefined) {
      const path = join(this.folder, file)
      try {
        handle = openSync(path, 'r')
      } catch (error) {
        throw damaged(path, (error as Error).message, 'a file that can be read')
      }
      if (!fstatSync(handle).isFile()) {
        closeSync(handle)
        throw damaged(path, 'no file', 'a file')
      }
    }
    this.#open.delete(file)
    this.#open.set(file, handle)
    if (this.#open.size > mostOpen) {
      const [oldest, last] = this.#open.entries().next().value!
      this.#open.delete(oldest)
      closeSync(last)
    }
    return handle
  }

  /** How it reads in a cell and in the console. */
  toString(): string {
    const count = (n: number) => n.toLocaleString('en')
    const compression = (this.textBytes / Math.max(1, this.tokens)).toFixed(2)
    return `Shards ${this.name}: ${count(this.tokens)} tokens of ${count(this.documents)} ${this.documents === 1 ? 'document' : 'documents'} (${compression} bytes a token), in ${this.folder}`
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }
}

const registry = new FinalizationRegistry<Map<string, number>>((open) => {
  for (const handle of open.values()) closeSync(handle)
})

const damaged = (path: string, received: string, expected: string): InputError =>
  new InputError({
    where: path,
    received,
    expected,
    fix: 'The tokens may be damaged, or were made anew: open them again, or delete the folder and call shards.',
  })
