import { describe, InputError } from '../../errors.js'
import { bpeModel } from '../tokenizers/bpe-json.js'
import { splitPatterns } from '../tokenizers/patterns.js'

const byteLevel = (useRegex: boolean) => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: useRegex,
})
const split = (pattern: string) => ({
  type: 'Split',
  pattern: { Regex: pattern },
  behavior: 'Isolated',
  invert: false,
})

/** Llama 3's and Qwen 2's patterns are GPT-4's but for how many digits go together (their `tokenizer.json`). */
const qwen = splitPatterns.gpt4.rust.replace('\\p{N}{1,3}', '\\p{N}')

/** How text is cut into words, by the name that llama.cpp gives it (`tokenizer.ggml.pre`). */
const words: { readonly [pre: string]: readonly object[] } = {
  default: [byteLevel(true)],
  'gpt-2': [byteLevel(true)],
  smollm: [{ type: 'Digits', individual_digits: true }, byteLevel(true)],
  'llama-bpe': [split(splitPatterns.gpt4.rust), byteLevel(false)],
  qwen2: [split(qwen), byteLevel(false)],
}

/** The `tokenizer.json` that the metadata of a GGUF file stands for: byte-level BPE. */
export function ggufTokenizer(
  metadata: { [name: string]: unknown },
  where: string,
): { [name: string]: unknown } {
  const read = (name: string) => metadata[`tokenizer.ggml.${name}`]
  const wrong = (name: string, expected: string) =>
    new InputError({ where: `${where}: tokenizer.ggml.${name}`, received: describe(read(name)), expected })
  if (read('model') !== 'gpt2') throw wrong('model', "'gpt2', byte-level BPE")
  const pre = read('pre') ?? 'default'
  if (typeof pre !== 'string' || !Object.hasOwn(words, pre))
    throw wrong(
      'pre',
      `one of ${Object.keys(words)
        .map((name) => `'${name}'`)
        .join(', ')}`,
    )
  const isTexts = (value: unknown): value is string[] =>
    Array.isArray(value) && value.every((text) => typeof text === 'string')
  const tokens = read('tokens')
  const merges = read('merges')
  const types = read('token_type') ?? []
  if (!isTexts(tokens)) throw wrong('tokens', 'texts')
  if (!isTexts(merges) || !merges.every((merge) => merge.split(' ').length === 2))
    throw wrong('merges', 'pairs of texts')
  if (!Array.isArray(types)) throw wrong('token_type', 'numbers')
  // 3: a control token; 4: one that a user added.
  const added = tokens.flatMap((content, id) =>
    types[id] === 3 || types[id] === 4
      ? [
          {
            id,
            content,
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: false,
            special: types[id] === 3,
          },
        ]
      : [],
  )
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: { type: 'Sequence', pretokenizers: words[pre] },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: bpeModel(
      Object.fromEntries(tokens.map((text, id) => [text, id])),
      merges.map((merge) => merge.split(' ')),
      { ignoreMerges: pre === 'llama-bpe' },
    ),
  }
}
