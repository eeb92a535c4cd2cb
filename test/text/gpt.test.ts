import * as tf from '@tensorflow/tfjs'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { adamw, train } from '../../src/index.js'
import {
  byteTokenizer,
  charTokenizer,
  gpt,
  loadModel,
  presets,
  saveModel,
  windows,
  type GptOptions,
} from '../../src/text/index.js'
import { Decoder } from '../../src/text/generation/decoder.js'
import { toBundle } from '../../src/show/values/values.js'
import { temporaryFolder } from '../kit/index.js'

/** Values that any language can make again, large enough that every part matters. */
function fill(tree: unknown): void {
  if (tree instanceof tf.Variable) {
    const { size, rank } = tree
    const values = Float32Array.from(
      { length: size },
      (_, i) => Math.sin(i * 0.7 + size) * 0.3 + (rank === 1 ? 0.5 : 0),
    )
    tf.tidy(() => tree.assign(tf.tensor(values, tree.shape)))
  } else for (const child of Object.values(tree as object)) fill(child)
}

const llama = {
  vocabulary: 50,
  context: 16,
  layers: 2,
  heads: 4,
  keyValueHeads: 2,
  width: 16,
  positions: 'rotary',
  norm: 'rms',
  activation: 'swiglu',
} as const

/**
 * Forms, with the logits of the last of the ids 3 1 4 1 5 9 2 6 (the first six) and the mean loss of the others, as
 * transformers 5.24 computes them in float64 from the folder that `saveModel` writes.
 */
const forms: [string, GptOptions, readonly number[], number][] = [
  [
    'gpt2',
    { vocabulary: 50, context: 16, layers: 2, heads: 2, width: 16, bias: true },
    [0.853906, -1.517866, -1.470174, 0.920961, 1.844094, -0.172241],
    5.501781,
  ],
  [
    'gpt2 without biases',
    { vocabulary: 50, context: 16, layers: 2, heads: 2, width: 16 },
    [0.687426, 1.728867, 0.014511, -1.722975, -0.714056, 1.433062],
    4.690748,
  ],
  [
    'llama',
    { ...llama, tied: false },
    [0.086024, -0.032916, -0.136376, -0.175695, -0.132383, -0.026809],
    3.920709,
  ],
  [
    'qwen2',
    { ...llama, bias: 'qkv' },
    [-0.400151, 1.397898, 0.967711, -1.004998, -1.37575, 0.44643],
    4.613381,
  ],
  [
    'qwen3',
    { ...llama, heads: 2, keyValueHeads: 1, headSize: 12, qkNorm: true },
    [-0.181376, 1.52291, 0.799693, -1.198227, -1.286184, 0.676024],
    4.867712,
  ],
]

const ids = [3, 1, 4, 1, 5, 9, 2, 6]
const logitsOf = (model: ReturnType<typeof gpt>) =>
  tf.tidy(
    () =>
      model
        .logits(tf.tensor2d([ids], [1, 8], 'int32'))
        .squeeze([0])
        .arraySync() as number[][],
  )

describe.each(forms)('%s', (_, options, last, loss) => {
  const make = () => {
    const model = gpt(options)
    fill(model.parameters)
    return model
  }

  it('has the logits and the loss of transformers', () => {
    const model = make()
    // Of magnitude 2 and a few products deep: float32 keeps six digits.
    for (const [i, logit] of logitsOf(model).at(-1)!.slice(0, 6).entries())
      expect(logit).toBeCloseTo(last[i]!, 5)
    const value = tf.tidy(() => {
      const x = tf.tensor2d([ids.slice(0, -1)], [1, 7], 'int32')
      const y = tf.tensor2d([ids.slice(1)], [1, 7], 'int32')
      return model.loss({ x, y }).loss.dataSync()[0]!
    })
    expect(value).toBeCloseTo(loss, 5)
  })

  it('is the same when it was saved and opened', async () => {
    const folder = join(temporaryFolder(), 'model')
    const model = make()
    saveModel(model, folder, { tokenizer: byteTokenizer() })
    const { model: again, tokenizer } = await loadModel(folder)
    expect(logitsOf(again)).toEqual(logitsOf(model))
    expect(tokenizer?.kind).toBe('bytes')
  })

  it('reads token by token as it reads at once', () => {
    const model = make()
    const whole = logitsOf(model)
    const decoder = new Decoder(model, 2)
    // Two rows of different lengths.
    let [first, second] = decoder.read([ids.slice(0, 3), ids.slice(0, 1)])
    for (let read = 3; ; read++) {
      for (const [i, logit] of whole[read - 1]!.entries()) expect(first![i]!).toBeCloseTo(logit, 4)
      for (const [i, logit] of whole[read - 3]!.entries()) expect(second![i]!).toBeCloseTo(logit, 4)
      if (read === ids.length) break
      ;[first, second] = decoder.next([ids[read]!, ids[read - 2]!], [read, read - 2])
    }
    decoder.dispose()
  })
})

describe('a GPT', () => {
  const text = 'to be or not to be, that is the question. '.repeat(40)
  const tokenizer = charTokenizer(text)
  const { train: trainSet, validation } = windows(text, tokenizer, { context: 16 })

  it('begins at ln(vocabulary), and learns', async () => {
    const model = gpt({ ...presets.tiny, context: 16, vocabulary: tokenizer.size, seed: 1 })
    const run = train(model, {
      data: trainSet,
      evaluateOn: validation,
      batchSize: 16,
      seed: 1,
      optimizer: adamw({ learningRate: 1e-2 }),
      clipNorm: 1,
    })
    // A little above: with tied embeddings a token at first expects itself.
    expect((await run.evaluate()).loss).toBeLessThan(Math.log(tokenizer.size) + 0.15)
    await run.iterate(100)
    expect((await run.evaluate()).loss).toBeLessThan(1.3)
    const worst = await run.mistakes({ k: 2 })
    expect(worst.rows[0]!.loss).toBeGreaterThan(0)
    const other = run.branch('other')
    await other.iterate(1)
    await run.iterate(1)
    expect(other.history.at(-1)!.loss).toBe(run.history.at(-1)!.loss)
    const losses = await model.tokenLosses(tokenizer, text.slice(0, 100))
    expect(losses).toHaveLength(99)
    // From window to window the last half is told with at least half a context before it.
    expect(losses.slice(16).reduce((sum, { loss }) => sum + loss, 0) / 83).toBeLessThan(1.3)
  })

  it('trains as one graph, whichever positions it has', async () => {
    for (const positions of ['learned', 'rotary'] as const) {
      const model = gpt({ ...presets.tiny, context: 16, positions, vocabulary: tokenizer.size, seed: 1 })
      const run = train(model, { data: trainSet, optimizer: adamw({ learningRate: 1e-2 }), save: false })
      await run.iterate(2)
      const checked = (await run.check()).find(({ check }) => check === 'compiled')
      expect(checked).toMatchObject({ ok: true })
    }
  })

  it('writes the same text with the same seed, in pieces as at once, beyond its context too', async () => {
    const model = gpt({ ...presets.tiny, context: 16, vocabulary: tokenizer.size, seed: 2 })
    const options = { tokens: 50, seed: 7, temperature: 0.9, topK: 8 }
    const once = await model.generate(tokenizer, 'that', options)
    let pieces = 'that'
    for await (const piece of model.stream(tokenizer, 'that', options)) pieces += piece
    expect([...once]).toHaveLength(54)
    expect(pieces).toBe(once)
    expect(await model.generate(tokenizer, 'that', { ...options, seed: 8 })).not.toBe(once)
    const [first] = await model.generate(tokenizer, ['that', 'to'], options)
    expect(first).toBe(once)
    expect(await model.generate(tokenizer, tokenizer.encode('that'), options)).toBe(once)
  })

  it('ends before a text to stop at, wherever tokens are cut', async () => {
    const model = gpt({ ...presets.tiny, vocabulary: 256, seed: 3 })
    const bytes = byteTokenizer()
    const options = { tokens: 40, seed: 1 }
    const whole = (await model.generate(bytes, 'a', options)).slice(1)
    const stop = whole.slice(10, 13)
    const ended = await model.generate(bytes, 'a', { ...options, stop: ['never there', stop] })
    expect(ended).toBe(`a${whole.slice(0, whole.indexOf(stop))}`)
  })

  it('tells probabilities and the five best tokens', async () => {
    const model = gpt({ ...presets.tiny, vocabulary: tokenizer.size, seed: 4 })
    for await (const piece of model.stream(tokenizer, 'to', { tokens: 3, temperature: 0, details: true })) {
      expect(piece.best).toHaveLength(5)
      expect(piece.best[0]!.id).toBe(piece.id)
      expect(piece.probability).toBe(piece.best[0]!.probability)
      expect(piece.best[0]!.probability).toBeGreaterThanOrEqual(piece.best[1]!.probability)
    }
  })

  it('shows a text with what was expected in place of each token', async () => {
    const model = gpt({ ...presets.tiny, vocabulary: tokenizer.size, seed: 4 })
    const losses = await model.tokenLosses(tokenizer, 'to be or', { best: 3 })
    // The probability of the token itself is among those of all.
    const { id, loss } = losses[0]!
    const all = await model.tokenLosses(tokenizer, 'to', { best: tokenizer.size })
    expect(all[0]!.best!.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 5)
    expect(losses[0]!.best).toHaveLength(3)
    expect(Math.exp(-loss)).toBeLessThanOrEqual(losses[0]!.best![0]!.probability + 1e-6)
    expect(tokenizer.decode([id])).toBe('o')
    const bundle = toBundle(losses)!
    expect(bundle['text/plain']).toMatch(/^\[7 tokens, the least expected/)
    expect(JSON.stringify(bundle)).toContain('most expected')
  })

  it('leaves no tensors behind when it has written', async () => {
    const model = gpt({ ...presets.tiny, vocabulary: tokenizer.size })
    await model.generate(tokenizer, 'to', { tokens: 3 })
    const before = tf.memory().numTensors
    await model.generate(tokenizer, 'to be', { tokens: 70 })
    for await (const _ of model.stream(tokenizer, 'to', { tokens: 9 })) break
    await model.tokenLosses(tokenizer, 'to be')
    // One mask for a length that was not met before.
    expect(tf.memory().numTensors - before).toBeLessThanOrEqual(1)
  })

  it.each([
    [{ vocabulary: 9, context: 4, width: 10, heads: 4 }, /width: received 10\. Expected a multiple of 4/],
    [{ vocabulary: 9, context: 4, nLayer: 3 }, /'nLayer'.*Its name here is layers/],
    [{ vocabulary: 0, context: 4 }, /vocabulary: received 0/],
    [{ vocabulary: 9, context: 4, window: [1] }, /4 of them, one a layer/],
  ])('refuses %o', (options, message) => {
    expect(() => gpt(options as never)).toThrow(message)
  })

  it('refuses a tokenizer of more tokens, an empty prompt and options that mean nothing', async () => {
    const model = gpt({ ...presets.tiny, vocabulary: 5 })
    await expect(model.generate(tokenizer, 'to')).rejects.toThrow(/the vocabulary of the model/)
    const own = charTokenizer('abcde')
    await expect(model.generate(own, '')).rejects.toThrow(/as prompt/)
    await expect(model.generate(own, Int32Array.of(5))).rejects.toThrow(/whole numbers from 0 to 4/)
    await expect(model.generate(own, 5 as never)).rejects.toThrow(/a text, or its tokens/)
    await expect(model.generate(own, 'a', { temperature: -1 })).rejects.toThrow(/temperature/)
    await expect(model.generate(own, 'a', { topp: 1 } as never)).rejects.toThrow(/Did you mean 'topP'/)
  })

  it('of a form that no family has is not saved as one', () => {
    const model = gpt({ ...presets.tiny, vocabulary: 5, activation: 'relu2' })
    expect(() => saveModel(model, join(temporaryFolder(), 'x'))).toThrow(/gpt2 differs in activation/)
  })

  it('is not saved beside files of others', () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'thesis.txt'), 'years of work')
    expect(() => saveModel(gpt({ ...presets.tiny, vocabulary: 5 }), folder)).toThrow(
      /with 'thesis.txt' in it/,
    )
    expect(readFileSync(join(folder, 'thesis.txt'), 'utf8')).toBe('years of work')
  })
})

describe('a damaged folder of a model', () => {
  it.each([
    ['config.json', '{', /config\.json/],
    ['config.json', '{"model_type":"bert"}', /received 'bert'.*'gpt2', 'llama', 'qwen2', 'qwen3'/],
    ['config.json', '{"model_type":"gpt2","n_embd":1e99}', /n_embd: received 1e\+99/],
    ['model.safetensors', 'short', /model\.safetensors/],
  ])('is named: %s', async (file, content, message) => {
    const folder = join(temporaryFolder(), 'model')
    saveModel(gpt({ ...presets.tiny, vocabulary: 5 }), folder)
    writeFileSync(join(folder, file), content)
    await expect(loadModel(folder)).rejects.toThrow(message)
  })

  it('whose sizes are not its weights’ is told by the tensor', async () => {
    const folder = join(temporaryFolder(), 'model')
    saveModel(gpt({ ...presets.tiny, vocabulary: 5 }), folder)
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, vocab_size: 6 }))
    await expect(loadModel(folder)).rejects.toThrow(/transformer\.wte\.weight of shape \[5, 64\]/)
  })
})
