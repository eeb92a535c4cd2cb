import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { adamw, InputError, targetReached, train } from '../../../src/index.js'
import { shareInterval } from '../../../src/mistakes/interval.js'
import { toBundle } from '../../../src/show/values/values.js'
import {
  ask,
  asking,
  charTokenizer,
  coherence,
  compareAnswers,
  gpt,
  presets,
  questions,
  shop,
  windows,
  type GptOptions,
} from '../../../src/text/index.js'
import { signTest } from '../../../src/text/questions/compare-answers.js'
import { isLoop, overlap } from '../../../src/text/questions/coherence.js'
import { shareOf } from '../../../src/text/questions/shares.js'
import type { AnswersView } from '../../../src/views.js'
import { temporaryFolder } from '../../kit/index.js'
import { fill, numbered, small } from '../objectives/small.js'

const folder = temporaryFolder()

describe('questions', () => {
  it('come as records and as a file, and keep what they are scored by', async () => {
    const file = join(folder, 'questions.jsonl')
    const records = [
      { id: 'a', question: 'Is it?', contains: ['yes'], slice: 'short' },
      { messages: [{ role: 'user', content: 'And this?' }], pattern: '^n(o|ever)' },
    ]
    writeFileSync(file, records.map((record) => JSON.stringify(record)).join('\n'))
    for (const source of [records, file]) {
      const [first, second] = await questions(source)
      expect(first).toMatchObject({ id: 'a', text: 'Is it?', slice: 'short', refuse: false })
      expect(second).toMatchObject({ id: '1', text: 'And this?', slice: 'all' })
      expect(second!.right).toMatchObject({ how: 'text', pattern: /^n(o|ever)/i })
    }
  })

  it('of the shop are questions, and route to its intents', async () => {
    const { heldOut, dialogues, controls, intents } = await shop()
    expect(await questions(heldOut)).toHaveLength(60)
    expect((await questions(dialogues)).every(({ right }) => right.how === 'text')).toBe(true)
    expect((await questions(controls))[0]!.text).toBe('What is the capital of France?')
    const routed = await questions(heldOut, { choices: intents.map(({ answer }) => answer) })
    expect(routed[0]!.right).toMatchObject({ how: 'likelihood', right: 0 })
  })

  it.each([
    [[], /at least one/],
    [[{ question: '', contains: 'a' }], /a question, a text/],
    [[{ question: 'a' }], /nothing that tells a right answer/],
    [[{ question: 'a', pattern: '(' }], /a regular expression/],
    [[{ question: 'a', contains: [] }], /a text or texts/],
    [[{ question: 'a', choices: ['b', 'c'], answer: 'd' }], /none of its 2 choices/],
    [[{ question: 'a', choices: ['b', 'b'], answer: 'b' }], /all different/],
    [
      [
        { id: 1, question: 'a', exact: 'b' },
        { id: '1', question: 'c', exact: 'd' },
      ],
      /two questions/,
    ],
    [[{ messages: [{ role: 'assistant', content: 'x' }], exact: 'y' }], /end with the assistant/],
  ])('refuse %j', async (source, message) => {
    await expect(questions(source)).rejects.toThrow(message)
    await expect(questions(source)).rejects.toThrow(InputError)
  })
})

const forms: [string, GptOptions][] = [
  ['learned positions', { vocabulary: 50, context: 32, layers: 2, heads: 2, width: 16 }],
  [
    'rotary positions, grouped heads, a window',
    {
      vocabulary: 50,
      context: 32,
      layers: 2,
      heads: 4,
      keyValueHeads: 2,
      width: 16,
      positions: 'rotary',
      norm: 'rms',
      activation: 'swiglu',
      window: 4,
    },
  ],
]

describe('the likelihood of choices', () => {
  it.each(forms)('is the sum of what each token is given behind the prompt (%s)', async (_, form) => {
    const model = gpt(form)
    fill(model.parameters)
    // Of several lengths, so that both prompts and choices are filled up.
    const choices = ['1 5 9 ', '2 6 ', '5 3 5 8 9 7 9 3 2 3 8 4 6 2 6 4 3 3 8 ']
    const asked = ['3 1 4 ', '7 ', '2 7 1 8 2 8 1 8 2 '].map((question) => ({
      question,
      choices,
      answer: choices[1]!,
    }))
    const { rows } = await ask(model, numbered, asked, { per: 'nothing' })
    for (const [i, { question }] of asked.entries())
      for (const [j, choice] of choices.entries()) {
        const losses = await model.tokenLosses(numbered, question + choice)
        const tokens = numbered.encode(choice).length
        const sum = -losses.slice(-tokens).reduce((all, { loss }) => all + loss, 0)
        expect(rows[i]!.logLikelihoods![j]).toBeCloseTo(sum, 4)
      }
  })

  it('chooses as lm-evaluation-harness does: by the sum (acc), or by the sum for each character (acc_norm)', async () => {
    const model = small()
    const choices = ['1 ', '2 6 5 3 ']
    const source = [{ question: '3 1 4 ', choices, answer: '1 ' }]
    const bySum = await ask(model, numbered, source, { per: 'nothing' })
    const byCharacter = await ask(model, numbered, source)
    const [short, long] = bySum.rows[0]!.logLikelihoods!
    expect(bySum.rows[0]!.answers[0]!.text).toBe(short! > long! ? '1 ' : '2 6 5 3 ')
    expect(byCharacter.rows[0]!.answers[0]!.text).toBe(short! / 2 > long! / 8 ? '1 ' : '2 6 5 3 ')
    // The longer one has the lower sum and the higher mean, so that the two differ.
    expect([bySum.right, byCharacter.right]).toEqual([1, 0])
    expect(byCharacter.rows[0]!.logLikelihoods).toEqual(bySum.rows[0]!.logLikelihoods)
  })
})

describe('shares', () => {
  it('have Wilson’s interval where each question is asked once', () => {
    const shares = [1, 1, 0, 1, 1, 0, 1, 1, 1, 1]
    const [right, from, to] = shareInterval(8, 10)
    const found = shareOf(shares)
    expect(found.right).toBe(right)
    // 0.8 * 0.2 over the variance of the sample, which is larger by 10 / 9, would be nine answers: no fewer than questions count.
    expect(found.from).toBeCloseTo(from, 12)
    expect(found.to).toBeCloseTo(to, 12)
  })

  it('count samples of one question as less than as many questions', () => {
    const apart = shareOf([1, 1, 1, 1, 1, 1, 1, 1, 0, 0], 5)
    const mixed = shareOf([0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.6], 5)
    const asMany = shareInterval(39, 50)
    expect(apart.to - apart.from).toBeGreaterThan(0.4)
    expect(mixed.from).toBeCloseTo(asMany[1], 12)
    expect(mixed.to).toBeCloseTo(asMany[2], 12)
  })
})

const text = 'two and two is four. three and three is six. one and one is two. '.repeat(30)
const tokenizer = charTokenizer(text)
const sums = [
  { id: 'two', question: 'two and two is', contains: 'four', intent: 'even' },
  { id: 'three', question: 'three and three is', exact: 'six', intent: 'even' },
  { id: 'wrong', question: 'one and one is', pattern: /^seven/, slice: 'wrong', refuse: true },
]
const settings = { tokens: 8, stop: '.' }
const learner = () => gpt({ ...presets.tiny, vocabulary: tokenizer.size, seed: 1 })
const learning = (model = learner()) =>
  train(model, {
    ...(() => {
      const { train: data, validation } = windows(text, tokenizer, { context: 32 })
      return { data, evaluateOn: validation }
    })(),
    batchSize: 16,
    seed: 1,
    optimizer: adamw({ learningRate: 5e-3 }),
    evaluateEvery: 70,
  })

describe('a model that is asked', () => {
  it('has the share of right answers as a column of each evaluation, which is charted and waited for', async () => {
    const run = learning()
    const asked = await asking(
      run.model,
      tokenizer,
      { sums },
      { ...settings, coherent: true, text: 'one and one' },
    )
    await run.evaluate()
    await run.iterate(140)
    const [first, , last] = run.evaluations
    expect(run.evaluations.map(({ iteration }) => iteration)).toEqual([0, 70, 140])
    expect(first!.sums).toBe(0)
    expect(last!.sums).toBeCloseTo(2 / 3, 10)
    expect(run.view().metrics).toContain('sums')
    expect(last!.sumsDistinct2).toBe(asked.rows.at(-1)!.coherence.sums.distinct2)
    expect(last!.bitsPerByte).toBeLessThan(first!.bitsPerByte!)
    expect(asked.rows.map(({ iteration }) => iteration)).toEqual([0, 70, 140])

    const beside = asked.compare('sums', 0, 140)
    expect(beside).toMatchObject({ kind: 'answersComparison', mended: 2, broken: 0, chance: 0.5 })
    expect(beside.rows.map(({ change }) => change)).toEqual(['mended', 'mended', 'wrong'])
    expect(() => asked.compare('sums', 0, 79)).toThrow(/one that was evaluated: 0, 70, 140/)

    await run.undo()
    expect(run.evaluations.map(({ iteration }) => iteration)).toEqual([0])
    await run.until(targetReached('sums', 0.6), { atMost: 280 })
    expect(run.stopReason).toMatchObject({ kind: 'target' })
    expect(asked.rows.map(({ iteration }) => iteration)).toEqual(
      run.evaluations.map(({ iteration }) => iteration),
    )
    asked.stop()
    await run.iterate(70)
    expect(run.evaluations.at(-1)!.sums).toBeUndefined()

    const answers = await ask(run.model, tokenizer, sums, settings)
    expect(answers.rows.map(({ right }) => right)).toEqual([1, 1, 0])
    expect(answers.slices.map(({ slice, right }) => [slice, right])).toEqual([
      ['wrong', 0],
      ['all', 1],
    ])
    expect(answers.rows[1]!.answers).toEqual([{ text: 'six', right: true }])
    const several = await ask(run.model, tokenizer, sums, { ...settings, samples: 4, temperature: 2 })
    expect(several.rows.every((row) => row.answers.length === 4)).toBe(true)
    expect(several).toEqual(
      await ask(run.model, tokenizer, sums, { ...settings, samples: 4, temperature: 2 }),
    )
    expect(several).not.toEqual(
      await ask(run.model, tokenizer, sums, { ...settings, samples: 4, temperature: 2, seed: 2 }),
    )
    const routed = await ask(run.model, tokenizer, [
      { question: 'two and two is', choices: [' four', ' six', ' two'], answer: ' four' },
      { question: 'one and one is', choices: [' four', ' six', ' two'], answer: ' two' },
    ])
    expect(routed.right).toBe(1)
  })

  it('tells what does not fit', async () => {
    const model = learner()
    await expect(ask(model, tokenizer, sums, { samples: 3, temperature: 0 })).rejects.toThrow(
      /one and the same/,
    )
    await expect(ask(model, tokenizer, sums, { per: 'words' as never })).rejects.toThrow(/'characters'/)
    await expect(ask(model, tokenizer, sums, { samples: 0 })).rejects.toThrow(/at least 1/)
    await expect(ask(model, tokenizer, [{ question: 'o'.repeat(40), exact: 'n' }])).rejects.toThrow(
      /fewer than 32/,
    )
    await expect(asking(model, tokenizer, {})).rejects.toThrow(/sets of questions by name/)
    await expect(
      ask(model, tokenizer, [{ messages: [{ role: 'user', content: 'one' }], exact: 'n' }]),
    ).rejects.toThrow(/no template/)
  })
})

/** Answers as they would come. */
function answered(
  rows: { id: string; texts: string[]; right?: number; intent?: string; refuse?: boolean }[],
) {
  const view: AnswersView = {
    kind: 'answers',
    name: 'made up',
    samples: 1,
    count: rows.length,
    right: 0,
    from: 0,
    to: 1,
    slices: [],
    rows: rows.map(({ id, texts, right = 0, intent, refuse = false }) => ({
      id,
      slice: 'all',
      ...(intent && { intent }),
      refuse,
      question: id,
      expected: '',
      how: 'text',
      right,
      answers: texts.map((one) => ({ text: one, right: right === 1 })),
    })),
  }
  return view
}

describe('coherence', () => {
  it('counts refusals, repetition, and what answers to one question have in common', () => {
    const found = coherence(
      answered([
        { id: 'a', texts: ['the red pot', 'the blue pot'], intent: 'pots' },
        { id: 'b', texts: ['the red pot', 'the red pot'], intent: 'pots' },
        { id: 'c', texts: ['I cannot help with that.', 'Sure.'], refuse: true },
        { id: 'd', texts: ["I'm sorry, but I can't say.", 'We cannot take it back.'] },
        { id: 'e', texts: ['tea and tea and tea and so on', 'tea'] },
      ]),
    )
    expect(found.sameOverParaphrases).toBe(1)
    // Two of three words; all; none of 5 and 1; 'cannot' is no 'can’t'; one of 8 and 1.
    expect(found.sameOverSeeds).toBeCloseTo((2 / 3 + 1 + 0 + 0 + 2 / 9) / 5, 12)
    expect(found.refusedRightly).toBe(0.5)
    expect(found.refusedWrongly).toBe(1 / 8)
    expect(found.loops).toBe(0.1)
    expect(coherence(answered([{ id: 'a', texts: ['no no no no'] }]))).toMatchObject({
      distinct1: 1 / 4,
      distinct2: 1 / 3,
      loops: 1,
    })
  })

  it('has loops of one to twenty words, and overlap as F1', () => {
    expect(isLoop('a b a b a b'.split(' '))).toBe(true)
    expect(isLoop('a b a b a c'.split(' '))).toBe(false)
    expect(overlap('Tea, tea!', 'tea')).toBeCloseTo(2 / 3, 12)
    expect(overlap('', '')).toBe(1)
  })
})

describe('answers side by side', () => {
  it('are told apart by an exact sign test', () => {
    // Of ten coins one or fewer heads, or nine or more: 2 * (1 + 10) / 1024.
    expect(signTest(1, 9)).toBe(22 / 1024)
    expect(signTest(3, 3)).toBe(1)
    expect(signTest(0, 0)).toBe(1)
  })

  it('mark the words that differ, and escape what a model says', () => {
    const before = answered([{ id: 'a', texts: ['the <b>red</b> pot'], right: 0 }])
    const after = answered([{ id: 'a', texts: ['the blue pot'], right: 1 }])
    const html = toBundle(compareAnswers(before, after))!['text/html'] as string
    expect(html).toContain('<del>&lt;b&gt;red&lt;/b&gt; </del>')
    expect(html).toContain('<ins>blue </ins>')
    expect(html).not.toContain('<b>red')
    expect(() => compareAnswers(before, answered([{ id: 'b', texts: [''] }]))).toThrow(/other questions/)
  })
})
