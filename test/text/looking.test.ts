import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { describe, expect, it } from 'vitest'
import { adamw, hardest, byLoss, loadRun, train } from '../../src/index.js'
import { setBackendOptions } from '../../src/backend/index.js'
import { setHost } from '../../src/host.js'
import { silentHost } from '../../src/hosts/index.js'
import {
  bitsPerByte,
  charTokenizer,
  gpt,
  samples,
  samplesOf,
  scalingLaw,
  windows,
  type GptOptions,
  type Tokenizer,
} from '../../src/text/index.js'
import { toBundle } from '../../src/show/values/values.js'
import { temporaryFolder } from '../kit/index.js'
import type { SamplesView } from '../../src/views.js'

/** Values that any language can make again: looking.py makes the same. */
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

/** Its tokens are written as their ids, a space behind each. */
const numbered = {
  kind: 'numbers',
  size: 50,
  special: {},
  encode: (text: string) => Int32Array.from(text.split(' ').filter(Boolean), Number),
  decode: (ids: ArrayLike<number>) => Array.from(ids, (id) => `${id} `).join(''),
  bytes: (id: number) => new TextEncoder().encode(`${id} `),
  toJSON: () => ({}),
} satisfies Tokenizer

/** What looking.py prints. */
const references: [
  string,
  GptOptions,
  { attention: number[][]; best: number[][]; probability: number[]; loss: number[] },
][] = [
  [
    'gpt2',
    { vocabulary: 50, context: 16, layers: 2, heads: 2, width: 16, bias: true },
    {
      attention: [
        [0.169633, 0.159474, 0.159612, 0.189383, 0.161657, 0.160242],
        [0.167649, 0.164409, 0.164468, 0.173711, 0.165109, 0.164654],
      ],
      best: [
        [22, 27, 13],
        [27, 45, 13],
      ],
      probability: [0.069167, 0.059291, 0.065875],
      loss: [5.90283, 6.0801, 6.09877],
    },
  ],
  [
    'llama',
    {
      vocabulary: 50,
      context: 16,
      layers: 2,
      heads: 4,
      keyValueHeads: 2,
      width: 16,
      positions: 'rotary',
      norm: 'rms',
      activation: 'swiglu',
      tied: false,
    },
    {
      attention: [
        [0.166288, 0.167436, 0.167078, 0.165901, 0.166363, 0.166935],
        [0.166733, 0.166022, 0.166313, 0.16748, 0.167206, 0.166247],
      ],
      best: [
        [46, 47, 47],
        [3, 3, 3],
      ],
      probability: [0.021186, 0.021717, 0.022121],
      loss: [3.85968, 3.83047, 3.8143],
    },
  ],
]

// Small graphs are quickest in one thread.
setBackendOptions({ threads: 1 })

describe.each(references)('a model of the form of %s', (_, options, expected) => {
  const model = gpt(options)
  fill(model.parameters)
  const text = '3 1 4 1 5 9 2 6'

  it('looks where transformers says that its heads look', async () => {
    const { weights, tokens, heads } = await model.attention(numbered, text, { layer: 1, head: [0, 1] })
    expect(heads).toEqual([0, 1])
    expect(tokens.join('')).toBe('3 1 4 1 5 9 2 6 ')
    for (const [head, row] of expected.attention.entries())
      for (const [to, weight] of row.entries()) expect(weights[head]![5]![to]).toBeCloseTo(weight, 5)
    // Nobody looks ahead, and each row adds up to 1.
    expect(weights[0]![5]![6]).toBe(0)
    expect(Array.from(weights[1]![7]!).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5)
  })

  it('says behind each layer what transformers’ hidden states say through the last norm and map', async () => {
    const { layers } = await model.lens(numbered, text)
    expect(layers.map(({ name }) => name)).toEqual(['embedding', 'layer 0', 'layer 1'])
    for (const [layer, { places }] of layers.entries()) {
      expect(places[5]!.best[0]!.token).toBe(`${expected.best[0]![layer]} `)
      expect(places[2]!.best[0]!.token).toBe(`${expected.best[1]![layer]} `)
      expect(places[5]!.best[0]!.probability).toBeCloseTo(expected.probability[layer]!, 5)
      expect(places[5]!.loss).toBeCloseTo(expected.loss[layer]!, 4)
      expect(places.at(-1)!.loss).toBeUndefined()
    }
  })

  it('leaves no tensors of what was looked at', async () => {
    await model.lens(numbered, text)
    const before = tf.memory().numTensors
    await model.lens(numbered, text)
    await model.attention(numbered, text)
    expect(tf.memory().numTensors).toBe(before)
  })

  it('refuses a layer, a head or a text that it has no room for', async () => {
    await expect(model.attention(numbered, text, { layer: 2 })).rejects.toThrow(/layer: received 2.*0 to 1/)
    await expect(model.attention(numbered, text, { head: [0, 9] })).rejects.toThrow(/head: received 9/)
    await expect(model.lens(numbered, '1 '.repeat(17))).rejects.toThrow(/17 tokens.*from 1 to 16/)
    await expect(model.lens(numbered, '')).rejects.toThrow(/0 tokens/)
  })
})

const text = 'To be, or not to be: that is the question.\nWhether ’tis nobler in 1601 to suffer é.\n'.repeat(
  10,
)
const tokenizer = charTokenizer(text)
const { train: trainSet, validation } = windows(text, tokenizer, { context: 16, name: 'hamlet' })
const make = () => gpt({ layers: 1, heads: 2, width: 16, context: 16, vocabulary: tokenizer.size, seed: 1 })
const trained = (model = make(), more = {}) =>
  train(model, {
    data: trainSet,
    evaluateOn: validation,
    batchSize: 8,
    seed: 1,
    optimizer: adamw({ learningRate: 2e-2 }),
    save: false,
    progress: false,
    ...more,
  })

describe('bits per byte', () => {
  it('are all nats of the data by all its bytes, and perplexity is e to the loss', async () => {
    const run = train(make(), {
      data: trainSet,
      evaluateOn: validation,
      optimizer: adamw({ learningRate: 1e-2 }),
      save: false,
      // Batches of other numbers of bytes, the last of fewer windows.
      evaluationBatchSize: 4,
      metrics: ['perplexity', bitsPerByte(tokenizer)],
    })
    const { loss, perplexity, bitsPerByte: bits } = await run.evaluate()
    expect(perplexity).toBeCloseTo(Math.exp(loss), 4)
    const rows = Array.from({ length: validation.length }, (_, at) =>
      tokenizer.decode(validation.valuesAt(at).y),
    )
    const bytes = rows.reduce((sum, row) => sum + new TextEncoder().encode(row).length, 0)
    expect(bytes).toBeGreaterThan(rows.length * 16)
    expect(bits).toBeCloseTo((loss * rows.length * 16) / (Math.LN2 * bytes), 5)
    expect(run.evaluations[0]).toMatchObject({ bitsPerByte: bits })
  })

  it('count characters of several bytes as several', async () => {
    const metric = bitsPerByte(tokenizer)
    const [e, long] = [tokenizer.encode('e')[0]!, tokenizer.encode('é')[0]!]
    const y = tf.tensor2d([e, e, -1, long], [2, 2], 'int32')
    expect(Array.from(metric.weight!(y).dataSync())).toEqual([2, 2])
    const losses = tf.tensor1d([Math.LN2, 4 * Math.LN2])
    // Two tokens of ln 2 over two bytes; one of 4 ln 2 over two.
    const bits = metric.perExample(y, y, losses).dataSync()
    expect(bits[0]).toBeCloseTo(1, 6)
    expect(bits[1]).toBeCloseTo(2, 6)
  })
})

describe('samples', () => {
  it('are written at each evaluation from the same prompts, beside those before, and hurt no training', async () => {
    const model = make()
    const written = samples(model, tokenizer, ['To ', 'the '], { tokens: 20, temperature: 0.8, words: text })
    const run = trained(model, { evaluateEvery: 20 })
    await run.iterate(40)
    const silent = trained()
    await silent.iterate(40)
    expect(run.history.at(-1)!.loss).toBe(silent.history.at(-1)!.loss)
    expect(written.rows.map(({ iteration }) => iteration)).toEqual([20, 40])
    const [first, last] = written.rows
    expect(first!.texts).toHaveLength(2)
    expect([...first!.texts[0]!]).toHaveLength(20)
    expect(last!.words!).toBeGreaterThan(first!.words!)
    expect(last!.loss).toBe(run.evaluations.at(-1)!.loss)
    // What it writes now is what generate writes with this seed.
    const again = await model.generate(tokenizer, ['To ', 'the '], { tokens: 20, temperature: 0.8, seed: 1 })
    expect(again[0]).toBe(`To ${last!.texts[0]}`)
    // Taken back, they are replaced by those of the way that is gone instead.
    await run.undo()
    expect(run.iteration).toBe(0)
    await run.iterate(20)
    expect(written.rows).toEqual([first])
    const bundle = toBundle(written)!
    expect(bundle['text/plain']).toMatch(/^after iteration 20, loss [\d.]+, [\d.]+ % real words:\n {2}To /)
    expect(bundle['text/html']).toContain('<b>To </b>')
    written.stop()
    await run.evaluate()
    expect(written.rows).toHaveLength(1)
  })

  it('are shown in one display of the cell that trains', async () => {
    const shown: { kind: string; updates: number; rows: number }[] = []
    const host = { ...silentHost(), kind: 'notebook' as const }
    setHost({
      ...host,
      display(value) {
        const view = value as SamplesView
        const one = { kind: view.kind, updates: 0, rows: view.rows?.length }
        shown.push(one)
        return {
          id: 'x',
          update(next) {
            one.updates++
            one.rows = (next as SamplesView).rows?.length
          },
        }
      },
    })
    try {
      const model = make()
      samples(model, tokenizer, 'To ', { tokens: 5 })
      await trained(model, { evaluateEvery: 2 }).iterate(6)
    } finally {
      setHost(silentHost())
    }
    expect(shown).toEqual([{ kind: 'samples', updates: 2, rows: 3 }])
  })

  it('are kept with the run, come back with it from disk, and are gone on with', async () => {
    const model = make()
    const written = samples(model, tokenizer, ['To ', 'the '], { tokens: 8, words: text })
    const other = samples(model, tokenizer, 'be', { tokens: 4 })
    const run = trained(model, { evaluateEvery: 10 })
    await run.iterate(20)
    expect(samplesOf(run, ['To ', 'the '])).toEqual({
      kind: 'samples',
      prompts: ['To ', 'the '],
      rows: written.rows,
    })
    expect(samplesOf(run).rows).toEqual(other.rows)
    const folder = join(temporaryFolder(), 'run')
    await run.save(folder)
    await run.undo()
    expect(run.notes).toEqual([])
    expect(() => samplesOf(run)).toThrow(/wrote nothing/)

    const next = make()
    const again = await loadRun(folder, { model: next, data: trainSet, evaluateOn: validation })
    expect(samplesOf(again, ['To ', 'the ']).rows).toEqual(written.rows)
    expect(() => samplesOf(again, 'no')).toThrow(/'no'.*'be'/s)
    const going = samples(next, tokenizer, ['To ', 'the '], { tokens: 8, words: text })
    await again.iterate(10)
    expect(going.rows.map(({ iteration }) => iteration)).toEqual([10, 20, 30])
    expect(going.rows.slice(0, 2)).toEqual(written.rows)
    expect(samplesOf(again).rows).toEqual(going.rows)
    const events = readFileSync(join(folder, 'events.jsonl'), 'utf8').split('\n')
    expect(events.filter((line) => line.startsWith(`{"type":"note"`))).toHaveLength(3)
  })

  it('refuse at once what would fail at the first evaluation', () => {
    const model = make()
    expect(() => samples(model, tokenizer, [])).toThrow(/as prompts/)
    expect(() => samples(model, tokenizer, 'ß')).toThrow(/ß/)
    expect(() => samples(model, tokenizer, 'To', { temperature: -1 })).toThrow(/temperature/)
    expect(() => samples(model, tokenizer, 'To', { tokesn: 1 } as never)).toThrow(/Did you mean 'tokens'/)
  })
})

describe('mistakes of a language model', () => {
  it('are windows with the loss of each token and what was expected in its place', async () => {
    const model = make()
    const run = trained(model)
    await run.iterate(10)
    const worst = await run.mistakes({ k: 3 })
    for (const row of worst.rows) {
      expect(row.tokens).toHaveLength(16)
      const mean = row.tokens!.reduce((sum, { loss }) => sum + loss, 0) / 16
      expect(mean).toBeCloseTo(row.loss, 4)
      const at = validation.positionOf(row.id)!
      expect(row.tokens!.map(({ token }) => token).join('')).toBe(tokenizer.decode(validation.valuesAt(at).y))
      expect(row.expected).toBe(row.tokens!.at(-1)!.token)
      expect(row.predicted).toBe(row.tokens!.at(-1)!.best![0]!.token)
      expect(row.tokens![0]!.best).toHaveLength(5)
    }
    const bundle = toBundle(worst)!
    expect(Object.keys(bundle)).toEqual(['application/vnd.vegalite.v5+json', 'text/plain'])
    expect(JSON.stringify(bundle)).toContain('most expected')
    // A branch has a model of its own.
    const other = run.branch('other')
    expect((await other.mistakes({ k: 3 })).rows[0]!.tokens).toEqual(worst.rows[0]!.tokens)
  })

  it('by kind of token add up to all of them', async () => {
    const model = make()
    const run = trained(model)
    await run.iterate(10)
    const seen = await model.tokenSlices(tokenizer, validation)
    expect(seen.count).toBe(validation.length * 16)
    expect(seen.loss).toBeCloseTo((await run.evaluate()).loss, 4)
    for (const slices of [seen.classes, seen.frequencies, seen.positions]) {
      expect(slices.reduce((sum, { count }) => sum + count, 0)).toBe(seen.count)
      expect(slices.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 6)
      for (const { from, loss, to } of slices) expect(from <= loss && loss <= to).toBe(true)
    }
    const counts = Object.fromEntries(seen.classes.map(({ slice, count }) => [slice, count]))
    const y = Array.from({ length: validation.length }, (_, at) =>
      tokenizer.decode(validation.valuesAt(at).y),
    ).join('')
    expect(counts['line break']).toBe(y.split('\n').length - 1)
    expect(counts['space']).toBe(y.split(' ').length - 1)
    expect(counts['number']).toBe(y.match(/\d/g)!.length)
    expect(counts['punctuation']).toBe(y.match(/[^\p{L}\p{N}\s]/gu)!.length)
    const before = tokenizer.decode(validation.valuesAt(0).x.slice(0, 1))
    expect(counts['start of a word']).toBe(`${before}${y}`.match(/(?<=\P{L})\p{L}/gu)!.length)
    expect(seen.positions.map(({ slice }) => slice)).toEqual(['1', '2', '3 – 4', '5 – 8', '9 – 16'])
    expect(toBundle(seen)!['text/plain']).toMatch(/start of a word [\d.]+/)
    // Of a text the same, without data.
    expect((await model.tokenSlices(tokenizer, text.slice(0, 161))).count).toBe(160)
  })

  it('lead the next round: what is drawn has a higher loss than the rest', async () => {
    const run = trained(make(), { evaluateEvery: 1000 })
    await run.iterate(10)
    const drawn: number[] = []
    for (const subset of [hardest(0.2), byLoss({ temperature: 0.05 })]) {
      await run.focus(subset)
      const batch = await run.nextBatch()
      const { losses, gradients } = await run.gradients(batch)
      drawn.push(losses!.reduce((a, b) => a + b, 0) / losses!.length)
      tf.dispose([batch.x, batch.y, ...Object.values(gradients)])
    }
    const all = (await run.evaluate(trainSet)).loss
    for (const loss of drawn) expect(loss).toBeGreaterThan(all)
    const { rows } = await run.rounds(2, { iterations: 3, subset: hardest(0.3) })
    expect(rows).toHaveLength(2)
  })
})

describe('a scaling law', () => {
  // 1.4 + 18 N^-0.33 with noise of 0.4 %, four digits.
  const sizes = [3e3, 1e4, 3e4, 1e5, 3e5, 1e6]
  const losses = [2.6832, 2.2603, 2.0047, 1.8037, 1.6768, 1.5908]
  const rows = sizes.map((size, i) => ({ size, loss: losses[i]! }))

  it('is the one that scipy’s least squares finds in the logarithm of the loss, and its interval', () => {
    // scipy.optimize.least_squares(method='lm') on log(E + A N^-alpha) - log(L), from 27 starts; the interval by its Jacobian.
    const law = scalingLaw(rows, { predict: [3e6] })
    expect(law.E).toBeCloseTo(1.39896, 4)
    expect(law.alpha).toBeCloseTo(0.329233, 5)
    expect(law.A).toBeCloseTo(17.9204, 2)
    expect(law.predictions[0]!.loss).toBeCloseTo(1.53105, 4)
    expect(law.predictions[0]!.from).toBeCloseTo(1.514737, 4)
    expect(law.predictions[0]!.to).toBeCloseTo(1.547539, 4)
    expect(law.at(3e6)).toEqual(law.predictions[0])
    expect(toBundle(law)!['text/plain']).toMatch(
      /L\(N\) = 1\.4 \+ 17\.9 N\^−0\.329, of 6 runs; predicted for/,
    )
  })

  it('finds the law that made the numbers, and E = 0 where there is none', () => {
    const exact = scalingLaw(sizes.map((size) => ({ size, loss: 0.8 + 30 * size ** -0.4 })))
    expect(exact.E).toBeCloseTo(0.8, 6)
    expect(exact.alpha).toBeCloseTo(0.4, 6)
    const none = scalingLaw(sizes.map((size) => ({ size, loss: 12 * size ** -0.2 })))
    expect(none.E).toBeLessThan(1e-3)
    expect(none.alpha).toBeCloseTo(0.2, 3)
  })

  it('of three runs has no interval, and is refused of fewer sizes', () => {
    expect(scalingLaw(rows.slice(0, 3)).at(1e5).from).toBeNaN()
    expect(() => scalingLaw(rows.slice(0, 2))).toThrow(/2 different sizes/)
    expect(() => scalingLaw([...rows, { size: 1, loss: -1 }])).toThrow(/above 0/)
    expect(() => scalingLaw(undefined as never)).toThrow(/rows \{ size, loss \}/)
  })
})
