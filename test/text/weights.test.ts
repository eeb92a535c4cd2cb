import * as tf from '@tensorflow/tfjs'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../../src/data/random.js'
import { InputError } from '../../src/errors.js'
import { pathOf, published } from '../../src/store/cache.js'
import { decodeTensors } from '../../src/store/safetensors.js'
import { gpt, loadModel, saveModel, smolLM2, type Gpt } from '../../src/text/index.js'
import { quantisations } from '../../src/text/quantised/dequantise.js'
import { byteLetters } from '../../src/text/tokenizers/letters.js'
import { gradbook, temporaryFolder } from '../kit/index.js'
import { writeGguf } from './gguf.js'

const long = Boolean(process.env.GRADBOOK_LONG)

/**
 * What `dequantize` of Python's gguf 0.19 gives for three blocks of the bytes below: the numbers at 0, 1, 17, 31, five behind
 * the middle and the last, and the sum of all.
 */
const dequantised: [name: string, type: number, values: number[], sum: number][] = [
  [
    'Q4_0',
    2,
    [-0.5068359375, 0.0633544921875, -0.4434814453125, 0.4434814453125, 0.27001953125, 0],
    -4.1219482421875,
  ],
  [
    'Q4_1',
    3,
    [0.648681640625, 0.20220947265625, 0.90380859375, 0.7762451171875, 0.20037841796875, 0.6370849609375],
    54.42401123046875,
  ],
  [
    'Q5_0',
    6,
    [-1.041015625, -0.4554443359375, 0.5855712890625, 0.4554443359375, 0.753173828125, -0.280029296875],
    -4.5771484375,
  ],
  [
    'Q5_1',
    7,
    [1.77911376953125, 0.2728271484375, 1.45166015625, 1.3206787109375, 1.2740478515625, 1.14422607421875],
    113.79608154296875,
  ],
  [
    'Q8_0',
    8,
    [-1.4501953125, 4.41650390625, -2.83447265625, -4.94384765625, 1.013671875, 7.412353515625],
    -17.04296875,
  ],
  [
    'Q4_K',
    12,
    [
      20.8995361328125, 54.9835205078125, 1.9639892578125, -1.8231201171875, 45.5631103515625,
      -1.9434814453125,
    ],
    11499.390869140625,
  ],
  [
    'Q6_K',
    14,
    [8.6943359375, 117.37353515625, 24.509033203125, 163.3935546875, 45.15283203125, 101.331787109375],
    -4248.2197265625,
  ],
]

describe('numbers of few bits', () => {
  it.each(dequantised)('%s are those of ggml', (name, type, expected, sum) => {
    const kind = quantisations.get(type)!
    expect(kind.name).toBe(name)
    const bytes = Uint8Array.from({ length: kind.bytes * 3 }, (_, i) => (i * 89 + type * 7 + (i >> 3)) & 255)
    // The upper byte of a half-precision scale, so that it is a usual number.
    for (let block = 0; block < 3; block++)
      for (const at of name === 'Q6_K' ? [208] : /_1|4_K/.test(name) ? [0, 2] : [0])
        bytes[block * kind.bytes + at + 1] = 0x2c
    const values = new Float32Array(kind.block * 3)
    kind.read(bytes, values)
    const places = [0, 1, 17, 31, Math.floor(values.length / 2) + 5, values.length - 1]
    expect(places.map((at) => values[at] || 0)).toEqual(expected)
    expect(values.reduce((total, value) => total + value, 0)).toBeCloseTo(sum, 2)
  })
})

const form = {
  vocabulary: 261,
  context: 32,
  layers: 2,
  heads: 4,
  keyValueHeads: 2,
  width: 32,
  hidden: 64,
  positions: 'rotary',
  norm: 'rms',
  activation: 'swiglu',
  tied: false,
  seed: 5,
} as const

const logitsOf = (model: Gpt) =>
  tf.tidy(() => model.logits(tf.tensor2d([[3, 1, 4, 1, 5]], [1, 5], 'int32')).arraySync())

/** The same weights as llama.cpp's converter writes them: queries and keys in pairs, other names. */
function ggufOf(model: Gpt): Uint8Array<ArrayBuffer> {
  const folder = join(temporaryFolder(), 'model')
  saveModel(model, folder)
  const { tensors } = decodeTensors(readFileSync(join(folder, 'model.safetensors')))
  const names: [RegExp, string][] = [
    [/^model\.embed_tokens/, 'token_embd'],
    [/^model\.norm/, 'output_norm'],
    [/^lm_head/, 'output'],
    [/^model\.layers\.(\d+)\.input_layernorm/, 'blk.$1.attn_norm'],
    [/^model\.layers\.(\d+)\.self_attn\.([qkv])_proj/, 'blk.$1.attn_$2'],
    [/^model\.layers\.(\d+)\.self_attn\.o_proj/, 'blk.$1.attn_output'],
    [/^model\.layers\.(\d+)\.post_attention_layernorm/, 'blk.$1.ffn_norm'],
    [/^model\.layers\.(\d+)\.mlp\.(\w+)_proj/, 'blk.$1.ffn_$2'],
  ]
  return writeGguf(
    {
      'general.architecture': 'llama',
      'llama.context_length': { u32: 32 },
      'llama.embedding_length': { u32: 32 },
      'llama.block_count': { u32: 2 },
      'llama.feed_forward_length': { u32: 64 },
      'llama.attention.head_count': { u32: 4 },
      'llama.attention.head_count_kv': { u32: 2 },
      'llama.attention.layer_norm_rms_epsilon': 1e-5,
      'llama.rope.freq_base': 10_000,
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': 'smollm',
      'tokenizer.ggml.tokens': [...byteLetters, 'th', 'Ġt', 'the', 'Ġa', '<|end|>'],
      'tokenizer.ggml.token_type': Array.from({ length: 261 }, (_, id) => (id === 260 ? 3 : 1)),
      'tokenizer.ggml.merges': ['t h', 'Ġ t', 'th e', 'Ġ a'],
      'tokenizer.chat_template': '{{ messages }}',
    },
    Object.entries(tensors).map(([name, { shape, values }]) => {
      const [from, to] = names.find(([pattern]) => pattern.test(name))!
      let bytes = values as Float32Array
      const permuted = /self_attn\.[qk]_proj/.test(name)
      if (permuted) {
        bytes = new Float32Array(values.length)
        const size = 8
        for (let row = 0; row < shape[0]!; row++) {
          const [head, within] = [Math.floor(row / size), row % size]
          // Number i of the first half and of the second lie side by side.
          const source = head * size + (within % 2) * (size / 2) + Math.floor(within / 2)
          bytes.set((values as Float32Array).subarray(source * 32, (source + 1) * 32), row * 32)
        }
      }
      return {
        name: name.replace(from, to),
        shape,
        type: 0,
        bytes: new Uint8Array(
          bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer,
        ),
      }
    }),
  )
}

describe('a GGUF file', () => {
  const model = gpt(form)
  const bytes = ggufOf(model)

  it('is the model that it was written from, with its tokenizer and template', async () => {
    const file = join(temporaryFolder(), 'model.gguf')
    writeFileSync(file, bytes)
    const loaded = await loadModel(file)
    expect(logitsOf(loaded.model)).toEqual(logitsOf(model))
    const { tokenizer } = loaded
    expect([...tokenizer!.encode('the ta<|end|>', { special: true })]).toEqual([258, 257, 97, 260])
    expect(tokenizer!.decode([258, 257])).toBe('the t')
    expect(loaded.template).toBe('{{ messages }}')
  })

  it('that is damaged anywhere is refused, or read as what it says, and takes no memory that it does not have', async () => {
    const file = join(temporaryFolder(), 'model.gguf')
    const random = createRandom(1)
    const before = tf.memory().numTensors
    let refused = 0
    for (let i = 0; i < (long ? 2000 : 120); i++) {
      let damaged = bytes.slice()
      const header = 7000
      if (random.next() < 0.2) damaged = damaged.slice(0, random.integer(damaged.length))
      else
        for (let flips = 1 + random.integer(4); flips > 0; flips--)
          damaged[random.integer(random.next() < 0.8 ? header : damaged.length)] = random.integer(256)
      writeFileSync(file, damaged)
      try {
        const { model: loaded } = await loadModel(file)
        loaded.dispose()
      } catch (error) {
        expect(error).toBeInstanceOf(InputError)
        expect((error as Error).message).toContain('model.gguf')
        refused++
      }
    }
    expect(refused).toBeGreaterThan(20)
    expect(tf.memory().numTensors).toBe(before)
  }, 600_000)

  it('of another kind is refused by name', async () => {
    const file = join(temporaryFolder(), 'other.gguf')
    writeFileSync(file, writeGguf({ 'general.architecture': 'mamba' }, []))
    await expect(loadModel(file)).rejects.toThrow(/general\.architecture: received 'mamba'/)
    await expect(loadModel(`${file}x.gguf`)).rejects.toThrow(/no file of this name/)
  })
})

describe('gradbook fetch', () => {
  it('refuses what there is not', async () => {
    const { code, stderr } = await gradbook(['fetch', 'gpt5'])
    expect(code).toBe(1)
    expect(stderr).toContain("received 'gpt5'. Expected 'smollm2'")
  })

  it('and smolLM2 without it says the command', async () => {
    const before = process.env.GRADBOOK_CACHE
    process.env.GRADBOOK_CACHE = temporaryFolder()
    try {
      await expect(smolLM2()).rejects.toThrow('Run `npx gradbook fetch smollm2`')
    } finally {
      if (before === undefined) delete process.env.GRADBOOK_CACHE
      else process.env.GRADBOOK_CACHE = before
    }
  })

  it.runIf(long)('gets SmolLM2, whose logits are those of PyTorch', { timeout: 300_000 }, async () => {
    const { code, stderr } = await gradbook(['fetch', 'smollm2'], { timeout: 240_000 })
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(existsSync(pathOf(published.smollm2!))).toBe(true)
    const { model, tokenizer } = await smolLM2({ context: 256 })
    const prompt = '<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n'
    const ids = [...tokenizer.encode(prompt, { special: true })]
    expect(ids).toEqual([1, 4093, 198, 1780, 314, 260, 3575, 282, 4649, 47, 2, 198, 1, 520, 9531, 198])
    const last = tf.tidy(() =>
      model
        .logits(tf.tensor2d([ids], [1, ids.length], 'int32'))
        .squeeze([0])
        .slice([ids.length - 1, 0])
        .dataSync(),
    )
    // transformers 5.24 and PyTorch 2.13, float32, of the same file.
    const expected: { [id: number]: number } = {
      504: 27.85875,
      60: 26.1295,
      38634: 26.10153,
      15319: 25.96228,
      7026: 25.18138,
      0: 9.87175,
      100: 15.47351,
      1000: 9.87403,
      40000: 4.68071,
    }
    for (const [id, logit] of Object.entries(expected))
      expect(Math.abs(last[Number(id)]! - logit)).toBeLessThan(1e-3)
    const answer = await model.generate(tokenizer, prompt, { tokens: 20, temperature: 0, stop: '<|im_end|>' })
    expect(answer.slice(prompt.length)).toBe('The capital of France is Paris.')
  })
})
