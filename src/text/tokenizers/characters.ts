import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import { bytesOf, checkId, checkText, numberSpecial, splitSpecial, type Tokenizer } from './tokenizer.js'

/**
 * One token for each character (code point) that the text has, in the order of their code points, as nanoGPT's
 * `shakespeare_char` numbers them.
 *
 * @param text the text whose characters are the vocabulary.
 * @param options.special texts of special tokens, numbered behind the characters.
 * @throws InputError where there is no text; its `encode` where a text has another character.
 * @example const tokenizer = charTokenizer('to be or not to be'), ids = tokenizer.encode('be')
 */
export function charTokenizer(text: string, options: { special?: readonly string[] } = {}): Tokenizer {
  checkText(text, 'charTokenizer(text)')
  const { special = [] } = named(options, ['special'], 'charTokenizer(text, options)')
  const characters = [...new Set(text)].toSorted((a, b) => a.codePointAt(0)! - b.codePointAt(0)!)
  if (characters.length === 0)
    throw new InputError({
      where: 'charTokenizer(text)',
      received: 'an empty text',
      expected: 'a text with every character that is to be known',
    })
  return charactersFrom(characters, numberSpecial(special, characters.length, 'charTokenizer(text'))
}

/** The tokenizer of these characters, each with its place as id. */
export function charactersFrom(
  characters: readonly string[],
  special: { readonly [text: string]: number },
): Tokenizer {
  const idOf = new Map(characters.map((character, id) => [character, id]))
  const texts = [...characters, ...Object.keys(special)]
  const size = texts.length

  function encode(text: string, { special: asSpecial = false } = {}): Int32Array {
    checkText(text, 'tokenizer.encode(text)')
    const ids = new Int32Array(text.length)
    let at = 0
    for (const part of asSpecial
      ? splitSpecial(text, special)
      : [{ text } as { text: string; id?: number }]) {
      if (part.id !== undefined) ids[at++] = part.id
      else
        for (const character of part.text) {
          const id = idOf.get(character)
          if (id === undefined) throw unknownCharacter(text, character, characters)
          ids[at++] = id
        }
    }
    return ids.slice(0, at)
  }

  return {
    kind: 'characters',
    size,
    special,
    encode,
    decode(ids, { special: asSpecial = true } = {}) {
      let text = ''
      for (let at = 0; at < ids.length; at++) {
        checkId(ids[at]!, size, 'tokenizer.decode(ids)')
        if (asSpecial || ids[at]! < characters.length) text += texts[ids[at]!]!
      }
      return text
    },
    bytes(id) {
      checkId(id, size, 'tokenizer.bytes(id)')
      return bytesOf(texts[id]!)
    },
    toJSON: () => ({
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: addedTokens(special),
      normalizer: null,
      pre_tokenizer: { type: 'Split', pattern: { Regex: '[\\s\\S]' }, behavior: 'Isolated', invert: false },
      post_processor: null,
      decoder: { type: 'Fuse' },
      model: {
        type: 'WordLevel',
        vocab: Object.fromEntries(texts.map((text, id) => [text, id])),
        // Not in the vocabulary: another character is an error in Python too, not the first of ours.
        unk_token: '[UNK]',
      },
    }),
  }
}

/** Special tokens as `tokenizer.json` lists them. */
export function addedTokens(special: { readonly [text: string]: number }): object[] {
  return Object.entries(special).map(([content, id]) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }))
}

function unknownCharacter(text: string, character: string, characters: readonly string[]): InputError {
  const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
  const known = characters.slice(0, 40).join('')
  return new InputError({
    where: 'tokenizer.encode(text)',
    received: `${describe(character)} (U+${code}) at ${text.indexOf(character)}`,
    expected: `one of the ${characters.length} characters of the text that the tokenizer was made of: ${describe(known)}${characters.length > 40 ? ', …' : ''}`,
    fix: 'Make it of a text that has all characters: charTokenizer(text + others), or use byteTokenizer().',
  })
}
