import { expect, it } from 'vitest'
// The built one, all of it: a template is filled in in a thread.
import { adamw, train } from '../../../dist/src/index.js'
import { ask, byteTokenizer, conversations, gpt, presets } from '../../../dist/src/text/index.js'

const tokenizer = byteTokenizer({ special: ['<|im_start|>', '<|im_end|>'] })
const template =
  "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"

it('a correction is what the model learns to answer, asked by its template, up to where it ends its turn', async () => {
  const talks = [
    ['hours', 'When?', 'From nine to five.'],
    ['place', 'Where?', 'Over there.'],
  ].map(([id, question, answer]) => ({
    id: id!,
    messages: [
      { role: 'user', content: question! },
      { role: 'assistant', content: answer! },
    ],
  }))
  const { train: data } = conversations(talks, tokenizer, {
    context: 80,
    split: 1,
    packing: 'none',
    template,
  })
  const model = gpt({ ...presets.tiny, context: 80, vocabulary: tokenizer.size, seed: 1 })
  const run = train(model, { data, batchSize: 2, seed: 1, optimizer: adamw({ learningRate: 3e-3 }) })
  run.correct('hours', 'Ten to six.')
  await run.iterate(120)
  const when = [{ role: 'user', content: 'When?' }]
  const answers = await ask(
    run.model,
    tokenizer,
    [
      { messages: when, exact: 'Ten to six.' },
      { question: 'When?', exact: 'Ten to six.' },
      { messages: when, choices: ['Ten to six.', 'Over there.'], answer: 'Ten to six.' },
    ],
    { template, tokens: 40 },
  )
  expect(answers.rows.map((row) => row.answers[0]!.text)).toEqual([
    'Ten to six.',
    'Ten to six.',
    'Ten to six.',
  ])
  expect(answers.right).toBe(1)
})
