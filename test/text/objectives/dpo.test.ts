import * as tf from '@tensorflow/tfjs'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { adam, train, type Run } from '../../../src/index.js'
import { split } from '../../../src/data/index.js'
import { dpo, preferences, type DpoOptions } from '../../../src/text/index.js'
// The built one: a template is filled in in a thread.
import { preferences as builtPreferences } from '../../../dist/src/text/index.js'
import { temporaryFolder } from '../../kit/index.js'
import { numbered, pairs, saying, small } from './small.js'

/** What reference.py prints. */
const references: [
  string,
  DpoOptions,
  { loss: number; norm: number; qkv: number[]; [said: string]: number | number[] },
][] = [
  [
    'dpo',
    {},
    {
      loss: 0.7078957755334894,
      norm: 7.012346586194547,
      qkv: [-0.0059508276969430125, 0.0017183211684809391, -0.6850939171116899],
      rewardChosen: -0.08598584512036352,
      rewardRejected: -0.05708413472501961,
      margin: -0.028901710395343908,
      accuracy: 0.5,
      logLikelihoodChosen: -13.164505264933034,
      logLikelihoodRejected: -16.76923978149329,
    },
  ],
  [
    'dpo with a likelihood',
    { likelihood: 0.2 },
    {
      loss: 1.7424577824983623,
      norm: 5.910307250980339,
      qkv: [-0.004251192870031102, 0.001532462387232623, -0.5570984178428882],
      margin: -0.028901710395343908,
    },
  ],
  [
    'ipo',
    { variant: 'ipo' },
    {
      loss: 26.424463022549777,
      norm: 727.0945155222985,
      qkv: [-0.6341620547746576, 0.17954788645166586, -71.69813868623316],
      margin: -0.028901710395343908,
    },
  ],
  [
    'simpo',
    { variant: 'simpo' },
    {
      loss: 1.3864060092430837,
      norm: 76.98850074381168,
      qkv: [-0.06717928851133544, 0.018826766621029885, -7.590712081128484],
      rewardChosen: -10.345620069648728,
      rewardRejected: -10.337119335603832,
      margin: -0.008500734044895708,
    },
  ],
]

const near = (value: number, expected: number, digits: number) =>
  expect(Math.abs(value - expected)).toBeLessThan(Math.max(1, Math.abs(expected)) * 10 ** -digits)

async function first(run: Run<any, any>) {
  const batch = await run.nextBatch()
  const found = await run.gradients(batch)
  tf.dispose(batch)
  return found
}

describe('preferences', () => {
  it('are rows of both answers, the tokens of each behind its prompt', async () => {
    const data = await preferences(pairs, numbered, { context: 16 })
    expect(data.x).toEqual({ shape: [2, 6], dtype: 'int32' })
    expect([...(data.valuesAt(0).x as Int32Array)]).toEqual([3, 1, 4, 1, 5, 0, 3, 1, 4, 2, 0, 0])
    expect([...(data.valuesAt(0).y as Int32Array)]).toEqual([-1, -1, 1, 5, 9, -1, -1, -1, 2, 6, -1, -1])
    expect(data.textAt!(1)).toEqual({ x: '7 7', y: '8 2\n(not: 5 3 5 8 9)' })
    expect(split(data, { validation: 0.5 }).validation.textAt!(0).x).toMatch(/^[37]/)
  })

  it('are of conversations by a template, with or without the prompt apart, and of a file', async () => {
    const template =
      "{% for m in messages %}{{ '40 ' if m.role == 'user' else '41 ' }}{{ m.content + ' ' }}{% endfor %}{% if add_generation_prompt %}{{ '41 ' }}{% endif %}"
    const user = { role: 'user', content: '3 1' }
    const turn = (content: string) => [{ role: 'assistant', content }]
    const forms = [
      { prompt: '3 1', chosen: '7', rejected: '8 9' },
      { prompt: [user], chosen: turn('7'), rejected: turn('8 9') },
      { chosen: [user, ...turn('7')], rejected: [user, ...turn('8 9')] },
    ]
    const file = join(temporaryFolder(), 'pairs.jsonl')
    writeFileSync(file, forms.map((form) => JSON.stringify(form)).join('\n'))
    const data = await builtPreferences(file, numbered, { context: 16, template })
    for (const at of [0, 1, 2]) {
      expect([...(data.valuesAt(at).x as Int32Array)]).toEqual([40, 3, 1, 41, 0, 40, 3, 1, 41, 8])
      expect([...(data.valuesAt(at).y as Int32Array)]).toEqual([-1, -1, -1, 7, -1, -1, -1, -1, 8, 9])
    }
  })

  it('say what they leave out and what they cut, and keep what stands before both answers the same', async () => {
    const { said, result: data } = await saying(() =>
      preferences(
        [
          { prompt: '1 2', chosen: '3', rejected: '3' },
          { prompt: '1 2 3 4 5 6', chosen: '7', rejected: '8 9' },
        ],
        numbered,
        { context: 4 },
      ),
    )
    expect(Array.from(data.ids)).toEqual([1])
    expect([...(data.valuesAt(0).x as Int32Array)]).toEqual([4, 5, 6, 0, 4, 5, 6, 8])
    expect(said).toMatch(/1 of 2 pairs left out: both answers are the same \(0\)/)
    expect(said).toMatch(/1 of 2 pairs are longer than 4 tokens: cut 6 from the start of prompts and 0 of 3/)
  })

  it.each([
    [[], /received an array|expected pairs/i],
    [[{ prompt: '1', chosen: '2', rejected: '2' }], /1 pair whose answers are the same/],
    [[{ prompt: '1', chosen: '2' }], /pair 0: received undefined as rejected/],
    [[{ prompt: '', chosen: '2', rejected: '3' }], /a prompt without a token/],
    [[{ prompt: '1', chosen: '', rejected: '3' }], /an answer without a token/],
    [
      [{ prompt: [{ role: 'user', content: '1' }], chosen: '2', rejected: '3' }],
      /messages as prompt, and no template/,
    ],
    [[{ chosen: '2', rejected: '3' }], /no prompt/],
  ])('refuse %j', async (source, message) => {
    await expect(preferences(source as never, numbered, { context: 8 })).rejects.toThrow(message)
  })
})

describe('dpo', () => {
  it('begins at a loss of ln 2 and a margin of 0, to the bit', async () => {
    const model = small()
    const data = await preferences(pairs, numbered, { context: 16, reference: model })
    const run = train(dpo(model), {
      data,
      batchSize: 2,
      optimizer: adam({ learningRate: 1e-4 }),
      save: false,
    })
    await run.iterate(1)
    expect(run.history.at(-1)).toMatchObject({
      loss: Math.fround(Math.LN2),
      margin: 0,
      rewardChosen: 0,
      rewardRejected: 0,
      accuracy: 0,
      lengthChosen: 2.5,
      lengthRejected: 3.5,
    })
    await run.iterate(1)
    expect(run.history.at(-1)!.margin).toBeGreaterThan(0)
  })

  // Float32 keeps seven digits; of gradients, which are sums of what nearly cancels, five are left.
  it.each(references)(
    '%s has the loss, what it says and the gradients of PyTorch',
    async (_, options, expected) => {
      const data = await preferences(pairs, numbered, { context: 16, reference: small() })
      const model = small(1.1)
      const run = train(dpo(model, options), {
        data,
        batchSize: 2,
        optimizer: adam({ learningRate: 1e-4 }),
        save: false,
      })
      const { loss, gradients } = await first(run)
      near(loss, expected.loss, 5)
      const qkv = gradients['blocks/0/attention/qkv/weight']!.arraySync() as number[][]
      const places = [qkv[0]![0]!, qkv[5]![17]!, qkv[15]![40]!]
      for (const [i, value] of places.entries()) near(value, expected.qkv[i]!, 4)
      const squares = Object.values(gradients).map((gradient) =>
        tf.tidy(() => gradient.square().sum().dataSync()[0]!),
      )
      near(Math.sqrt(squares.reduce((a, b) => a + b)), expected.norm, 4)
      tf.dispose(gradients)
      await run.iterate(1)
      const row = run.history.at(-1)! as { [name: string]: number }
      for (const [name, value] of Object.entries(expected))
        if (name !== 'norm' && name !== 'qkv') near(row[name]!, value as number, 5)
    },
  )

  it('raises margins on pairs, takes it back, and branches', async () => {
    const model = small()
    const data = await preferences(pairs, numbered, { context: 16, reference: model })
    const run = train(dpo(model, { beta: 0.5 }), {
      data,
      evaluateOn: data,
      batchSize: 2,
      optimizer: adam({ learningRate: 3e-3 }),
      save: false,
    })
    await run.iterate(20)
    const { accuracy, margin } = (await run.evaluate()) as unknown as { accuracy: number; margin: number }
    expect(accuracy).toBe(1)
    expect(margin).toBeGreaterThan(1)
    const other = run.branch('other')
    await other.iterate(5)
    await run.iterate(5)
    expect(other.history.at(-1)!.loss).toBe(run.history.at(-1)!.loss)
    await run.undo()
    await run.undo()
    await run.iterate(1)
    expect(run.history.at(-1)!.loss).toBe(Math.fround(Math.LN2))
  })

  it('is refused what it cannot use', async () => {
    const model = small()
    const optimizer = adam({ learningRate: 1e-3 })
    const without = await preferences(pairs, numbered, { context: 16 })
    expect(() => train(dpo(model), { data: without, optimizer, save: false })).toThrow(/reference: model/)
    expect(() =>
      train(dpo(model, { variant: 'simpo' }), { data: without, optimizer, save: false }),
    ).not.toThrow()
    expect(() => train(dpo(model), { data: { x: [1, 2] }, optimizer, save: false })).toThrow(
      /pairs of answers/,
    )
    expect(() => dpo(model, { beta: 0 })).toThrow(/beta/)
    expect(() => dpo(model, { gamma: 1 })).toThrow(/gamma/)
    expect(() => dpo(model, { variant: 'sipo' as never })).toThrow(/'simpo'/)
    expect(() => dpo({} as never)).toThrow(/a language model/)
  })
})
