import { expect, it } from 'vitest'
import { createRandom } from '../../src/data/random.js'
import { candidates, checkSampling, sample } from '../../src/text/generation/sample.js'

const logits = Float64Array.from({ length: 60 }, (_, i) => 4 * Math.sin(1.7 * i) + 2 * Math.cos(0.31 * i))
const seen = [1, 5, 16, 27, 5]

/** Options; how many tokens are left of them, the first twelve, and their probabilities: transformers 5.24 (sampling.py). */
const cases: [object, number, number[], number[]][] = [
  [
    { temperature: 0.7 },
    60,
    [1, 38, 23, 19, 42, 41, 20, 16, 45, 56, 5, 34],
    [
      0.355864, 0.165446, 0.15012, 0.094168, 0.079286, 0.032134, 0.028718, 0.024819, 0.022551, 0.010743,
      0.008241, 0.005233,
    ],
  ],
  [{ topK: 5 }, 5, [1, 38, 23, 19, 42], [0.347777, 0.203452, 0.190068, 0.13713, 0.121574]],
  [{ topP: 0.6 }, 4, [1, 38, 23, 19], [0.395909, 0.231609, 0.216373, 0.156109]],
  [{ minP: 0.3 }, 5, [1, 38, 23, 19, 42], [0.347777, 0.203452, 0.190068, 0.13713, 0.121574]],
  [
    { repetitionPenalty: 1.5, topK: 6 },
    6,
    [38, 23, 19, 42, 41, 20],
    [0.261995, 0.24476, 0.17659, 0.156556, 0.083197, 0.076903],
  ],
  [
    { temperature: 1.6, topK: 12, topP: 0.8, minP: 0.35, repetitionPenalty: 1.3 },
    8,
    [38, 23, 19, 42, 1, 41, 20, 45],
    [0.183981, 0.17632, 0.143778, 0.133355, 0.110287, 0.089827, 0.085517, 0.076935],
  ],
  [
    { temperature: 2.5, topP: 0.9, minP: 0.2 },
    20,
    [1, 38, 23, 19, 42, 41, 20, 16, 45, 56, 5, 34],
    [
      0.113114, 0.091281, 0.08883, 0.077956, 0.07429, 0.057691, 0.055904, 0.053666, 0.052245, 0.042449,
      0.039412, 0.034707,
    ],
  ],
]

it.each(cases)('%j leaves what transformers leaves', (options, count, kept, probabilities) => {
  const { ids, chances } = candidates(logits, checkSampling(options, 'here'), seen)
  expect(ids).toHaveLength(count)
  const sorted = Array.from(ids).toSorted((a, b) => chances[b]! - chances[a]! || a - b)
  expect(sorted.slice(0, 12)).toEqual(kept)
  const total = sorted.reduce((sum, id) => sum + chances[id]!, 0)
  for (const [at, probability] of probabilities.entries())
    expect(chances[sorted[at]!]! / total).toBeCloseTo(probability, 5)
})

it('draws each token as often as it is probable', () => {
  const [options, , kept, probabilities] = cases[5]!
  const random = createRandom(1)
  const draws = 4000
  const counts = new Map<number, number>()
  for (let i = 0; i < draws; i++) {
    const id = sample(logits, checkSampling(options, 'here'), random, seen)
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  for (const [at, probability] of probabilities.entries()) {
    const deviation = Math.sqrt((probability * (1 - probability)) / draws)
    expect(Math.abs((counts.get(kept[at]!) ?? 0) / draws - probability)).toBeLessThan(5 * deviation)
  }
})
