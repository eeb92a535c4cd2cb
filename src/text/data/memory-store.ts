import { Digest } from '../../data/table/digest.js'
import { InputError } from '../../errors.js'
import type { Tokenizer } from '../tokenizers/tokenizer.js'
import { DocumentDigest, twoWords } from './document-digest.js'
import type { DocumentRecords, TokenStore } from './token-store.js'

/**
 * Documents in memory as `shards` lays them out on disk.
 *
 * @param end the token behind each, where there is one.
 */
export function memoryStore(
  name: string,
  documents: readonly string[],
  tokenizer: Tokenizer,
  end: number | undefined,
): TokenStore {
  const encoded = documents.map((text) => tokenizer.encode(text))
  const blank = documents.findIndex((text) => text.trim() === '')
  if (blank !== -1)
    throw new InputError({
      where: name,
      received: `a document without text (number ${blank})`,
      expected: 'documents with text',
      fix: "documents.filter((text) => text.trim() !== '').",
    })
  const behind = end === undefined ? 0 : 1
  const total = encoded.reduce((sum, ids) => sum + ids.length + behind, 0)
  const tokens = new Int32Array(total)
  let at = 0
  for (const ids of encoded) {
    tokens.set(ids, at)
    at += ids.length
    if (end !== undefined) tokens[at++] = end
  }
  const words = documents.flatMap((text) => {
    const own = new DocumentDigest()
    own.add(text)
    return twoWords(own.end())
  })
  let digest: string | undefined
  return {
    name,
    tokens: total,
    documents: documents.length,
    read: (from, into) => into.set(tokens.subarray(from, from + into.length)),
    records: (from, count): DocumentRecords => ({
      tokens: Float64Array.from({ length: count }, (_, i) => encoded[from + i]!.length + behind),
      digests: Uint32Array.from(words.slice(2 * from, 2 * (from + count))),
      sources: Uint32Array.from({ length: count }, (_, i) => from + i),
    }),
    source: (number) => `${name}:${number + 1}`,
    digest: () => (digest ??= new Digest().numbers(tokens).numbers(words).end()),
  }
}
