import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { describe, expect, it } from 'vitest'
import { adamw, train } from '../../src/index.js'
import {
  byteTokenizer,
  conversations,
  gpt,
  type ConversationDataset,
  type ConversationSource,
} from '../../src/text/index.js'
// The built one: a template is filled in in a thread.
import { conversations as built, encodeChat } from '../../dist/src/text/index.js'
import { setHost } from '../../src/host.js'
import { silentHost } from '../../src/hosts/silent.js'
import { temporaryFolder } from '../kit/index.js'

const tokenizer = byteTokenizer({
  special: ['<|im_start|>', '<|im_end|>', '<|eot_id|>', '<|start_header_id|>', '<|end_header_id|>'],
})
const { templates } = JSON.parse(readFileSync('test/text/fixtures/chat-reference.json', 'utf8')) as {
  templates: { [name: string]: string }
}
const talk = (question: string, answer: string) => [
  { role: 'user', content: question },
  { role: 'assistant', content: answer },
]
const all = { context: 64, split: 1 }

/** What is said while something is done. */
function saidBy(work: () => void): string {
  const lines: string[] = []
  const host = {
    ...silentHost(),
    display(bundle: unknown) {
      lines.push((bundle as { 'text/plain': string })['text/plain'])
      return { id: '', update() {} }
    },
  }
  const before = setHost(host)
  try {
    work()
  } finally {
    setHost(before ?? silentHost())
  }
  return lines.join('\n')
}

/** What is learned in a row, in one text for each run of places. */
function learnedTexts(set: Pick<ConversationDataset, 'valuesAt'>, position = 0): string[] {
  const { y } = set.valuesAt(position)
  const texts: string[] = []
  for (let at = 0; at < y.length; at++) {
    if (y[at]! < 0) continue
    const from = at
    while (at < y.length && y[at]! >= 0) at++
    texts.push(tokenizer.decode(y.subarray(from, at)))
  }
  return texts
}

describe('conversations as examples', () => {
  it('learn what the assistant says and what ends its turn, to the token', () => {
    const { train: set } = conversations(
      [[{ role: 'system', content: 'Be kind.' }, ...talk('Hi?', 'Hello!'), ...talk('Bye?', 'So long.')]],
      tokenizer,
      { context: 160, split: 1 },
    )
    expect(learnedTexts(set)).toEqual(['Hello!<|im_end|>', 'So long.<|im_end|>'])
    const { x, y, begins } = set.valuesAt(0)
    const text =
      '<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi?<|im_end|>\n<|im_start|>assistant\nHello!<|im_end|>\n' +
      '<|im_start|>user\nBye?<|im_end|>\n<|im_start|>assistant\nSo long.<|im_end|>\n'
    const ids = tokenizer.encode(text, { special: true })
    expect([...x.subarray(0, ids.length)]).toEqual([...ids])
    // Where something is learned it is the next token.
    for (const [at, id] of y.entries()) if (id >= 0) expect(id).toBe(ids[at + 1])
    expect([...begins.subarray(0, ids.length)]).toEqual(Array.from(ids, () => 0))
    expect(begins[ids.length]).toBe(ids.length)
  })

  it.each(Object.keys(templates))(
    'are the tokens of encodeChat by the template of %s, of which the answers are learned',
    async (name) => {
      const template = templates[name]!
      const variables = { bos_token: '<|begin_of_text|>' }
      const turns = [...talk('What is 1 + 1?', 'Two, I think.'), ...talk('Sure?', 'Yes.')]
      const { train: set } = built([turns], tokenizer, { context: 400, split: 1, template, variables })
      const ids = await encodeChat(tokenizer, template, turns, { addGenerationPrompt: false, variables })
      const { x } = set.valuesAt(0)
      expect([...x.subarray(0, ids.length)]).toEqual([...ids])
      const learned = learnedTexts(set)
      expect(learned.length).toBe(2)
      expect(learned[0]).toMatch(/^ ?Two, I think\.\s*(<[^>]+>|$|\n)/)
      expect(learned[1]).toMatch(/^ ?Yes\.\s*(<[^>]+>|$|\n)/)
      for (const text of learned) expect(text).not.toMatch(/user|assistant|Sure/)
    },
  )

  it('are read as messages, ShareGPT’s, Alpaca’s, and prompts with completions, named by the report', () => {
    const sources: { [form: string]: ConversationSource } = {
      messages: [{ messages: talk('Hi?', 'Hello!') }],
      ShareGPT: [
        {
          conversations: [
            { from: 'human', value: 'Hi?' },
            { from: 'gpt', value: 'Hello!' },
          ],
        },
      ],
      Alpaca: [{ instruction: 'Hi?', input: '', output: 'Hello!' }],
      'prompt and completion': [{ prompt: 'Hi?', completion: 'Hello!' }],
    }
    const rows = Object.entries(sources).map(([form, source]) => {
      const { train: set, report } = conversations(source, tokenizer, all)
      expect(report.forms).toEqual({ [form]: 1 })
      return set.valuesAt(0)
    })
    for (const row of rows) expect(row).toEqual(rows[0])
    const withInput = conversations([{ instruction: 'Add.', input: '1 2', output: '3' }], tokenizer, all)
    expect(withInput.train.textAt(0).x).toContain('Add.\n\n1 2')
  })

  it('come from a file of JSON lines, one list, or the text of them', () => {
    const folder = temporaryFolder()
    const lines = [talk('a', 'b'), talk('c', 'd')].map((messages) => JSON.stringify({ messages })).join('\n')
    const file = join(folder, 'talks.jsonl')
    writeFileSync(file, `${lines}\n\n`)
    writeFileSync(join(folder, 'list.json'), JSON.stringify([talk('a', 'b'), talk('c', 'd')]))
    const texts = [file, lines, join(folder, 'list.json')].map(
      (source) => conversations(source, tokenizer, { ...all, context: 128 }).train.textAt(0).x,
    )
    expect(texts[0]).toContain('d<|im_end|>')
    expect(texts[1]).toBe(texts[0])
    expect(texts[2]).toBe(texts[0])
    expect(conversations(file, tokenizer, all).train.name).toBe('talks')
    writeFileSync(file, `${lines}\n{ oops`)
    expect(() => conversations(file, tokenizer, all)).toThrow(/talks\.jsonl, line 3/)
    expect(() => conversations('no/such.jsonl', tokenizer, all)).toThrow(/no file 'no\/such\.jsonl'/)
  })

  it('lie whole in rows, and each has the losses that it has alone', () => {
    const talks = Array.from({ length: 9 }, (_, i) =>
      talk('?'.repeat(1 + (i % 4)), `Answer ${'!'.repeat(i)}`),
    )
    const { train: set } = conversations(talks, tokenizer, { context: 128, split: 1 })
    expect(set.length).toBeLessThan(9)
    const model = gpt({
      vocabulary: tokenizer.size,
      context: 128,
      layers: 2,
      heads: 2,
      width: 16,
      seed: 1,
      positions: 'rotary',
    })
    const sumOf = (data: ConversationDataset, position: number) =>
      tf.tidy(() => {
        const learned = data.valuesAt(position).y.filter((id) => id >= 0).length
        return model.loss(data.at([position])).perExample.dataSync()[0]! * learned
      })
    let packed = 0
    for (let row = 0; row < set.length; row++) packed += sumOf(set, row)
    const { train: single } = conversations(talks, tokenizer, { context: 128, split: 1, packing: 'none' })
    expect(single.length).toBe(9)
    let alone = 0
    for (let row = 0; row < single.length; row++) alone += sumOf(single, row)
    // Sums of some hundred float32 losses of about 5.6.
    expect(Math.abs(packed - alone)).toBeLessThan(2e-3)
    model.dispose()
  })

  it('have logits where something is learned alone, with the same losses and gradients', () => {
    const { train: set } = conversations(
      [talk('a', 'b'), talk('long question', 'and its answer'), talk('c', 'd')],
      tokenizer,
      all,
    )
    const model = gpt({ vocabulary: tokenizer.size, context: 64, layers: 1, heads: 2, width: 16, seed: 2 })
    const { learned, ...everywhere } = set.at([0, 1])
    expect(learned.shape[1]).toBeLessThan(40)
    const gradientsOf = (batch: typeof everywhere & { learned?: tf.Tensor }) =>
      tf.tidy(() => {
        const { value, grads } = tf.variableGrads(() => model.loss(batch).loss)
        return [value, ...Object.values(grads)].map((one) => Array.from(one.dataSync()))
      })
    const [some, every] = [gradientsOf({ ...everywhere, learned }), gradientsOf(everywhere)]
    for (const [i, values] of every.entries())
      for (const [j, value] of values.entries()) expect(Math.abs(some[i]![j]! - value)).toBeLessThan(1e-5)
    model.dispose()
  })

  it('say whose turn each learned token is, and which rows a conversation is in', () => {
    const { train: set } = conversations(
      [
        { id: 'first', messages: [...talk('a', 'bb'), ...talk('c', 'dd')] },
        { id: 'second', messages: talk('e', 'ff') },
      ],
      tokenizer,
      { context: 128, split: 1 },
    )
    const { y } = set.valuesAt(0)
    const said = set
      .turnsAt(0)
      .map(({ conversation, turn, from, to }) => [conversation, turn, tokenizer.decode(y.subarray(from, to))])
    expect(said).toEqual([
      ['first', 1, 'bb<|im_end|>'],
      ['first', 3, 'dd<|im_end|>'],
      ['second', 1, 'ff<|im_end|>'],
    ])
    expect(set.idsOf('second')).toEqual([0])
    expect(() => set.idsOf('third')).toThrow(/the conversation 'third'/)
  })

  it('are in one part, the same whatever comes beside them, and also where they come twice', () => {
    const talks = Array.from({ length: 40 }, (_, i) => ({
      id: `t${i}`,
      messages: talk(`q${i % 20}`, `a${i % 20}`),
    }))
    const { train: some, validation } = conversations(talks, tokenizer, { context: 64, split: 0.8, seed: 3 })
    const twins = (set: ConversationDataset) =>
      new Set(set.conversations.map((id) => Number(String(id).slice(1)) % 20))
    expect(twins(some).size + twins(validation).size).toBe(20)
    expect(validation.conversations.length).toBe(8)
    expect(some.splitOf(some.length)).toBe('validation')
    const other = conversations(talks, tokenizer, { context: 64, split: 0.8, seed: 4 })
    expect(other.validation.conversations).not.toEqual(validation.conversations)
  })

  it('leave a written special token a text, and learn nothing of a message of weight 0', () => {
    const { train: set } = conversations(
      [
        [
          { role: 'user', content: 'say <|im_end|>' },
          { role: 'assistant', content: 'no', weight: 0 },
          ...talk('again', 'I write <|im_end|> so.'),
        ],
      ],
      tokenizer,
      { context: 200, split: 1 },
    )
    const { x } = set.valuesAt(0)
    expect(x.filter((id) => id === tokenizer.special['<|im_end|>']).length).toBe(4)
    expect(learnedTexts(set)).toEqual(['I write <|im_end|> so.<|im_end|>'])
  })

  it('are trained on', { timeout: 60_000 }, async () => {
    const { train: set, validation } = conversations(
      Array.from({ length: 12 }, (_, i) => talk(`number ${i}`, 'yes')),
      tokenizer,
      { context: 64, seed: 1 },
    )
    const model = gpt({ vocabulary: tokenizer.size, context: 64, layers: 1, heads: 2, width: 32, seed: 1 })
    const run = train(model, {
      data: set,
      evaluateOn: validation,
      batchSize: 4,
      optimizer: adamw({ learningRate: 1e-2 }),
      seed: 1,
      save: false,
      progress: false,
    })
    await run.iterate(40)
    expect((await run.evaluate()).loss).toBeLessThan(0.5)
    const { rows } = await run.mistakes({ k: 1 })
    expect(rows[0]!.tokens!.map(({ token }) => token).join('')).toContain('yes<|im_end|>')
    const prompt = '<|im_start|>user\nnumber 3<|im_end|>\n<|im_start|>assistant\n'
    const text = await model.generate(tokenizer, prompt, { tokens: 8, temperature: 0, stop: '<|im_end|>' })
    expect(text).toBe(`${prompt}yes`)
    model.dispose()
  })
})

describe('conversations that do not fit', () => {
  it('are left out with their number and the reason, and errors where none is left', () => {
    const bad = [
      { id: 'empty', messages: [] },
      { id: 'twice', messages: [{ role: 'user', content: 'a' }, ...talk('b', 'c')] },
      { id: 'mute', messages: talk('a', ' ') },
      { id: 'asks', messages: [{ role: 'user', content: 'a' }] },
    ]
    const lines = saidBy(() => {
      const { report } = conversations([...bad, talk('a', 'b')], tokenizer, all)
      expect(report.leftOut.map(({ id }) => id)).toEqual(['empty', 'twice', 'mute', 'asks'])
    })
    expect(lines).toMatch(/4 of 5 conversations are left out/)
    expect(lines).toMatch(/two turns of one role behind each other \(user\) \(first: "twice"\)/)
    expect(() => conversations(bad, tokenizer, all)).toThrow(
      /no conversations that can be used: 1 without a turn/,
    )
    expect(() => conversations([], tokenizer, all)).toThrow(/no conversations/)
    expect(() => conversations([{ text: 'a' }], tokenizer, all)).toThrow(/a record with 'text'.*instruction/)
    expect(() => conversations(talk('a', 'b'), tokenizer, all)).toThrow(/Put brackets around it/)
  })

  it('are cut at the end of a row, with how many tokens to learn that takes', () => {
    const turns = talk('a', 'b'.repeat(50))
    const lines = saidBy(() => {
      const { train: set, report } = conversations([turns, talk('c', 'd')], tokenizer, all)
      // <|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n: 20 tokens; 50 and the end are to learn.
      expect(report.cut).toEqual([{ id: 0, tokens: 72, lost: 51 - 45 }])
      expect(set.valuesAt(0).y.filter((id) => id >= 0).length).toBe(45)
    })
    expect(lines).toMatch(
      /1 of 2 conversations are longer than 64 tokens .* 6 of 53 tokens to learn are lost/,
    )
    expect(() => conversations([talk('a'.repeat(100), 'b')], tokenizer, all)).toThrow(
      /whose answers all lie behind 64 tokens/,
    )
  })

  it('and templates without a turn of the assistant are refused', () => {
    const silent =
      "{% for m in messages %}{% if m.role != 'assistant' %}{{ m.content }}{% endif %}{% endfor %}"
    expect(() => built([talk('a', 'b')], tokenizer, { ...all, template: silent })).toThrow(
      /a template without a turn of the assistant/,
    )
    const lastOnly = '{{ messages[-1].content }}\n'
    expect(() =>
      built([[...talk('a', 'b'), ...talk('c', 'd')]], tokenizer, { ...all, template: lastOnly }),
    ).toThrow(/writes 1 of 2 answers of the conversation 0 as they are/)
    expect(() => built([talk('a', 'b')], tokenizer, { ...all, template: '{% for %}' })).toThrow(
      /a template that says/,
    )
  })

  it('and options that are none say what was expected', () => {
    expect(() => conversations([talk('a', 'b')], tokenizer, { context: 1 })).toThrow(/at least 2/)
    expect(() => conversations([talk('a', 'b')], tokenizer, { ...all, split: 0 })).toThrow(/above 0/)
    expect(() => conversations([talk('a', 'b')], tokenizer, { ...all, contxt: 3 } as never)).toThrow(
      /Did you mean 'context'/,
    )
    expect(() => conversations([talk('a', 'b')], {} as never, all)).toThrow(/a tokenizer/)
  })
})
