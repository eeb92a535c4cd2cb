import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { Digest } from '../../data/table/digest.js'
import { InputError } from '../../errors.js'
import { crc32 } from '../../checksum.js'
import { writeAll, writeWhole } from '../../whole-file.js'
import type { TextDocument } from '../corpora/corpus.js'
import { DocumentDigest, twoWords } from '../data/document-digest.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'
import {
  documentsFile,
  indexFile,
  maybeMade,
  mostNames,
  recordBytes,
  sourcesFile,
  tokensFile,
  type Counted,
  type ShardIndex,
} from './layout.js'

/** Tokens that are gathered before they are written. */
const gathered = 1 << 18
/** Milliseconds after which what is written is written down, so that a process that is killed loses no more. */
const commitEvery = 2000

/** The text is not the one that is written down. */
export class ChangedText extends Error {}

/** The document whose pieces come now. */
interface Begun {
  digest: DocumentDigest
  pieces: number
  tokens: number
  halves: boolean
  /** Pieces of white space, as long as there is nothing else: a document of it alone has nothing to learn. */
  blank: string[] | undefined
}

/**
 * Writes documents as tokens. What the index counts is whole on disk before the index says so, and whoever takes up cuts the
 * files down to what it counts: so it may be killed between any two writes.
 */
export class ShardWriter {
  readonly index: ShardIndex
  readonly #folder: string
  readonly #tokenizer: Tokenizer
  /** Documents that are written down already: they are compared, not written. */
  readonly #skip: number
  readonly #skipped: string
  readonly #open: ShardIndex['open']
  #tokens = -1
  #shard = -1
  readonly #documents: number
  readonly #sources: number
  readonly #ids: Uint16Array | Uint32Array
  #count = 0
  #records: number[] = []
  #begun: Begun | undefined
  #source: string | undefined
  /** Documents that were given. */
  #seen = 0
  #digest: string
  #committed = Date.now()
  /** Whether what comes is written down already. */
  #isBehind = true

  /** @param index what is written down in the folder, or a new one. */
  constructor(folder: string, tokenizer: Tokenizer, index: ShardIndex) {
    this.#folder = folder
    this.#tokenizer = tokenizer
    this.index = structuredClone(index)
    const { made, documents, empty, sources, sourceBytes, bytes } = index
    this.#ids = bytes === 2 ? new Uint16Array(gathered) : new Uint32Array(gathered)
    this.#skip = documents + empty.count
    this.#skipped = index.digest
    this.#open = index.open
    this.#digest = noDigest
    const missing = maybeMissing(folder, index)
    if (missing) throw missing
    this.#documents = openAt(join(folder, documentsFile(made)), documents * recordBytes)
    this.#sources = openAt(join(folder, sourcesFile(made)), sourceBytes)
    if (sources > 0) this.#source = lastLine(join(folder, sourcesFile(made)))
    // Also where it is full: the file that comes next begins when there is a token for it.
    const shard = Math.max(0, Math.ceil(index.tokens / index.perShard) - 1)
    this.#openShard(shard, (index.tokens - shard * index.perShard) * bytes)
  }

  /** @throws ChangedText where what is written down is not the beginning of what comes. */
  add({ text, name, source, continues }: TextDocument): void {
    const begun = (this.#begun ??= {
      digest: new DocumentDigest(),
      pieces: 0,
      tokens: 0,
      halves: false,
      blank: [],
    })
    begun.digest.add(text)
    begun.pieces++
    const isNew = this.#isNew(begun)
    if (isNew) this.#encode(text, begun)
    if (!continues) {
      this.#begun = undefined
      this.#end(begun, name, source)
      if (this.#seen === this.#skip && this.#digest !== this.#skipped) throw new ChangedText()
    }
    this.#isBehind = !isNew
    if (isNew && Date.now() - this.#committed > commitEvery) this.commit()
  }

  /** Whether a piece is not written down yet. Of a document that was broken off in the middle some are. */
  #isNew(begun: Begun): boolean {
    if (this.#seen < this.#skip) return false
    const open = this.#open
    if (this.#seen > this.#skip || !open || begun.pieces > open.pieces) return true
    if (begun.pieces < open.pieces) return false
    if (begun.digest.sofar() !== open.digest) throw new ChangedText()
    begun.tokens = open.tokens
    begun.halves = open.halves
    begun.blank = undefined
    return false
  }

  #encode(text: string, begun: Begun): void {
    if (begun.blank) {
      begun.blank.push(text)
      if (!/\S/.test(text)) return
      const pieces = begun.blank
      begun.blank = undefined
      for (const piece of pieces) this.#encode(piece, begun)
      return
    }
    if (text === '') return
    begun.halves ||= !isWellFormed(text)
    const { vocabulary } = this.index
    const ids = this.#tokenizer.encode(text)
    for (let i = 0; i < ids.length; i++) {
      if (!(ids[i]! < vocabulary))
        throw new InputError({
          where: 'tokenizer.encode(text)',
          received: `the id ${ids[i]}`,
          expected: `ids below ${vocabulary}, the tokenizer's size`,
        })
      this.#put(ids[i]!)
    }
    begun.tokens += ids.length
    this.index.textBytes += Buffer.byteLength(text)
  }

  #end({ digest, tokens, halves, blank }: Begun, name: string, source: string): void {
    const own = digest.end()
    this.#digest = new Digest().text(this.#digest).text(own).end()
    if (this.#seen++ < this.#skip) return
    const { index } = this
    index.digest = this.#digest
    if (blank) return note(index.empty, name)
    if (halves) note(index.halves, name)
    if (index.end !== null) this.#put(index.end)
    const all = tokens + (index.end === null ? 0 : 1)
    if (all >= 2 ** 32)
      throw new InputError({
        where: name,
        received: `a document of ${all} tokens`,
        expected: 'fewer than 4,294,967,296',
        fix: "Say what stands between its documents: corpus(path, { separator: '\\n\\n' }).",
      })
    if (this.#source !== source) this.#addSource(source)
    this.#records.push(all, index.sources - 1, ...twoWords(own))
    index.documents++
    if (this.#records.length >= 1 << 16) this.#flushRecords()
  }

  #addSource(source: string): void {
    const line = Buffer.from(`${JSON.stringify(source)}\n`)
    writeAll(this.#sources, line)
    this.index.sources++
    this.index.sourceBytes += line.length
    this.#source = source
  }

  #put(id: number): void {
    if (this.#count === this.#ids.length) this.#flush()
    this.#ids[this.#count++] = id
  }

  #flush(): void {
    const { index } = this
    for (let from = 0; from < this.#count;) {
      const shard = Math.floor(index.tokens / index.perShard)
      if (shard !== this.#shard) this.#openShard(shard, 0)
      const to = Math.min(this.#count, from + index.perShard * (shard + 1) - index.tokens)
      const bytes = bytesOf(this.#ids.subarray(from, to))
      writeAll(this.#tokens, bytes)
      index.checksums[shard] = crc32(bytes, index.checksums[shard] ?? 0)
      index.tokens += to - from
      from = to
    }
    this.#count = 0
  }

  #flushRecords(): void {
    // Of no bytes zlib's checksum is 0, whatever came before.
    if (this.#records.length === 0) return
    const bytes = bytesOf(Uint32Array.from(this.#records))
    writeAll(this.#documents, bytes)
    this.index.documentsChecksum = crc32(bytes, this.index.documentsChecksum)
    this.#records = []
  }

  #openShard(shard: number, length: number): void {
    if (this.#tokens >= 0) {
      fsyncSync(this.#tokens)
      closeSync(this.#tokens)
    }
    this.#tokens = openAt(join(this.#folder, tokensFile(this.index.made, shard)), length)
    this.#shard = shard
  }

  /** Writes down what is written: between two pieces. */
  commit(): void {
    if (this.#isBehind && !this.index.complete) return
    const { digest, pieces, tokens, halves } = this.#begun ?? {}
    this.index.open =
      digest && this.#begun!.blank === undefined
        ? { digest: digest.sofar(), pieces: pieces!, tokens: tokens!, halves: halves! }
        : null
    this.#flush()
    this.#flushRecords()
    for (const handle of [this.#tokens, this.#documents, this.#sources]) fsyncSync(handle)
    writeIndex(this.#folder, this.index)
    this.#committed = Date.now()
  }

  /** All documents were given. @throws ChangedText where there were fewer than are written down. */
  finish(): void {
    if (this.#seen < this.#skip || (this.#seen === this.#skip && this.#open)) throw new ChangedText()
    this.index.complete = true
    this.commit()
    this.close()
    for (const file of readdirSync(this.#folder)) {
      const made = maybeMade(file)
      if (made !== undefined && made !== this.index.made) rmSync(join(this.#folder, file), { force: true })
    }
  }

  close(): void {
    for (const handle of [this.#tokens, this.#documents, this.#sources]) closeSync(handle)
  }
}

/** Of no documents. */
export const noDigest = '0'.repeat(16)

export const writeIndex = (folder: string, index: ShardIndex): void =>
  writeWhole(join(folder, indexFile), `${JSON.stringify(index, null, 2)}\n`)

/** What is shorter than the index says, of its files; undefined where all is there. */
export function maybeMissing(folder: string, index: ShardIndex): MissingFile | undefined {
  const { made, tokens, perShard, bytes, documents, sourceBytes } = index
  const files: [string, number][] = [
    [documentsFile(made), documents * recordBytes],
    [sourcesFile(made), sourceBytes],
  ]
  for (let shard = 0; shard * perShard < tokens; shard++)
    files.push([tokensFile(made, shard), Math.min(perShard, tokens - shard * perShard) * bytes])
  for (const [file, length] of files) {
    const size = statSync(join(folder, file), { throwIfNoEntry: false })?.size ?? 0
    if (size < length)
      return new MissingFile(`${file} has ${size} bytes of the ${length} that its index counts.`)
  }
  return undefined
}

/** A file of tokens is gone, or shorter than it was. */
export class MissingFile extends Error {}

/** Opens a file to go on behind `length`, to which it is cut. */
function openAt(path: string, length: number): number {
  const handle = openSync(path, 'a')
  if (fstatSync(handle).size > length) ftruncateSync(handle, length)
  return handle
}

function lastLine(path: string): string {
  return JSON.parse(readFileSync(path, 'utf8').trimEnd().split('\n').at(-1)!) as string
}

function note(counted: Counted, name: string): void {
  if (counted.count++ < mostNames) counted.names.push(name)
}

/** Older types do not know it. */
const isWellFormed = (text: string): boolean =>
  (text as unknown as { isWellFormed(): boolean }).isWellFormed()

const swaps = new Uint8Array(Uint16Array.of(1).buffer)[0] === 0

/** The bytes of ids, the lowest first. */
function bytesOf(ids: Uint16Array | Uint32Array): Buffer {
  const bytes = Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength)
  if (!swaps) return bytes
  const copy = Buffer.from(bytes)
  return ids.BYTES_PER_ELEMENT === 2 ? copy.swap16() : copy.swap32()
}
