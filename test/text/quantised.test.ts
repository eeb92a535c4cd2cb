import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../../src/data/random.js'
import { adamw, InputError, train } from '../../src/index.js'
import { loadModel, windows, type Gpt, type Tokenizer } from '../../src/text/index.js'
import { maybeFiles } from '../../src/store/files.js'
import { loadGguf } from '../../src/text/weights/gguf.js'
import { quantisations } from '../../src/text/quantised/dequantise.js'
import { temporaryFolder } from '../kit/index.js'
import { writeGguf, type GgufTensor } from './gguf.js'

const bytes = 256
const width = 64
const hidden = 96
const [heads, keyValueHeads, size] = [4, 2, 16]

/** Letters that GPT-2 writes bytes in. */
function byteLetters(): string[] {
  const plain = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173)
  let next = 0
  return Array.from({ length: bytes }, (_, byte) => String.fromCodePoint(plain(byte) ? byte : 256 + next++))
}

/** A file whose matrices are blocks of random bytes with sane scales, of one type each. */
function fileOf(
  matrixType: number,
  embeddingType: number,
  { architecture = 'llama', tied = true }: { architecture?: string; tied?: boolean } = {},
): string {
  const random = createRandom(matrixType * 100 + embeddingType)
  const floats = (shape: number[], of: () => number): Uint8Array => {
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, of)
    return new Uint8Array(values.buffer)
  }
  // Halves: 0.0012 to 0.0022.
  const half = () => 0x1500 + random.integer(0x380)
  const blocks = (type: number, shape: number[], scale = 1): Uint8Array => {
    const { name, block, bytes: each } = quantisations.get(type)!
    if (name === 'F32') return floats(shape, () => (random.next() - 0.5) * 0.2)
    const count = (shape[0]! * shape[1]!) / block
    const made = new Uint8Array(count * each)
    for (let i = 0; i < made.length; i++) made[i] = random.integer(256)
    const put = (at: number, bits: number) => {
      made[at] = bits & 255
      made[at + 1] = bits >> 8
    }
    for (let i = 0; i < count; i++) {
      const at = i * each
      // Q6_K's scale stands at the end, and is multiplied by up to 128; Q4_K's by up to 63.
      if (name === 'Q6_K') put(at + 208, 0x0200 + random.integer(0x80))
      else if (name === 'Q4_K') {
        put(at, 0x0700 + random.integer(0x80))
        put(at + 2, 0x0700 + random.integer(0x80))
      } else {
        put(at, half() + (name.startsWith('Q4') || name.startsWith('Q5') ? 0x1000 : 0) * scale)
        if (name.endsWith('_1')) put(at + 2, (0x8000 + half() + 0x1800) & 0xffff)
      }
    }
    return made
  }
  const tensors: GgufTensor[] = []
  const matrix = (name: string, rows: number, columns: number, type = matrixType) =>
    tensors.push({
      name: `${name}.weight`,
      shape: [rows, columns],
      type,
      bytes: blocks(type, [rows, columns]),
    })
  const gain = (name: string, length = width) =>
    tensors.push({
      name: `${name}.weight`,
      shape: [length],
      type: 0,
      bytes: floats([length], () => 0.5 + random.next()),
    })
  const wide = matrixType === 12 || matrixType === 14 ? 256 : width
  matrix('token_embd', bytes + 1, wide, embeddingType)
  for (let layer = 0; layer < 2; layer++) {
    const at = `blk.${layer}.`
    gain(`${at}attn_norm`, wide)
    matrix(`${at}attn_q`, heads * size, wide)
    matrix(`${at}attn_k`, keyValueHeads * size, wide)
    // Files mix types: here values have the embedding's.
    matrix(`${at}attn_v`, keyValueHeads * size, wide, embeddingType)
    if (architecture === 'qwen3') {
      gain(`${at}attn_q_norm`, size)
      gain(`${at}attn_k_norm`, size)
    }
    if (architecture === 'qwen2')
      for (const [part, rows] of [
        ['q', heads * size],
        ['k', keyValueHeads * size],
        ['v', keyValueHeads * size],
      ] as const)
        tensors.push({
          name: `${at}attn_${part}.bias`,
          shape: [rows],
          type: 0,
          bytes: floats([rows], () => random.next() - 0.5),
        })
    const inner = wide === 256 ? 256 : heads * size
    matrix(`${at}attn_output`, wide, heads * size, inner === heads * size ? matrixType : embeddingType)
    gain(`${at}ffn_norm`, wide)
    const deep = wide === 256 ? 256 : hidden
    matrix(`${at}ffn_gate`, deep, wide)
    matrix(`${at}ffn_up`, deep, wide)
    matrix(`${at}ffn_down`, wide, deep)
  }
  gain('output_norm', wide)
  if (!tied) matrix('output', bytes + 1, wide)
  const file = join(temporaryFolder(), 'model.gguf')
  const u32 = (value: number) => ({ u32: value })
  writeFileSync(
    file,
    writeGguf(
      {
        'general.architecture': architecture,
        [`${architecture}.context_length`]: u32(600),
        [`${architecture}.embedding_length`]: u32(wide),
        [`${architecture}.block_count`]: u32(2),
        [`${architecture}.feed_forward_length`]: u32(wide === 256 ? 256 : hidden),
        [`${architecture}.attention.head_count`]: u32(heads),
        [`${architecture}.attention.head_count_kv`]: u32(keyValueHeads),
        [`${architecture}.attention.key_length`]: u32(size),
        [`${architecture}.attention.value_length`]: u32(size),
        [`${architecture}.attention.layer_norm_rms_epsilon`]: 1e-5,
        [`${architecture}.rope.freq_base`]: 10_000,
        'tokenizer.ggml.model': 'gpt2',
        'tokenizer.ggml.pre': 'smollm',
        'tokenizer.ggml.tokens': [...byteLetters(), '<|end|>'],
        'tokenizer.ggml.token_type': Array.from({ length: bytes + 1 }, (_, id) => (id === bytes ? 3 : 1)),
        'tokenizer.ggml.merges': ['t h'],
      },
      tensors,
    ),
  )
  return file
}

const text = 'the quick brown fox, and then another that is quicker than it. '.repeat(4)

/** The same file with its weights as float32, which is what is asked for as parameters. */
async function pairOf(file: string, activations?: 'int8') {
  const held = await loadModel(file, activations && { activations })
  const float = await loadModel(file)
  expect(held.model.held).toBeDefined()
  void float.model.parameters
  expect(float.model.held).toBeUndefined()
  return { held: held.model, float: float.model, tokenizer: held.tokenizer! }
}

const lossesOf = async (model: Gpt, tokenizer: Tokenizer) =>
  Float64Array.from(await model.tokenLosses(tokenizer, text), ({ loss }) => loss)

describe('weights of few bits', () => {
  const kinds: [string, number, number, { architecture?: string; tied?: boolean }?][] = [
    ['Q4_1 with an embedding of Q8_0, as SmolLM2', 3, 8],
    ['Q4_0 of a Qwen 2 with biases and an output of its own', 2, 8, { architecture: 'qwen2', tied: false }],
    ['Q8_0 of a Qwen 3 with norms of queries and keys', 8, 8, { architecture: 'qwen3' }],
    ['Q5_1 beside Q5_0', 7, 6],
    ['Q4_0 beside float32', 2, 0],
    ['Q4_K beside Q8_0', 12, 8],
    ['Q6_K beside Q4_0', 14, 2],
  ]
  it.each(kinds)('%s: the same losses as the same weights in float32', async (_, type, embedding, form) => {
    const { held, float, tokenizer } = await pairOf(fileOf(type, embedding, form))
    const [few, full] = [await lossesOf(held, tokenizer), await lossesOf(float, tokenizer)]
    expect(held.held).toBeDefined()
    // Sums in another order, and of a block's scale and shift apart, which of random weights almost cancel.
    const away = few.map((loss, at) => Math.abs(loss - full[at]!))
    expect(away.reduce((sum, one) => sum + one, 0) / away.length).toBeLessThan(2e-4)
    expect(Math.max(...away)).toBeLessThan(5e-3)
    held.dispose()
    float.dispose()
  })

  it('write what the same weights in float32 write, alone, together and beyond the first room', async () => {
    const { held, float, tokenizer } = await pairOf(fileOf(3, 8))
    const options = { tokens: 40, temperature: 0 }
    const prompts = ['a', 'the quick brown fox jumps', 'more']
    const together = await held.generate(tokenizer, prompts, options)
    expect(together).toEqual(await float.generate(tokenizer, prompts, options))
    for (const [at, prompt] of prompts.entries())
      expect(await held.generate(tokenizer, prompt, options)).toBe(together[at])
    // 256 tokens have room at first; half of the context of 600 is read anew behind its end.
    const long = { tokens: 380, temperature: 0 }
    expect(await held.generate(tokenizer, text, long)).toBe(await float.generate(tokenizer, text, long))
    held.dispose()
    float.dispose()
  })

  it('are nearly the same where what they are multiplied with is rounded to 8 bits', async () => {
    const { held, float, tokenizer } = await pairOf(fileOf(3, 8), 'int8')
    const [few, full] = [await lossesOf(held, tokenizer), await lossesOf(float, tokenizer)]
    const away = few.map((loss, at) => Math.abs(loss - full[at]!))
    const mean = away.reduce((sum, one) => sum + one, 0) / away.length
    // Logits spread by 2 or so, and each product rounds to a part in 250.
    expect(mean).toBeGreaterThan(1e-5)
    expect(mean).toBeLessThan(0.1)
    held.dispose()
    float.dispose()
    await expect(loadModel(fileOf(0, 0), { activations: 'int8' })).rejects.toThrow(/GGUF file of few bits/)
    await expect(loadModel(fileOf(3, 8), { activations: 'int4' as 'int8' })).rejects.toThrow(
      /activations: received 'int4'/,
    )
  })

  it('become float32 when they are trained, which what is being written does not notice', async () => {
    const { model, tokenizer } = await loadModel(fileOf(2, 8), { context: 32 })
    const before = await model.generate(tokenizer!, 'the', { tokens: 12, temperature: 0 })
    const pieces: string[] = []
    let run: ReturnType<typeof train> | undefined
    for await (const piece of model.stream(tokenizer!, 'the', { tokens: 12, temperature: 0 })) {
      pieces.push(piece)
      if (run) continue
      const { train: data } = windows(text.repeat(4), tokenizer!, { context: 32 })
      run = train(model, { data, batchSize: 2, optimizer: adamw({ learningRate: 1e-2 }), save: false })
      await run.iterate(3)
    }
    expect(`the${pieces.join('')}`).toBe(before)
    expect(model.held).toBeUndefined()
    expect(await model.generate(tokenizer!, 'the', { tokens: 12, temperature: 0 })).not.toBe(before)
    model.dispose()
    const other = await loadModel(fileOf(2, 8))
    other.model.dispose()
    await expect(other.model.generate(other.tokenizer!, 'a')).rejects.toThrow(InputError)
  })
})

describe('a model file of few bits that was opened before', () => {
  const files = maybeFiles()!

  /** Opens a file whatever its size as one of which something is kept. */
  async function opened(file: string, cache: string, activations?: 'int8') {
    const before = process.env.GRADBOOK_CACHE
    process.env.GRADBOOK_CACHE = cache
    try {
      const { model, tokenizer } = await loadGguf(files, file, { keepFrom: 1, activations })
      const losses = await lossesOf(model, tokenizer)
      return { losses, model, tokenizer }
    } finally {
      if (before === undefined) delete process.env.GRADBOOK_CACHE
      else process.env.GRADBOOK_CACHE = before
    }
  }

  /** Files of the cache, by their path in it. */
  const kept = (cache: string) =>
    (readdirSync(cache, { recursive: true }) as string[]).filter((path) => path.includes('.')).toSorted()

  it.each([undefined, 'int8'] as const)(
    'says the same from what was kept of it (%s)',
    async (activations) => {
      const file = fileOf(3, 8)
      const cache = temporaryFolder()
      const plain = await loadModel(file, activations && { activations })
      const expected = await lossesOf(plain.model, plain.tokenizer!)
      expect(await opened(file, cache, activations).then(({ losses }) => losses)).toEqual(expected)
      const made = kept(cache)
      const name = activations ?? 'float32'
      expect(made.map((path) => path.split('/').at(-1)).toSorted()).toEqual(
        [`${name}.bin`, `${name}.onnx`, 'head.json'].toSorted(),
      )
      const times = made.map((path) => statSync(join(cache, path)).mtimeMs)
      const again = await opened(file, cache, activations)
      expect(again.losses).toEqual(expected)
      expect(made.map((path) => statSync(join(cache, path)).mtimeMs)).toEqual(times)
      expect(again.tokenizer.toJSON()).toEqual(plain.tokenizer!.toJSON())
      // What is trained are the same numbers as of the file itself.
      const floats = (model: Gpt) => model.weights.blocks[1]!.mlp.down.weight.dataSync()
      expect(floats(again.model)).toEqual(floats(plain.model))
    },
  )

  it('is read anew when it is another, and what was kept of the old one goes', async () => {
    const file = fileOf(3, 8)
    const cache = temporaryFolder()
    const { losses } = await opened(file, cache)
    const before = kept(cache)
    writeFileSync(file, readFileSync(fileOf(2, 8)))
    const other = await opened(file, cache)
    expect(other.losses).not.toEqual(losses)
    const { model, tokenizer } = await loadModel(file)
    expect(other.losses).toEqual(await lossesOf(model, tokenizer!))
    expect(kept(cache).length).toBe(3)
    expect(kept(cache)).not.toEqual(before)
  })

  it('is made anew where what was kept was damaged, and opened where nothing can be kept', async () => {
    const file = fileOf(3, 8)
    const cache = temporaryFolder()
    const { losses } = await opened(file, cache)
    const [bin, onnx, head] = kept(cache).map((path) => join(cache, path)) as [string, string, string]
    for (const damage of [
      () => truncateSync(bin, statSync(bin).size >> 1),
      () => writeFileSync(onnx, 'no model'),
      () => writeFileSync(head, '{"metadata": {}}'),
      () => truncateSync(head, 100),
    ]) {
      damage()
      expect((await opened(file, cache)).losses).toEqual(losses)
      // What was taken back is there again the next time.
      expect((await opened(file, cache)).losses).toEqual(losses)
      expect(kept(cache).length).toBe(3)
    }
    const noFolder = join(temporaryFolder(), 'a-file')
    writeFileSync(noFolder, '')
    expect((await opened(file, noFolder)).losses).toEqual(losses)
  })
})
