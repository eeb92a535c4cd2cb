import { expect, it } from 'vitest'
import { adamw, cosine, train, type RunOptions } from '../../src/index.js'
import { charTokenizer, fastRecipe, gpt, presets, windows, type GptOptions } from '../../src/text/index.js'

const text = Array.from({ length: 400 }, (_, i) => `${i} times ${i % 7} is ${i * (i % 7)}, so it is. `).join(
  '',
)
const tokenizer = charTokenizer(text)
const { train: data, validation } = windows(text, tokenizer, { context: 32 })
const small = { layers: 2, width: 64, heads: 2, context: 32, vocabulary: tokenizer.size, seed: 1 }

async function lossOf(
  form: Partial<GptOptions>,
  recipe: Pick<RunOptions, 'optimizer' | 'schedule'>,
  iterations: number,
) {
  const model = gpt({ ...form, ...small })
  const run = train(model, { ...recipe, data, batchSize: 12, clipNorm: 1, seed: 1, save: false })
  await run.iterate(iterations)
  const { loss } = await run.evaluate(validation)
  model.dispose()
  return loss
}

it('the preset fast with its recipe is further after 60 iterations than nanoGPT’s after twice as many', async () => {
  const plain = {
    optimizer: adamw({ learningRate: 1e-3, beta2: 0.99, weightDecay: 0.1 }),
    schedule: cosine({ warmup: 20, over: 120, to: 1e-4 }),
  }
  const slow = await lossOf(presets.nanoGptCpu, plain, 120)
  expect(await lossOf(presets.fast, fastRecipe({ iterations: 60 }), 60)).toBeLessThan(slow - 0.1)
})

it('its rate is at its end after all iterations, and what is no count of them is refused', () => {
  const { schedule, optimizer } = fastRecipe({ iterations: 500 })
  expect(schedule.rate(500, optimizer.learningRate)).toBeCloseTo(1e-5, 12)
  expect(schedule.rate(50, optimizer.learningRate)).toBeCloseTo(0.01, 12)
  expect(() => fastRecipe({ iterations: 0.5 })).toThrow(/a whole number of iterations/)
})
