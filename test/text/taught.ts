// The built ones: a template is filled in in a thread.
import { adamw, train } from '../../dist/src/index.js'
import { applyChatTemplate, charTokenizer, gpt, presets, windows } from '../../dist/src/text/index.js'

/** A template without special tokens. */
export const plainTemplate =
  "{% for message in messages %}{{ message.role + ': ' + message.content + '\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"

export const answers = [
  ['Where is it?', 'On its way.'],
  ['Who are you?', 'A shop.'],
] as const

/** A small model that has learned two answers by heart. */
export async function taughtModel() {
  const tokenizer = charTokenizer(`${answers.flat().join('')}userasistn: \n`)
  const texts = await Promise.all(
    answers.map(([question, answer]) =>
      applyChatTemplate(plainTemplate, [
        { role: 'user', content: question },
        { role: 'assistant', content: answer },
      ]),
    ),
  )
  const model = gpt({ ...presets.tiny, context: 48, vocabulary: tokenizer.size, seed: 1 })
  const { train: data } = windows(texts.join('').repeat(20), tokenizer, { context: 48, split: 0.9 })
  const run = train(model, {
    data,
    batchSize: 8,
    seed: 1,
    optimizer: adamw({ learningRate: 5e-3 }),
    save: false,
  })
  await run.iterate(160)
  return { model, tokenizer, template: plainTemplate }
}
