import { muon } from '../../backend/optimizers/index.js'
import { describe, InputError } from '../../errors.js'
import { linear } from '../../train/rules/schedules.js'

/**
 * How `presets.fast` is trained: Muon for the matrices within the blocks, AdamW for the embedding and the gains, a rate that
 * falls to nothing over all iterations. Options of `train`, each of which may be another:
 *
 *     train(gpt({ ...presets.fast, vocabulary: tokenizer.size }), { data, ...fastRecipe({ iterations: 500 }) })
 *
 * @param options.iterations that it is trained for in all: the rate is at its end then.
 * @throws InputError for what is no count of iterations.
 */
export function fastRecipe({ iterations }: { iterations: number }) {
  if (!Number.isInteger(iterations) || iterations < 2)
    throw new InputError({
      where: 'fastRecipe({ iterations })',
      received: describe(iterations),
      expected: 'a whole number of iterations, at least 2',
    })
  return {
    batchSize: 12,
    optimizer: muon({
      learningRate: 0.01,
      weightDecay: 0,
      adamw: { learningRate: 3e-3, beta2: 0.99, weightDecay: 0, parameters: /tokens|positions|output$/ },
    }),
    schedule: linear({ warmup: Math.min(50, Math.floor(iterations / 2)), over: iterations, to: 1e-5 }),
    clipNorm: 1,
  }
}
