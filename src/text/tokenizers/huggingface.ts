import { describe, InputError } from '../../errors.js'
import { bytesOfLetters } from './letters.js'
import { bytesOf, checkId, checkText, splitSpecial, type Tokenizer } from './tokenizer.js'

/**
 * A tokenizer of Hugging Face's library for JavaScript, as published with a model: any that is not made here.
 */
export async function huggingFaceTokenizer(json: { [name: string]: any }, file: string): Promise<Tokenizer> {
  checkIds(json, file)
  const library = await import('@huggingface/tokenizers')
  const tokenizer = named(() => {
    const made = new library.Tokenizer(json, {})
    // Some of what a file says is looked at only when it is used.
    const { ids } = made.encode('a 1.', { add_special_tokens: false })
    if (ids.length > 0) made.decode(ids)
    return made
  })
  const special: { [text: string]: number } = {}
  for (const [id, { content, special: isSpecial }] of tokenizer.get_added_tokens_decoder())
    if (isSpecial) special[content] = id
  const specialIds = new Set(Object.values(special))
  const size = 1 + [...tokenizer.get_vocab(true).values()].reduce((most, id) => Math.max(most, id), 0)
  const isByteLevel = JSON.stringify([json.decoder, json.pre_tokenizer]).includes('"ByteLevel"')

  function named<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw new InputError(
        {
          where: file,
          received: `a tokenizer that cannot be used (${(error as Error).message})`,
          expected: "one in Hugging Face's layout, of kinds that @huggingface/tokenizers knows",
        },
        { cause: error },
      )
    }
  }

  const encodePart = (text: string): number[] =>
    text === '' ? [] : named(() => tokenizer.encode(text, { add_special_tokens: false }).ids)

  return {
    kind: String(json.model.type).toLowerCase(),
    size,
    special,
    encode(text, { special: asSpecial = false } = {}) {
      checkText(text, 'tokenizer.encode(text)')
      if (asSpecial) return Int32Array.from(encodePart(text))
      // The library takes special tokens for what they are wherever they stand: cut in two they are text.
      const parts = splitSpecial(text, special).flatMap(({ text: part, id }) =>
        id === undefined ? [part] : [part.slice(0, 1), part.slice(1)],
      )
      return Int32Array.from(parts.flatMap(encodePart))
    },
    decode: (ids, { special: asSpecial = true } = {}) => {
      for (let at = 0; at < ids.length; at++) checkId(ids[at]!, size, 'tokenizer.decode(ids)')
      if (ids.length === 0) return ''
      return named(() =>
        tokenizer.decode(Array.from(ids), {
          skip_special_tokens: !asSpecial,
          clean_up_tokenization_spaces: false,
        }),
      )
    },
    bytes(id) {
      checkId(id, size, 'tokenizer.bytes(id)')
      const text = tokenizer.id_to_token(id) ?? ''
      if (specialIds.has(id)) return bytesOf(text)
      const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(text)
      if (byte) return Uint8Array.of(parseInt(byte[1]!, 16))
      return (isByteLevel ? bytesOfLetters(text) : undefined) ?? bytesOf(text.replaceAll('▁', ' '))
    },
    toJSON: () => json,
  }
}

/** Ids that no token has, up to the highest: published vocabularies have some thousands. */
const mostGaps = 1_000_000

/** The library counts up to the highest id: one of 2^31 would hold it for minutes. */
function checkIds(json: { [name: string]: any }, file: string): void {
  const { vocab } = json.model
  const listed = typeof vocab === 'object' && vocab !== null && !Array.isArray(vocab)
  const ids: unknown[] = listed ? Object.values(vocab) : []
  const added: unknown[] = Array.isArray(json.added_tokens)
    ? json.added_tokens.map((token: { id?: unknown } | null) => token?.id)
    : []
  const count = ids.length + added.length + (Array.isArray(vocab) ? vocab.length : 0)
  for (const id of [...ids, ...added])
    if (!Number.isInteger(id) || (id as number) < 0 || (id as number) >= count + mostGaps)
      throw new InputError({
        where: file,
        received: `the id ${describe(id)} of a token`,
        expected: `whole numbers from 0 on, hardly above the ${count} tokens that there are`,
      })
}
