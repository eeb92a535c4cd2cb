import * as tf from '@tensorflow/tfjs'
import { describe, expect, it } from 'vitest'
import { adam, train } from '../../../src/index.js'
import { createRandom } from '../../../src/data/index.js'
import { curves, preferences, rewardModel, type Gpt } from '../../../src/text/index.js'
import { toBundle } from '../../../src/show/values/values.js'
import { fill, fresh, numbered, pairs, small } from './small.js'

const optimizer = () => adam({ learningRate: 3e-3 })

describe('a reward model', () => {
  it('has the rewards, the loss and the gradients of PyTorch', async () => {
    const reward = rewardModel(small(1.1), { centre: 0 })
    fill(reward.parameters.head)
    const data = await preferences(pairs, numbered, { context: 15 })
    const run = train(reward, { data, batchSize: 2, optimizer: optimizer(), save: false })
    // What reference.py prints, in its order: the data of a run is shuffled, its mean is not.
    const expected = [2.8293302430829472, -3.387354933251003, -3.0783296000206697, 2.765297744570571]
    const rows = pairs.flatMap(({ prompt, chosen, rejected }) => [
      `${prompt} ${chosen}`,
      `${prompt} ${rejected}`,
    ])
    const scores = await reward.score(rows.map((row) => numbered.encode(row)))
    for (const [i, score] of scores.entries()) expect(score).toBeCloseTo(expected[i]!, 4)
    const batch = await run.nextBatch()
    const { loss, gradients } = await run.gradients(batch)
    tf.dispose(batch)
    expect(loss).toBeCloseTo(2.9242576620225744, 4)
    const of = (name: string) => (gradients as { [name: string]: tf.Tensor })[name]!.arraySync() as number[][]
    const head = of('head')
    for (const [i, value] of [-0.13924173358477926, -0.8606324104219606, -1.1278301985491068].entries())
      expect(head[i]![0]).toBeCloseTo(value, 4)
    expect(of('model/blocks/0/attention/qkv/weight')[15]![40]).toBeCloseTo(-0.10377583603971259, 4)
    tf.dispose(gradients)
    await run.iterate(1)
    expect(run.history.at(-1)).toMatchObject({
      accuracy: 0.5,
      margin: expect.closeTo(0.18652891587135478, 4),
    })
  })

  it('learns an order, and knows on pairs set apart how often it is right and how sure it may be', async () => {
    const random = createRandom(1)
    /** Whose last token is larger is better, nine times in ten. */
    const made = Array.from({ length: 140 }, () => {
      const [a, b] = [random.integer(25), 25 + random.integer(25)]
      const [chosen, rejected] = random.next() < 0.9 ? [b, a] : [a, b]
      return { prompt: `${random.integer(50)}`, chosen: `${chosen}`, rejected: `${rejected}` }
    })
    const [data, heldOut] = await Promise.all(
      [made.slice(0, 100), made.slice(100)].map((some) => preferences(some, numbered, { context: 8 })),
    )
    const reward = rewardModel(fresh())
    const run = train(reward, { data: data!, batchSize: 20, seed: 1, optimizer: optimizer(), save: false })
    const before = await reward.check(heldOut!)
    await run.iterate(60)
    const after = await reward.check(heldOut!)
    expect(before.error).toBeLessThan(1)
    expect(after.accuracy).toBeGreaterThan(0.75)
    expect(after.from).toBeLessThan(after.accuracy)
    expect(after.predictions).toHaveLength(40)
    expect(after.predictions.filter(({ right }) => right).length / 40).toBe(after.accuracy)
    expect(after.error).toBeLessThan(0.25)
    const view = curves(run)
    expect(view.panels.map(({ title }) => title)).toEqual(['margin', 'share of pairs in their order'])
    expect(toBundle(view)?.['text/plain']).toMatch(/margin .* → /)
    const other = run.branch('other')
    await other.iterate(1)
    expect((other.model.model as Gpt).weights.tokens).not.toBe((reward.model as Gpt).weights.tokens)
  })

  it('is refused what it cannot use', async () => {
    const reward = rewardModel(small())
    const long = await preferences(
      [{ prompt: '1 2 3 4 5 6 7 8 9 10 11 12', chosen: '1 2 3 4 5', rejected: '2' }],
      numbered,
      { context: 16 },
    )
    expect(() => train(reward, { data: long, optimizer: optimizer(), save: false })).toThrow(/context: 15/)
    expect(() => rewardModel(small(), { centre: -1 })).toThrow(/centre/)
    await expect(reward.score([[]])).rejects.toThrow(/a row of 0 tokens/)
    expect(() => curves({ name: 'x', model: {}, history: [], evaluations: [] })).toThrow(/an objective/)
  })
})
