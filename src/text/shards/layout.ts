/**
 * How tokens lie in a folder: `index.json` says what is there; `tokens-MADE-00000.bin`, … have the ids of all documents one
 * behind the other, 16 or 32 bits each, little-endian, without a head (what nanoGPT's `np.memmap` opens); `documents-MADE.bin`
 * has a record for each document; `sources-MADE.txt` the files that they came from, a JSON text a line. MADE is new for each
 * time that they are made, so what somebody reads is never written over.
 */
import { describe, InputError } from '../../errors.js'

export const format = 'gradbook shards 1'
export const indexFile = 'index.json'

/** Bytes of a document's record: tokens, source, and the two words of its digest, each uint32. */
export const recordBytes = 16

/** What is written down so far. Files may be longer: what comes behind is of a process that was killed, and is written anew. */
export interface ShardIndex {
  format: typeof format
  name: string
  /** Part of the names of its files. */
  made: string
  /** Digest of the tokenizer's JSON. */
  tokenizer: string
  vocabulary: number
  /** Of one id. */
  bytes: 2 | 4
  /** The token behind each document. */
  end: number | null
  perShard: number
  tokens: number
  documents: number
  /** UTF-8 bytes of the text: what bits per byte and compression are counted by. */
  textBytes: number
  sources: number
  sourceBytes: number
  /** CRC-32 of each file of tokens, and of the records of documents. */
  checksums: number[]
  documentsChecksum: number
  /** The document whose pieces were coming when it was written down, and what of it is. */
  open: { digest: string; pieces: number; tokens: number; halves: boolean } | null
  /** Of all documents, in their order. */
  digest: string
  /** Documents without text, which are left out. */
  empty: Counted
  /** Documents with halves of surrogate pairs, which have no bytes in UTF-8. */
  halves: Counted
  /** Of the files that were read. */
  fingerprint: string | null
  complete: boolean
}

/** How many there are, and what the first of them are called. */
export interface Counted {
  count: number
  names: string[]
}

export const mostNames = 5

export const tokensFile = (made: string, shard: number): string =>
  `tokens-${made}-${String(shard).padStart(5, '0')}.bin`
export const documentsFile = (made: string): string => `documents-${made}.bin`
export const sourcesFile = (made: string): string => `sources-${made}.txt`

/** The `made` of a file that is a part of shards; undefined for any other name. */
export const maybeMade = (file: string): string | undefined =>
  /^(?:tokens|documents|sources)-([0-9a-f]{12})(?:-\d{5,})?\.(?:bin|txt)$/.exec(file)?.[1]

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isCounted = (value: unknown): boolean => {
  const { count, names } = (value ?? {}) as Partial<Counted>
  return (
    isCount(count) &&
    Array.isArray(names) &&
    names.length <= mostNames &&
    names.every((name) => typeof name === 'string')
  )
}

/** Each entry, and what it has to be. */
const entries: {
  readonly [name in keyof ShardIndex]: (value: unknown, index: Partial<ShardIndex>) => boolean
} = {
  format: (value) => value === format,
  name: (value) => typeof value === 'string',
  made: (value) => typeof value === 'string' && /^[0-9a-f]{12}$/.test(value),
  tokenizer: (value) => typeof value === 'string',
  vocabulary: (value) => isCount(value) && value >= 1 && value <= 2 ** 31,
  bytes: (value, { vocabulary }) => value === 4 || (value === 2 && vocabulary! <= 2 ** 16),
  end: (value, { vocabulary }) => value === null || (isCount(value) && value < vocabulary!),
  perShard: (value) => isCount(value) && value >= 1,
  tokens: isCount,
  documents: isCount,
  textBytes: isCount,
  sources: isCount,
  sourceBytes: isCount,
  checksums: (value, { tokens, perShard }) =>
    Array.isArray(value) && value.every(isCount) && value.length === Math.ceil(tokens! / perShard!),
  documentsChecksum: isCount,
  open: (value) => {
    const { digest, pieces, tokens, halves } = (value ?? {}) as NonNullable<ShardIndex['open']>
    return (
      value === null ||
      (typeof digest === 'string' && isCount(pieces) && isCount(tokens) && typeof halves === 'boolean')
    )
  },
  digest: (value) => typeof value === 'string' && /^[0-9a-f]{16}$/.test(value),
  empty: isCounted,
  halves: isCounted,
  fingerprint: (value) => value === null || typeof value === 'string',
  complete: (value) => typeof value === 'boolean',
}

/** @throws InputError for an index that is none, by what is wrong in it. */
export function checkIndex(json: unknown, where: string): ShardIndex {
  const index = json as Partial<ShardIndex> | null
  if (typeof index !== 'object' || index === null)
    throw new InputError({ where, received: describe(json), expected: 'the index of tokens, a JSON object' })
  for (const [name, fits] of Object.entries(entries))
    if (!fits(index[name as keyof ShardIndex], index))
      throw new InputError({
        where,
        received: `${describe(index[name as keyof ShardIndex])} as ${name}`,
        expected: name === 'format' ? describe(format) : 'what fits the rest of the index',
        fix: 'The folder may be damaged, or another program’s: make it anew with shards(corpus, tokenizer, { folder }).',
      })
  return index as ShardIndex
}
