import * as tf from '@tensorflow/tfjs'
import { describe, expect, it } from 'vitest'
import { adam, sgd, train } from '../../../src/index.js'
import { createRandom } from '../../../src/data/index.js'
import { gpt, grpo, prompts, type Gpt } from '../../../src/text/index.js'
import { advantagesOf } from '../../../src/text/objectives/advantages.js'
import { readLikelihoods } from '../../../src/text/objectives/likelihood.js'
import { PolicyStep, type PolicyRows } from '../../../src/text/objectives/policy-step.js'
import { drawAnswers } from '../../../src/text/objectives/rollouts.js'
import { toBundle } from '../../../src/show/values/values.js'
import { fresh, numbered, saying, small } from './small.js'

const ids = (text: string) => numbered.encode(text)
const values = (model: Gpt) => Array.from(model.weights.tokens.dataSync())

describe('advantages', () => {
  it('are the distance from the mean of the group, in the original form over its deviation', () => {
    expect(advantagesOf([1, 0.25, 0, 2], 2, 'unbiased')).toEqual({
      advantages: [0.375, -0.375, -1, 1],
      same: 0,
    })
    const { advantages } = advantagesOf([1, 0.25, 0, 2], 2, 'original')
    // The deviation of a sample of two is their distance over the root of 2; TRL adds 1e-4.
    expect(advantages[0]).toBeCloseTo(0.375 / (0.75 / Math.SQRT2 + 1e-4), 12)
  })

  it('are 0, exactly, in a group of one reward, which is counted', () => {
    expect(advantagesOf([0.1, 0.1, 0.1, 1, 2, 3], 3, 'original')).toMatchObject({ same: 1 })
    expect(advantagesOf([0.1, 0.1, 0.1, 1, 2, 3], 3, 'original').advantages.slice(0, 3)).toEqual([0, 0, 0])
  })
})

/** The four answers of reference.py, and how many tokens come before each. */
const drawn: [number[], number][] = [
  [[3, 1, 4, 1, 5, 9], 3],
  [[3, 1, 4, 2, 6], 3],
  [[7, 7, 8, 2], 2],
  [[7, 7, 5, 3, 5, 8, 9], 2],
]
const [length, most] = [6, 5]

async function rowsOf(form: 'unbiased' | 'original', temperature: number): Promise<PolicyRows> {
  const { advantages } = advantagesOf([1, 0.25, 0, 2], 2, form)
  const of = <T extends Int32Array | Float32Array>(values: T) => values
  const rows: PolicyRows = {
    x: of(new Int32Array(4 * length)),
    y: of(new Int32Array(4 * length).fill(-1)),
    drawn: of(new Float32Array(4 * length)),
    reference: of(new Float32Array(4 * length)),
    advantages: of(new Float32Array(4 * length)),
    weights: of(new Float32Array(4 * length)),
    length,
  }
  for (const [row, [tokens, before]] of drawn.entries()) {
    rows.x.set(tokens.slice(0, -1), row * length)
    rows.y.set(tokens.slice(before), row * length + before - 1)
    const count = tokens.length - before
    const at = row * length + before - 1
    rows.advantages.fill(advantages[row]!, at, at + count)
    rows.weights.fill(1 / (4 * (form === 'original' ? count : most)), at, at + count)
  }
  rows.drawn = await readLikelihoods(small(1.08), rows, temperature)
  rows.reference = await readLikelihoods(small(), rows, temperature)
  return rows
}

describe('a step on answers', () => {
  it.each([
    [
      'unbiased' as const,
      { beta: 0.04, clip: [0.05, 0.05] as const },
      {
        loss: -0.1419200449834856,
        norm: 10.978120420507956,
        qkv: [-0.00931935034300816, 0.0029097661291759636, -1.0696602814922016],
        kl: 0.20589838869754104,
        clipped: 1 / 6,
      },
    ],
    [
      'original' as const,
      { beta: 0.5, clip: [0.1, 0.3] as const },
      {
        loss: 0.16778171422246274,
        norm: 52.17550525937477,
        qkv: [-0.04486803375254724, 0.013381151140816975, -5.137405975901158],
        kl: 0.20589838869754104,
        clipped: 1 / 6,
      },
    ],
  ])(
    'has in its %s form the loss, the distance, the clipping and the gradients of PyTorch',
    async (form, settings, expected) => {
      const rows = await rowsOf(form, 0.7)
      const model = small(1.1)
      const { loss, kl, clipped, gradients } = new PolicyStep(model, { ...settings, temperature: 0.7 }).run(
        rows,
      )
      // Float32, of sums of exponentials of differences of likelihoods: five digits are left.
      expect(loss).toBeCloseTo(expected.loss, 4)
      expect(kl).toBeCloseTo(expected.kl, 5)
      expect(clipped).toBeCloseTo(expected.clipped, 6)
      const qkv = gradients['blocks/0/attention/qkv/weight']!.arraySync() as number[][]
      for (const [i, value] of [qkv[0]![0]!, qkv[5]![17]!, qkv[15]![40]!].entries())
        expect(Math.abs(value - expected.qkv[i]!)).toBeLessThan(
          1e-4 * Math.max(1, Math.abs(expected.qkv[i]!)),
        )
      const squares = Object.values(gradients).map((one) => tf.tidy(() => one.square().sum().dataSync()[0]!))
      const norm = Math.sqrt(squares.reduce((a, b) => a + b))
      expect(Math.abs(norm / expected.norm - 1)).toBeLessThan(1e-4)
      tf.dispose(gradients)
    },
  )
})

describe('answers that are drawn', () => {
  const many = ['3 1', '4 1 5', '9'].map(ids)
  const free = { tokens: 5, temperature: 0.9, stop: [] }

  it('have the likelihoods that the model gives them, and are the same beside others', async () => {
    const model = small()
    const rollouts = await drawAnswers(model, numbered, many, free, createRandom(1))
    const again = await drawAnswers(model, numbered, many, free, createRandom(1))
    expect(again).toEqual(rollouts)
    const x = new Int32Array(3 * 8)
    const y = new Int32Array(3 * 8).fill(-1)
    for (const [row, rollout] of rollouts.entries()) {
      x.set([...many[row]!, ...rollout.ids.slice(0, -1)], row * 8)
      y.set(rollout.ids, row * 8 + many[row]!.length - 1)
    }
    const logs = await readLikelihoods(model, { x, y, length: 8 }, 0.9)
    for (const [row, rollout] of rollouts.entries())
      for (const [i, log] of rollout.logs.entries())
        expect(log).toBeCloseTo(logs[row * 8 + many[row]!.length - 1 + i]!, 4)
  })

  it('end at what they shall end at, which they do not read as', async () => {
    const model = small()
    const [whole] = await drawAnswers(model, numbered, [many[0]!], free, createRandom(1))
    const stop = `${whole!.ids[2]} `
    const [ended] = await drawAnswers(model, numbered, [many[0]!], { ...free, stop: [stop] }, createRandom(1))
    const at = whole!.text.indexOf(stop)
    expect(ended).toMatchObject({ ended: true, text: whole!.text.slice(0, at) })
    expect(whole!.ended).toBe(false)
    expect(ended!.ids).toEqual(whole!.ids.slice(0, ended!.ids.length))
  })

  it('are cut at the context, whose last token is not read', async () => {
    const [one] = await drawAnswers(
      small(),
      numbered,
      [ids('1 2 3 4 5 6 7 8 9 10 11 12 13 14')],
      { ...free, tokens: 9 },
      createRandom(1),
    )
    expect(one!.ids.length).toBe(3)
  })

  it('are what the model generates where the most probable is taken', async () => {
    const model = small()
    const [one] = await drawAnswers(model, numbered, [many[1]!], { ...free, temperature: 0 }, createRandom(1))
    expect(`4 1 5${one!.text}`.replaceAll(' ', '')).toBe(
      (await model.generate(numbered, '4 1 5 ', { tokens: 5, temperature: 0 })).replaceAll(' ', ''),
    )
  })
})

const asked = [
  { prompt: '3 1', wanted: 7 },
  { prompt: '4 1 5', wanted: 9 },
]
/** The share of tokens that are below 25: about a half at first. */
const low = (completion: string) => {
  const tokens = completion.split(' ').filter(Boolean).map(Number)
  return tokens.filter((id) => id < 25).length / tokens.length
}

describe('grpo', () => {
  const make = (options: object = {}, learningRate = 3e-3) => {
    const model = small()
    const objective = grpo(model, numbered, { reward: low, tokens: 4, group: 8, watch: 5, ...options })
    return { model, objective, optimizer: adam({ learningRate }) }
  }
  const data = () => prompts(asked, numbered)

  it('raises the reward, and says what else happens', async () => {
    const model = fresh()
    const measures = { count: (text: string) => text.length }
    const objective = grpo(model, numbered, { reward: low, tokens: 4, group: 8, watch: 5, measures })
    const optimizer = adam({ learningRate: 1e-2 })
    const run = train(objective, { data: await data(), batchSize: 2, seed: 1, optimizer, save: false })
    const before = await objective.score(await data(), { temperature: 1, seed: 3 })
    await run.iterate(12)
    const first = run.history.at(0)!
    expect(first).toMatchObject({ kl: expect.closeTo(0, 5), clipped: 0, length: 4, ended: 0 })
    expect(first.entropy).toBeGreaterThan(1)
    expect(first.count).toBeGreaterThan(4)
    const last = run.history.at(-1)!
    expect(last.reward).toBeGreaterThan(first.reward + 0.15)
    expect(last.kl).toBeGreaterThan(0.001)
    const after = await objective.score(await data(), { temperature: 1, seed: 3 })
    expect(after.reward.mean).toBeGreaterThan(before.reward.mean)
    expect(after.answers.map(({ example }) => example)).toEqual(asked)
    expect(objective.samples.rows.map(({ iteration }) => iteration)).toEqual([1, 5, 10])
    const bundle = toBundle(objective.samples)
    expect(bundle?.['text/plain']).toContain('iteration 10:')
    expect(run.model.model).toBe(model)
  })

  it('learns from answers that are cut at a context of any length', async () => {
    const model = gpt({ vocabulary: 50, context: 13, layers: 1, heads: 2, width: 16, seed: 1 })
    const objective = grpo(model, numbered, { reward: low, tokens: 40, group: 4, watch: 0 })
    const run = train(objective, {
      data: await data(),
      batchSize: 2,
      optimizer: adam({ learningRate: 1e-3 }),
      save: false,
    })
    await run.iterate(1)
    // A token more than the context is drawn: the last is not read. The prompts have two and three.
    expect(run.history.at(0)!.length).toBe(11.5)
  })

  it('draws the same after undo and in a branch', async () => {
    const { model, objective, optimizer } = make({ updates: 2, clip: 0.01 })
    const run = train(objective, { data: await data(), batchSize: 2, seed: 1, optimizer, save: false })
    await run.iterate(2)
    const other = run.branch('other')
    await run.iterate(2)
    const [weights, rows] = [values(model), run.history.slice(2)]
    expect(rows.some(({ clipped }) => clipped > 0)).toBe(true)
    await run.undo()
    await run.iterate(2)
    expect(values(model)).toEqual(weights)
    await other.iterate(2)
    const told = (all: typeof rows) => all.map(({ milliseconds: _, ...row }) => row)
    expect(told(other.history.slice(2) as typeof rows)).toEqual(told(rows))
    expect(values(other.model.model as Gpt)).toEqual(weights)
    expect(other.model.model).not.toBe(model)
  })

  it('leaves frozen parameters as they are', async () => {
    const { model, objective, optimizer } = make({}, 1e-2)
    const run = train(objective, { data: await data(), optimizer, freeze: /^tokens/, save: false })
    const [tokens, positions] = [values(model), Array.from(model.weights.positions!.dataSync())]
    await run.iterate(1)
    expect(values(model)).toEqual(tokens)
    expect(Array.from(model.weights.positions!.dataSync())).not.toEqual(positions)
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('no such sum')
      },
      /an error \(no such sum\) for the answer '.*' to '3 1 |4 1 5 /,
    ],
    ['is no number', () => Number('x'), /received NaN for the answer/],
    ['is none', () => undefined as never, /received undefined for the answer/],
    ['is rejected', () => Promise.reject(new Error('offline')), /offline/],
  ])('stands as it was where a reward %s', async (_, reward, message) => {
    const { model, objective, optimizer } = make({ reward })
    const run = train(objective, { data: await data(), optimizer, save: false })
    const before = values(model)
    await expect(run.iterate(1)).rejects.toThrow(message)
    expect(run.iteration).toBe(0)
    expect(values(model)).toEqual(before)
  })

  it('says that a reward which is always the same teaches nothing, and changes nothing by it', async () => {
    const { model, objective, optimizer } = make({ reward: async () => 0.5, beta: 0 })
    const run = train(objective, { data: await data(), optimizer, save: false })
    const before = values(model)
    const { said } = await saying(() => run.iterate(4))
    expect(
      said.match(/In 3 iterations in a row all answers to each of the 2 prompts had the same reward \(0\.5/g),
    ).toHaveLength(1)
    expect(run.history.at(-1)).toMatchObject({ same: 1, loss: 0 })
    expect(values(model)).toEqual(before)
  })

  it('is refused what it cannot use', async () => {
    const model = small()
    const reward = low
    for (const [options, message] of [
      [{ reward: 1 }, /reward.*a function/],
      [{ reward, group: 1 }, /group.*at least 2/],
      [{ reward, temperature: 0 }, /temperature/],
      [{ reward, clip: [0.2] }, /clip/],
      [{ reward, form: 'grpo' }, /'unbiased' or 'original'/],
      [{ reward, measures: { kl: low } }, /names of their own/],
      [{ reward, grup: 3 }, /group/],
    ] as const)
      expect(() => grpo(model, numbered, options as never)).toThrow(message)
    const objective = grpo(model, numbered, { reward })
    expect(() =>
      train(objective, { data: { x: [1, 2] }, optimizer: sgd({ learningRate: 1 }), save: false }),
    ).toThrow(/prompts\(/)
    await expect(prompts([{ prompt: '' }], numbered)).rejects.toThrow(/without a token/)
    await expect(prompts([{ question: '1' } as never], numbered)).rejects.toThrow(/record 0/)
  })
})
