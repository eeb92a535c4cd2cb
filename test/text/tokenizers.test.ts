import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  byteTokenizer,
  charTokenizer,
  loadTokenizer,
  saveTokenizer,
  tokenization,
  trainBpe,
  type Tokenizer,
  // The built one: a tokenizer is trained in a thread.
} from '../../dist/src/text/index.js'
import { bpeFrom } from '../../src/text/tokenizers/bpe.js'
import { learnMerges, WordCounts } from '../../src/text/tokenizers/merges.js'
import { tokenizationStrip } from '../../src/show/index.js'
import { toBundle } from '../../src/show/values/values.js'
import { temporaryFolder } from '../kit/index.js'

const text = `${"The rain in Spain stays mainly in the plain; naïve cafés don't mind: 12345 drops, 日本語 too.\n\nRain, rain, go away!\t  Come again   another day.\n".repeat(3)}aaaa aaaaaa aaa\n`

/** What BpeTrainer of Python's tokenizers 0.23.3 learns from `text` with a vocabulary of 320, and ids of a sentence. */
const learned = {
  gpt2: {
    merges:
      "i n|a in|Ġ a|a y|h e|Ġ d|a a|r ain|t he|Ġ m|Ġ in|Ġ rain|' t|1 2|3 4|C o|R ain|S p|T he|a f|a Ã|c af|g o|g ain|l y|l ain|m e|n o|n aÃ|o n|o o|o p|p lain|r op|s t|t oo|v e|w ay|¥ æ|© s|ª ŀ|¬ è|¯ ve|Ã ©s|æ Ĺ|ĉ Ġ|Ġ Ġ|Ġ the|Ġ 12|Ġ Co|Ġ Sp|Ġ caf|Ġ go|Ġ naÃ|Ġ plain|Ġ st|Ġ too|Ġ æĹ|ľ ¬è|in d|ain ly|Ġa gain|Ġa no|Ġa way",
    ids: [273, 257, 6, 82, 267, 25, 220, 17, 15, 17, 19, 307, 299, 198, 198, 261, 285, 268],
  },
  gpt4: {
    merges:
      "i n|a in|Ġ a|a y|h e|Ġ d|a a|. Ċ|r ain|t he|Ġ m|Ġ in|Ġ rain|' t|1 2|4 5|C o|R ain|S p|T he|a f|a Ã|c af|g o|g ain|l y|l ain|m e|n o|n aÃ|o n|o o|o p|p lain|r op|s t|t oo|v e|w ay|¥ æ|© s|ª ŀ|¬ è|¯ ve|Ã ©s|æ Ĺ|ĉ Ġ|Ġ Ġ|Ġ the|Ġ Co|Ġ Sp|Ġ caf|Ġ go|Ġ naÃ|Ġ plain|Ġ st|Ġ too|Ġ æĹ|ľ ¬è|in d|ain ly|Ġa gain|Ġa no|Ġa way",
    ids: [274, 257, 6, 82, 268, 25, 220, 17, 15, 17, 19, 307, 300, 198, 198, 261, 286, 269],
  },
} as const

const mergesOf = (tokenizer: Tokenizer) =>
  (tokenizer.toJSON() as { model: { merges: string[][] } }).model.merges
    .map((pair) => pair.join(' '))
    .join('|')

describe('a BPE tokenizer that is trained here', () => {
  it.each(['gpt2', 'gpt4'] as const)(
    'has the merges and ids of Python’s tokenizers (%s)',
    async (pattern) => {
      const tokenizer = await trainBpe(text, { vocabulary: 320, pattern })
      expect(mergesOf(tokenizer)).toBe(learned[pattern].merges)
      expect([...tokenizer.encode("Spain's rain: 2024 cafés\n\n don't")]).toEqual(learned[pattern].ids)
    },
  )

  it('learns the same from a text in pieces', async () => {
    const long = text.repeat(4000)
    expect(long.length).toBeGreaterThan(1 << 20)
    const words = new WordCounts('gpt4')
    words.add(long)
    const whole = learnMerges(words, 64, 1)
    const tokenizer = await trainBpe(long, { vocabulary: 320 })
    expect(mergesOf(tokenizer)).toBe(mergesOf(bpeFrom({ ...whole, pattern: 'gpt4', special: [] })))
  })

  it('gives back every text, whatever it was trained on', async () => {
    const tokenizer = await trainBpe('low lower lowest', { vocabulary: 270 })
    for (const other of ['', 'über\u0000 \u2028 🙂', '\ufeffa', ' \r\n\t '])
      expect(tokenizer.decode(tokenizer.encode(other))).toBe(other)
  })

  it('cuts a megabyte without a space as it cuts a short word, in seconds', async () => {
    const tokenizer = await trainBpe('abab abc abcd bcd '.repeat(20), { vocabulary: 270 })
    const word = 'abcdabab'
    const long = tokenizer.encode(word.repeat(130_000))
    const short = tokenizer.encode(word.repeat(15))
    expect([...long.subarray(0, short.length - 4)]).toEqual([...short.subarray(0, short.length - 4)])
    expect(tokenizer.decode(long)).toBe(word.repeat(130_000))
  })

  it('stays small where the text has no more pairs', async () => {
    expect((await trainBpe('ab ab', { vocabulary: 1000 })).size).toBe(258)
  })

  it.each([
    [{ vocabulary: 100 }, /received 100\. Expected a whole number from 256/],
    [{ vocabulary: 300, pattern: 'gpt5' }, /received 'gpt5'.*'gpt2', 'gpt4'/],
    [{ vocabulary: 300, specials: [] }, /received the option 'specials'/],
    [{ vocabulary: 300, special: ['a', 'a'] }, /different texts/],
  ])('refuses %o', async (options, message) => {
    await expect(trainBpe('some text', options as never)).rejects.toThrow(message)
  })

  it('refuses no text', async () => {
    await expect(trainBpe('', { vocabulary: 300 })).rejects.toThrow(/no text/)
    await expect(trainBpe([1] as never, { vocabulary: 300 })).rejects.toThrow(/received 1 as text 0/)
  })
})

describe('characters', () => {
  it('are numbered by their code points', () => {
    const tokenizer = charTokenizer('hello 🙂')
    expect([...tokenizer.encode('🙂ho l')]).toEqual([5, 2, 4, 0, 3])
    expect(tokenizer.size).toBe(6)
  })

  it('that the text did not have are named with their place', () => {
    expect(() => charTokenizer('abc').encode('abd')).toThrow(/received 'd' \(U\+0064\) at 2/)
  })

  it('refuse ids of others', () => {
    expect(() => charTokenizer('abc').decode([7])).toThrow(
      /received the id 7\. Expected whole numbers from 0 to 2/,
    )
  })
})

describe('special tokens', () => {
  const make: [string, () => Promise<Tokenizer> | Tokenizer][] = [
    ['characters', () => charTokenizer('a<b|c>', { special: ['<|b|>'] })],
    ['bytes', () => byteTokenizer({ special: ['<|b|>'] })],
    ['bpe', () => trainBpe('a b a b <|b|>', { vocabulary: 262, special: ['<|b|>'] })],
  ]
  it.each(make)('of %s are one token on request, and text otherwise', async (_, create) => {
    const tokenizer = await create()
    const id = tokenizer.special['<|b|>']!
    expect(id).toBe(tokenizer.size - 1)
    expect([...tokenizer.encode('a<|b|>c', { special: true })].filter((one) => one === id)).toHaveLength(1)
    expect([...tokenizer.encode('a<|b|>c')]).not.toContain(id)
    const ids = tokenizer.encode('a<|b|>c', { special: true })
    expect(tokenizer.decode(ids)).toBe('a<|b|>c')
    expect(tokenizer.decode(ids, { special: false })).toBe('ac')
  })

  it.each(make)('of %s come back from tokenizer.json', async (_, create) => {
    const folder = temporaryFolder()
    const tokenizer = await create()
    saveTokenizer(tokenizer, folder)
    const again = await loadTokenizer(folder)
    expect([again.kind, again.size, again.special]).toEqual([
      tokenizer.kind,
      tokenizer.size,
      tokenizer.special,
    ])
    expect(again.encode('a<|b|>', { special: true })).toEqual(tokenizer.encode('a<|b|>', { special: true }))
  })
})

describe('a tokenizer.json of others', () => {
  /** SmolLM2's in small: digits alone, GPT-2's pattern, special tokens first. */
  const foreign = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [
      {
        id: 0,
        content: '<|end|>',
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      },
    ],
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Digits', individual_digits: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: {
        '<|end|>': 0,
        a: 1,
        b: 2,
        Ġ: 3,
        '1': 4,
        ab: 5,
        '<': 6,
        '|': 7,
        e: 8,
        n: 9,
        d: 10,
        '>': 11,
        Ã: 12,
        '©': 13,
      },
      merges: [['a', 'b']],
    },
  }

  it('is opened by Hugging Face’s library', async () => {
    const file = join(temporaryFolder(), 'tokenizer.json')
    writeFileSync(file, JSON.stringify(foreign))
    const tokenizer = await loadTokenizer(file)
    expect([...tokenizer.encode('ab 11')]).toEqual([5, 3, 4, 4])
    expect([...tokenizer.encode('a<|end|>', { special: true })]).toEqual([1, 0])
    expect([...tokenizer.encode('a<|end|>')]).toEqual([1, 6, 7, 8, 9, 10, 7, 11])
    expect(tokenizer.decode([5, 0, 12, 13])).toBe('ab<|end|>é')
    expect([...tokenizer.bytes(12)]).toEqual([0xc3])
  })

  it.each([
    ['{', /tokenizer\.json/],
    ['[]', /tokenizer\.json/],
    ['{"model":{"type":"Unheard"}}', /tokenizer\.json/],
  ])('that is damaged (%s) is named', async (content, message) => {
    const file = join(temporaryFolder(), 'tokenizer.json')
    writeFileSync(file, content)
    await expect(loadTokenizer(file)).rejects.toThrow(message)
    await expect(loadTokenizer(file)).rejects.toThrow(/Expected/)
  })

  it('is written whole', () => {
    const folder = temporaryFolder()
    saveTokenizer(byteTokenizer(), folder)
    const written = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8'))
    expect(Object.keys(written.model.vocab)).toHaveLength(256)
  })
})

describe('a text as its tokens', () => {
  it('says how many bytes one stands for, and which are the longest', async () => {
    const tokenizer = await trainBpe(text, { vocabulary: 320 })
    const view = tokenization(tokenizer, 'The rain, the rain in Spain 日本')
    const ids = [...tokenizer.encode('The rain, the rain in Spain 日本')]
    expect(view.tokens.map(({ id }) => id)).toEqual(ids)
    expect(view.bytes).toBe(Buffer.byteLength('The rain, the rain in Spain 日本'))
    expect(view.bytesPerToken).toBeCloseTo(view.bytes / ids.length, 12)
    expect(view.used).toBe(new Set(ids).size)
    expect(view.longest[0]).toMatchObject({ token: ' rain', bytes: 5, count: 2 })
    const bundle = toBundle(view)!
    expect(bundle['text/plain']).toMatch(
      /bytes a token, .* of 320 used\nthe longest: ·rain \(2 ×\).*\nT|The\|·rain\|,/,
    )
    const strip = tokenizationStrip(view)
    expect((strip.data as { values: { token: string }[] }).values.length).toBe(ids.length)
    expect(tokenization(tokenizer, '').tokens).toEqual([])
    expect(() => tokenization(tokenizer, 7 as never)).toThrow(/a text/)
  })
})
