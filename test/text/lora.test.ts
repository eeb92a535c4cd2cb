import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { describe, expect, it } from 'vitest'
import { adamw, loadRun, train } from '../../src/index.js'
import { encodeTensors, type StoredTensor } from '../../src/store/safetensors.js'
import {
  byteTokenizer,
  gpt,
  loadAdapter,
  loadModel,
  lora,
  saveAdapter,
  saveModel,
  windows,
  type LoraGpt,
} from '../../src/text/index.js'
import { placesFor } from '../../src/text/adapters/places.js'
import { Gpt, type GptParameters } from '../../src/text/models/gpt.js'
import { Held } from '../../src/text/quantised/held.js'
import { temporaryFolder } from '../kit/index.js'
import { silence } from '../kit/training.js'

await tf.setBackend('onnxruntime')
silence()

interface Reference {
  base: number[]
  rows: {
    name: string
    loss: number
    logits: number[]
    /** By map and half of its adapter: 'model.layers.0.mlp.up_proj.lora_A'. */
    gradients: { [part: string]: number[] }
  }[]
}
/** By test/text/lora.py, in double precision. */
const reference = JSON.parse(readFileSync('test/text/fixtures/lora-reference.json', 'utf8')) as Reference
const row = (name: string) => reference.rows.find((one) => one.name === name)!

const x = [[3, 1, 4, 1, 5, 9, 2, 6], [5, 3, 5, 8, 9, 7, 9, 3]] // prettier-ignore
const y = [[-1, -1, 4, 1, 5, -1, -1, 8], [-1, 9, -1, -1, -1, 7, 3, 2]] // prettier-ignore
const ids = () => tf.tensor2d(x, [2, 8], 'int32')
const labels = () => tf.tensor2d(y, [2, 8], 'int32')
const sines = (count: number, phase: number, scale: number, shift = 0) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * 0.37 + phase) * scale + shift)

/** The small Llama of the script, as a folder of Hugging Face's. */
function smallLlama(): string {
  const folder = temporaryFolder()
  const shapes: { [name: string]: number[] } = {
    'model.embed_tokens.weight': [31, 16],
    'model.norm.weight': [16],
  }
  for (const layer of [0, 1]) {
    const at = `model.layers.${layer}`
    for (const norm of ['input_layernorm', 'post_attention_layernorm']) shapes[`${at}.${norm}.weight`] = [16]
    for (const part of ['gate', 'up']) shapes[`${at}.mlp.${part}_proj.weight`] = [24, 16]
    shapes[`${at}.mlp.down_proj.weight`] = [16, 24]
    for (const part of ['q', 'o']) shapes[`${at}.self_attn.${part}_proj.weight`] = [16, 16]
    for (const part of ['k', 'v']) shapes[`${at}.self_attn.${part}_proj.weight`] = [8, 16]
  }
  const tensors: { [name: string]: StoredTensor } = {}
  for (const [i, name] of Object.keys(shapes).toSorted().entries()) {
    const shape = shapes[name]!
    const size = shape.reduce((a, b) => a * b, 1)
    tensors[name] = { shape, values: sines(size, i, 0.3, name.includes('norm') ? 1 : 0) }
  }
  writeFileSync(join(folder, 'model.safetensors'), encodeTensors({ tensors, metadata: { format: 'pt' } }))
  writeFileSync(
    join(folder, 'config.json'),
    JSON.stringify({
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      vocab_size: 31,
      max_position_embeddings: 16,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      hidden_size: 16,
      head_dim: 4,
      intermediate_size: 24,
      hidden_act: 'silu',
      rms_norm_eps: 1e-5,
      rope_theta: 10000,
      tie_word_embeddings: true,
    }),
  )
  return folder
}

/** The values of the script, in PyTorch's order of names and of numbers. */
function fill(model: LoraGpt): LoraGpt {
  const halves = Object.entries(model.parameters).flatMap(([name, { a, b }]) => [
    { name: `${name}.lora_A`, variable: a },
    { name: `${name}.lora_B`, variable: b },
  ])
  for (const [i, { variable }] of halves.toSorted((m, n) => (m.name < n.name ? -1 : 1)).entries()) {
    const [rows, columns] = variable.shape as [number, number]
    tf.tidy(() =>
      variable.assign(tf.tensor2d(sines(variable.size, 100 + i, 0.2), [columns, rows]).transpose()),
    )
  }
  return model
}

const logitsOf = (model: { logits(x: tf.Tensor): tf.Tensor }) =>
  tf.tidy(() => Array.from(model.logits(ids()).dataSync()))
function expectNear(found: ArrayLike<number>, expected: ArrayLike<number>, within: number): void {
  expect(found.length).toBe(expected.length)
  let most = 0
  for (let i = 0; i < found.length; i++) most = Math.max(most, Math.abs(found[i]! - expected[i]!))
  expect(most).toBeLessThan(within)
}

const options = {
  all: { rank: 3, alpha: 6 },
  'rank-stabilised': { rank: 4, alpha: 8, rankStabilised: true, targets: ['q_proj', 'v_proj', 'down_proj'] },
}

describe('adapters', () => {
  it.each(Object.keys(options) as (keyof typeof options)[])(
    'have the logits, the loss and the gradients of peft (%s)',
    async (name) => {
      const { model: base } = await loadModel(smallLlama())
      // Logits of up to 3, float32 against double.
      expectNear(logitsOf(base), reference.base, 2e-5)
      const model = fill(lora(base, options[name]))
      const { loss, logits, gradients } = row(name)
      expectNear(logitsOf(model), logits, 2e-5)
      const names = Object.entries(model.parameters)
      const found = tf.tidy(() => {
        const variables = names.flatMap(([, { a, b }]) => [a, b])
        const { value, grads } = tf.variableGrads(() => model.loss({ x: ids(), y: labels() }).loss, variables)
        expect(Math.abs(value.dataSync()[0]! - loss)).toBeLessThan(1e-5)
        return variables.map((variable) => Array.from(grads[variable.name]!.transpose().dataSync()))
      })
      expect(Object.keys(gradients).length).toBe(found.length)
      for (const [i, [place]] of names.entries())
        for (const [half, part] of ['lora_A', 'lora_B'].entries())
          expectNear(found[2 * i + half]!, gradients[`${place}.${part}`]!, 1e-5)
    },
  )

  it('change nothing at first, to the bit, in logits and in what is written', async () => {
    for (const form of [
      {},
      { positions: 'rotary', norm: 'rms', activation: 'swiglu', keyValueHeads: 1, tied: false },
    ] as const) {
      const base = gpt({ vocabulary: 256, context: 32, layers: 2, heads: 2, width: 32, seed: 3, ...form })
      const model = lora(base)
      const token = byteTokenizer()
      const both = [base, model].map((one) =>
        tf.tidy(() => Array.from(one.logits(tf.tensor2d([[1, 2, 3, 4]], [1, 4], 'int32')).dataSync())),
      )
      expect(both[1]).toEqual(both[0])
      const write = (one: typeof base | LoraGpt) => one.generate(token, 'to be', { tokens: 20, seed: 1 })
      expect(await write(model)).toBe(await write(base))
      const losses = (one: typeof base | LoraGpt) => one.tokenLosses(token, 'to be or not')
      expect(await losses(model)).toEqual(await losses(base))
      expect(Object.keys(model.parameters).length).toBe(placesFor(base.config).length)
    }
  })

  it(
    'are trained, saved, taken up and branched like any model, and the weights stay as they are',
    { timeout: 60_000 },
    async () => {
      const text = 'to be or not to be that is the question '.repeat(30)
      const tokenizer = byteTokenizer()
      const { train: data, validation } = windows(text, tokenizer, { context: 16 })
      const base = gpt({ vocabulary: 256, context: 16, layers: 1, heads: 2, width: 32, seed: 1 })
      const before = Array.from(base.weights.blocks[0]!.mlp.up.weight.dataSync())
      const make = () => lora(base, { rank: 4, seed: 1 })
      const model = make()
      const run = train(model, {
        data,
        evaluateOn: validation,
        batchSize: 8,
        seed: 1,
        optimizer: adamw({ learningRate: 2e-2 }),
        progress: false,
        save: false,
      })
      expect(run.parameters.length).toBe(8)
      await run.iterate(30)
      const { loss } = await run.evaluate()
      expect(loss).toBeLessThan(run.history[0]!.loss - 0.15)
      expect(Array.from(base.weights.blocks[0]!.mlp.up.weight.dataSync())).toEqual(before)
      const branch = run.branch('other')
      await branch.iterate(5)
      await run.iterate(5)
      expect(branch.history.at(-1)!.loss).toBe(run.history.at(-1)!.loss)
      expect(branch.model.base).toBe(base)
      const folder = join(temporaryFolder(), 'run')
      await run.save(folder)
      const again = await loadRun(folder, {
        model: make(),
        data,
        evaluateOn: validation,
        save: false,
        progress: false,
      })
      expect((await again.evaluate()).loss).toBe((await run.evaluate()).loss)
      await run.undo()
      await run.undo()
      expect(run.iteration).toBe(0)
      expect(
        Array.from(model.parameters['transformer.h.0.mlp.c_fc']!.b.dataSync()).every((value) => value === 0),
      ).toBe(true)
    },
  )

  it('of a model of few bits are trained beside its numbers, which become float32 before anything is recorded', async () => {
    const form = { vocabulary: 256, context: 16, layers: 1, heads: 2, width: 32, seed: 4 }
    const { train: data } = windows('to be or not to be '.repeat(20), byteTokenizer(), { context: 16 })
    const { config } = gpt(form)
    const fewBits = new Held({
      open: () => expect.unreachable(),
      floats: () => gpt(form).weights,
      close() {},
    })
    const losses: number[] = []
    for (const base of [gpt(form), new Gpt<GptParameters>(config, fewBits)]) {
      const options = { data, batchSize: 4, seed: 1, save: false, progress: false }
      const run = train(lora(base, { seed: 1 }), { ...options, optimizer: adamw({ learningRate: 1e-2 }) })
      await run.iterate(3)
      losses.push(...run.history.map(({ loss }) => loss))
    }
    expect(losses.slice(3)).toEqual(losses.slice(0, 3))
    expect(losses[2]).not.toBe(losses[0])
  })

  it('are merged into weights of their own that compute the same', async () => {
    const { model: base } = await loadModel(smallLlama())
    const model = fill(lora(base, options.all))
    const merged = model.merge()
    expectNear(logitsOf(merged), logitsOf(model), 1e-5)
    expectNear(logitsOf(base), reference.base, 2e-5)
    expect(logitsOf(merged)).not.toEqual(logitsOf(base))
    // The weights alone would be the base's, without a word.
    expect(() => saveModel(model, temporaryFolder())).toThrow(/saveModel\(model\.merge\(\)/)
  })

  it('are put where targets say, and targets that name nothing are refused', async () => {
    const { model: base } = await loadModel(smallLlama())
    const names = (targets: RegExp | string[]) => Object.keys(lora(base, { targets }).parameters)
    expect(names(['v_proj'])).toEqual(['model.layers.0.self_attn.v_proj', 'model.layers.1.self_attn.v_proj'])
    expect(names(/layers\.1\.mlp/).length).toBe(3)
    expect(names(['model.layers.0.mlp.up_proj'])).toEqual(['model.layers.0.mlp.up_proj'])
    expect(() => lora(base, { targets: ['c_attn'] })).toThrow(
      /'c_attn', which no map of the model is called.*'q_proj'/,
    )
    expect(() => lora(base, { targets: /wte/ })).toThrow(/which no map of the model is called by/)
    expect(() => lora(base, { rank: 0 })).toThrow(/at least 1/)
    expect(() => lora(base, { ranks: 8 } as never)).toThrow(/Did you mean 'rank'/)
    expect(() => lora(lora(base) as never)).toThrow(/has adapters already.*merge/)
  })
})

describe('adapters in the layout of peft', () => {
  it('are opened as peft wrote them', async () => {
    const { model: base } = await loadModel(smallLlama())
    const model = loadAdapter(base, 'test/text/fixtures/adapter')
    expect(model.lora).toMatchObject({ rank: 3, alpha: 6, rankStabilised: false })
    expectNear(logitsOf(model), row('all').logits, 2e-5)
  })

  it('are written and opened again, number for number', async () => {
    const { model: base } = await loadModel(smallLlama())
    for (const name of Object.keys(options) as (keyof typeof options)[]) {
      const model = fill(lora(base, options[name]))
      const folder = join(temporaryFolder(), 'adapter')
      saveAdapter(model, folder, { base: 'small' })
      const again = loadAdapter(base, folder)
      expect(logitsOf(again)).toEqual(logitsOf(model))
      const { places, ...settings } = again.lora
      expect(settings).toEqual({
        rankStabilised: false,
        rank: options[name].rank,
        alpha: options[name].alpha,
        ...(name !== 'all' && { rankStabilised: true }),
      })
      expect(places.map((place) => place.name)).toEqual(model.lora.places.map((place) => place.name))
    }
  })

  it('of another model are refused by name', async () => {
    const { model: base } = await loadModel(smallLlama())
    const folder = join(temporaryFolder(), 'adapter')
    saveAdapter(lora(base, options.all), folder, { base: 'small' })
    const form = {
      vocabulary: 31,
      context: 16,
      layers: 2,
      heads: 4,
      keyValueHeads: 2,
      width: 16,
      hidden: 24,
      positions: 'rotary',
      norm: 'rms',
      activation: 'swiglu',
    } as const
    expect(() => loadAdapter(gpt(form), folder)).toThrow(
      /of another model \(it says: of small\): of this form, with other weights/,
    )
    expect(() => loadAdapter(gpt({ ...form, layers: 1 }), folder)).toThrow(
      /it has base_model\.model\.model\.layers\.1\./,
    )
    expect(() => loadAdapter(gpt({ ...form, hidden: 32 }), folder)).toThrow(
      /mlp\.\w+\.lora_[AB]\.weight is \[.*Expected \[/,
    )
    expect(() =>
      loadAdapter(gpt({ vocabulary: 31, context: 16, layers: 2, heads: 4, width: 16 }), folder),
    ).toThrow(/which nothing here is called/)
    // One of peft's own has no digest: form and names are all that can be told.
    expect(() => loadAdapter(gpt({ ...form, width: 32 }), 'test/text/fixtures/adapter')).toThrow(
      /of another model/,
    )
  })

  it('that do what is not known here, or are damaged, are refused by name', async () => {
    const { model: base } = await loadModel(smallLlama())
    const from = 'test/text/fixtures/adapter'
    const config = JSON.parse(readFileSync(join(from, 'adapter_config.json'), 'utf8')) as object
    const withConfig = (changes: object) => {
      const folder = temporaryFolder()
      cpSync(from, folder, { recursive: true })
      writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify({ ...config, ...changes }))
      return folder
    }
    expect(() => loadAdapter(base, withConfig({ use_dora: true }))).toThrow(/use_dora: received true/)
    expect(() => loadAdapter(base, withConfig({ r: 4 }))).toThrow(/its rank of 4/)
    expect(() => loadAdapter(base, withConfig({ r: -1 }))).toThrow(/adapter_config\.json: r/)
    expect(() => loadAdapter(base, withConfig({ rank_pattern: { q_proj: 2 } }))).toThrow(/one rank/)
    expect(() => loadAdapter(base, 'no/such')).toThrow(/adapter_config\.json/)
    const cut = withConfig({})
    const bytes = readFileSync(join(cut, 'adapter_model.safetensors'))
    writeFileSync(join(cut, 'adapter_model.safetensors'), bytes.subarray(0, bytes.length - 100))
    expect(() => loadAdapter(base, cut)).toThrow(/adapter_model\.safetensors/)
    expect(() => saveAdapter(base as never, temporaryFolder())).toThrow(/saveModel/)
    expect(() => saveAdapter(lora(base), smallLlama())).toThrow(/with 'config\.json' in it/)
  })

  const python = process.env.GRADBOOK_PYTHON
  const hasPeft = (() => {
    try {
      execFileSync(python!, ['-c', 'import peft, transformers'], { stdio: 'ignore' })
      return true
    } catch {
      console.error(
        'Skipped: peft opens an adapter. Set GRADBOOK_PYTHON to a Python with peft and transformers.',
      )
      return false
    }
  })()

  it.skipIf(!hasPeft)('are opened by peft, with the same logits', { timeout: 240_000 }, async () => {
    const { model: base } = await loadModel(smallLlama())
    for (const name of Object.keys(options) as (keyof typeof options)[]) {
      const model = fill(lora(base, options[name]))
      const folder = temporaryFolder()
      saveModel(base, join(folder, 'base'))
      saveAdapter(model, join(folder, 'adapter'), { base: join(folder, 'base') })
      const told = execFileSync(
        python!,
        ['test/text/lora.py', join(folder, 'base'), join(folder, 'adapter')],
        { encoding: 'utf8' },
      )
      expectNear(logitsOf(model), JSON.parse(told.trim().split('\n').at(-1)!) as number[], 2e-5)
    }
  })
})
