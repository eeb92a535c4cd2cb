import { describe, InputError } from '../../errors.js'

/**
 * Text as numbers and back. Ids go from 0 to `size - 1`; the ids of a text put together are the text again, for every
 * text that the tokenizer knows all signs of (one of bytes knows every text).
 */
export interface Tokenizer {
  /** How it works: 'characters', 'bytes' or 'bpe'. */
  readonly kind: string
  /** How many tokens there are, special ones included: the `vocabulary` of a model. */
  readonly size: number
  /** Special tokens by what they are written as, e.g. `{ '<|endoftext|>': 8192 }`; each is one token wherever it is asked for. */
  readonly special: { readonly [text: string]: number }
  /**
   * The ids of a text.
   *
   * @param options.special whether special tokens written in the text become their ids; default `false`, since a text
   *   is data: what somebody writes must not end a document or speak as the system.
   * @throws InputError where the text has a sign that is not in the vocabulary.
   */
  encode(text: string, options?: { special?: boolean }): Int32Array
  /**
   * The text of these ids. Bytes that are no UTF-8 together become U+FFFD.
   *
   * @param options.special whether special tokens are written out; default `true`.
   */
  decode(ids: ArrayLike<number>, options?: { special?: boolean }): string
  /** The bytes of one token, UTF-8: a token may be a part of a sign. */
  bytes(id: number): Uint8Array
  /** The layout of Hugging Face's `tokenizer.json`, which Python's `tokenizers` opens. */
  toJSON(): object
}

const utf8 = new TextEncoder()

/** The tokens that a text is written as with `special: true`, the longest first where several begin alike. */
export function splitSpecial(
  text: string,
  special: { readonly [text: string]: number },
): { text: string; id?: number }[] {
  const names = Object.keys(special).toSorted((a, b) => b.length - a.length)
  if (names.length === 0) return [{ text }]
  const pattern = new RegExp(
    `(${names.map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')})`,
  )
  return text
    .split(pattern)
    .filter((part) => part !== '')
    .map((part) => (Object.hasOwn(special, part) ? { text: part, id: special[part]! } : { text: part }))
}

/** Ids of special tokens behind `from` others. */
export function numberSpecial(
  given: readonly string[],
  from: number,
  where: string,
): { [text: string]: number } {
  if (!Array.isArray(given) || given.some((text) => typeof text !== 'string' || text === ''))
    throw new InputError({
      where: `${where}, { special }`,
      received: describe(given),
      expected: "texts that are not empty, e.g. ['<|endoftext|>']",
    })
  if (new Set(given).size !== given.length)
    throw new InputError({
      where: `${where}, { special }`,
      received: describe(given),
      expected: 'different texts',
    })
  return Object.fromEntries(given.map((text, at) => [text, from + at]))
}

export function checkText(text: unknown, where: string): asserts text is string {
  if (typeof text !== 'string')
    throw new InputError({
      where,
      received: describe(text),
      expected: 'a text',
      fix: text instanceof Uint8Array ? 'new TextDecoder().decode(bytes) makes one of bytes.' : undefined,
    })
}

export function checkId(id: number, size: number, where: string): void {
  if (!Number.isInteger(id) || id < 0 || id >= size)
    throw new InputError({
      where,
      received: `the id ${describe(id)}`,
      expected: `whole numbers from 0 to ${size - 1}`,
      fix: 'These ids may be of another tokenizer.',
    })
}

export const bytesOf = (text: string): Uint8Array => utf8.encode(text)

/** Bytes of tokens put together, as text. */
export function joinBytes(parts: readonly Uint8Array[]): string {
  const length = parts.reduce((total, part) => total + part.length, 0)
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  // A text's own mark of byte order is part of it.
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(whole)
}

/** Larger ones come with the model that they belong to, and `run.json` is written often. */
const mostRecorded = 2 ** 14

/** A tokenizer as `run.json` says it. */
export const tokenizerRecord = (tokenizer: Tokenizer): { tokenizer?: object } =>
  tokenizer.size <= mostRecorded && typeof tokenizer.toJSON === 'function'
    ? { tokenizer: tokenizer.toJSON() }
    : {}
