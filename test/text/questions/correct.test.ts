import * as tf from '@tensorflow/tfjs'
import { describe, expect, it } from 'vitest'
import { adamw, train } from '../../../src/index.js'
import { byteTokenizer, conversations, gpt, presets, shop } from '../../../src/text/index.js'

const tokenizer = byteTokenizer({ special: ['<|im_start|>', '<|im_end|>'] })
const talk = (id: string, question: string, answer: string) => ({
  id,
  messages: [
    { role: 'user', content: question },
    { role: 'assistant', content: answer },
  ],
})
const talks = [
  talk('hours', 'When?', 'From nine to five.'),
  talk('place', 'Where?', 'Over there.'),
  talk('price', 'How much?', 'Three euros for each.'),
]

/** What the assistant says in a row, and the row. */
async function learned(run: { nextBatch(): Promise<unknown> }) {
  const batch = (await run.nextBatch()) as { x: tf.Tensor; y: tf.Tensor; begins: tf.Tensor; ids: number[] }
  const [x, y, begins] = [batch.x, batch.y, batch.begins].map((tensor) => tensor.arraySync() as number[][])
  const rows = batch.ids.map((id, i) => ({
    id,
    said: tokenizer.decode(y![i]!.filter((token) => token >= 0)),
    whole: tokenizer.decode(x![i]!),
    begins: begins![i]!,
  }))
  tf.dispose(batch as never)
  return new Map(rows.map((row) => [row.id, row]))
}

const running = (packing: 'none' | 'whole') => {
  const data = conversations(talks, tokenizer, {
    context: packing === 'none' ? 80 : 256,
    split: 1,
    packing,
  }).train
  const model = gpt({ ...presets.tiny, context: data.context, vocabulary: tokenizer.size, seed: 1 })
  return {
    data,
    run: train(model, { data, batchSize: data.length, seed: 1, optimizer: adamw({ learningRate: 3e-3 }) }),
  }
}

describe('a conversation that is corrected', () => {
  it('says the better answer, ends as it did, and goes back by undo', async () => {
    const { run, data } = running('none')
    const [id] = data.idsOf('hours')
    run.correct('hours', 'From ten to six.', { why: 'wrong' })
    const row = (await learned(run)).get(id!)!
    expect(row.said).toBe('From ten to six.<|im_end|>')
    expect(row.whole).toContain('assistant\nFrom ten to six.<|im_end|>')
    expect(run.adjustments.at(-1)).toMatchObject({
      what: 'correct',
      from: 'From nine to five.',
      to: { id: 'hours', answer: 'From ten to six.' },
      why: 'wrong',
    })
    // By the id of its row too.
    run.correct(id!, 'At ten.')
    expect((await learned(run)).get(id!)!.said).toBe('At ten.<|im_end|>')
    await run.undo()
    await run.undo()
    expect((await learned(run)).get(id!)!.said).toBe('From nine to five.<|im_end|>')
  })

  it('in a row with others is moved with them, and theirs stay corrected', async () => {
    const { run, data } = running('whole')
    expect(data.length).toBe(1)
    run.correct('hours', 'Ten.')
    run.correct('price', 'Two.')
    const row = (await learned(run)).get(0)!
    expect(row.said).toContain('Ten.<|im_end|>')
    expect(row.said).toContain('Two.<|im_end|>')
    expect(row.said).toContain('Over there.<|im_end|>')
    // Each conversation begins where its first token stands.
    const starts = [...row.whole.matchAll(/<\|im_start\|>user/g)]
    expect(
      new Set(row.begins.filter((_, at) => at < tokenizer.encode(row.whole, { special: true }).length - 1))
        .size,
    ).toBeGreaterThanOrEqual(starts.length)
    expect(() => run.correct(0, 'Four.')).toThrow(/has 3 conversations/)
    expect(() => run.correct('nobody', 'Four.')).toThrow(/one of its 3/)
    expect(() => run.correct('hours', 'long '.repeat(80))).toThrow(/fewer words/)
  })

  it('comes of the shop as it is', async () => {
    const { conversations: all } = await shop()
    const { train: data, report } = conversations(all, tokenizer, { context: 512, split: 1, packing: 'none' })
    expect(report.leftOut).toEqual([])
    const found = data.corrected([{ id: 'opening-hours 1', answer: 'From ten to six.' }])
    expect(found.before).toBe('We are open Monday to Saturday from 10 am to 6 pm, and closed on Sundays.')
  })
})
