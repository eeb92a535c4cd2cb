import type { Random } from '../../data/random.js'
import { describe, InputError } from '../../errors.js'

/** How the next token is chosen. */
export interface SampleOptions {
  /** Divides the logits: below 1 bolder, above 1 more even; 0 takes the most probable. Default: 1. `temperature: 0.8` */
  temperature?: number
  /** Only so many of the most probable. Default: all. `topK: 50` */
  topK?: number
  /** Only the most probable that together have this probability. Default: 1. `topP: 0.9` */
  topP?: number
  /** Only those with at least this share of the highest probability. Default: 0. `minP: 0.05` */
  minP?: number
  /** Makes tokens that are in the text already less probable. Default: 1, it does not. `repetitionPenalty: 1.2` */
  repetitionPenalty?: number
}

export const sampleNames = ['temperature', 'topK', 'topP', 'minP', 'repetitionPenalty'] as const

export function checkSampling(options: SampleOptions, where: string): Required<SampleOptions> {
  const { temperature = 1, topK = Infinity, topP = 1, minP = 0, repetitionPenalty = 1 } = options
  const rows: [name: keyof SampleOptions, fits: boolean, expected: string][] = [
    ['temperature', temperature >= 0 && Number.isFinite(temperature), 'a number, at least 0'],
    ['topK', topK === Infinity || (Number.isInteger(topK) && topK >= 1), 'a whole number, at least 1'],
    ['topP', topP > 0 && topP <= 1, 'a probability above 0, at most 1'],
    ['minP', minP >= 0 && minP < 1, 'a share from 0 to less than 1'],
    [
      'repetitionPenalty',
      repetitionPenalty > 0 && Number.isFinite(repetitionPenalty),
      'a number above 0; 1 changes nothing',
    ],
  ]
  for (const [name, fits, expected] of rows)
    if (!fits)
      throw new InputError({ where: `${where}: ${name}`, received: describe(options[name]), expected })
  return { temperature, topK, topP, minP, repetitionPenalty }
}

/** Natural logarithms of the probabilities that logits stand for, in double precision. */
export function logProbabilities(logits: ArrayLike<number>): Float64Array {
  const result = Float64Array.from(logits)
  let highest = -Infinity
  for (const logit of result) if (logit > highest) highest = logit
  let sum = 0
  for (const logit of result) sum += Math.exp(logit - highest)
  const total = highest + Math.log(sum)
  for (let id = 0; id < result.length; id++) result[id]! -= total
  return result
}

/** The ids with the highest values, highest first. */
export function highest(values: ArrayLike<number>, k: number): number[] {
  const found: number[] = []
  for (let id = 0; id < values.length; id++) {
    if (found.length === k && !(values[id]! > values[found.at(-1)!]!)) continue
    let at = found.length
    while (at > 0 && values[id]! > values[found[at - 1]!]!) at--
    found.splice(at, 0, id)
    if (found.length > k) found.pop()
  }
  return found
}

/**
 * Chooses a token. Steps in the usual order: penalty of repetition (Keskar et al. 2019, arXiv 1909.05858), temperature, top-k
 * (Fan et al. 2018, arXiv 1805.04833), top-p (Holtzman et al. 2019, arXiv 1904.09751), min-p (Nguyen et al. 2024, arXiv
 * 2407.01082).
 *
 * @param seen ids that are in the text.
 */
export function sample(
  logits: ArrayLike<number>,
  { temperature, topK, topP, minP, repetitionPenalty }: Required<SampleOptions>,
  random: Random,
  seen: Iterable<number>,
): number {
  const scores = Float64Array.from(logits)
  if (repetitionPenalty !== 1)
    for (const id of new Set(seen))
      scores[id] = scores[id]! > 0 ? scores[id]! / repetitionPenalty : scores[id]! * repetitionPenalty
  // Drawn in any case: what comes after is then the same whatever the temperature.
  const drawn = random.next()
  if (temperature === 0) return highest(scores, 1)[0]!
  for (let id = 0; id < scores.length; id++) scores[id]! /= temperature
  const chances = logProbabilities(scores).map(Math.exp)
  const narrowed = topK < chances.length || topP < 1 || minP > 0
  const ids = narrowed ? mostProbable(chances, { topK, topP, minP }) : chances.keys()
  const kept = [...ids]
  let left = drawn * kept.reduce((sum, id) => sum + chances[id]!, 0)
  for (const id of kept) if ((left -= chances[id]!) < 0) return id
  return kept.findLast((id) => chances[id]! > 0)!
}

function mostProbable(
  chances: Float64Array,
  { topK, topP, minP }: { topK: number; topP: number; minP: number },
): number[] {
  const least = minP * chances.reduce((most, chance) => Math.max(most, chance), 0)
  const sorted = [...chances.keys()]
    .filter((id) => chances[id]! >= least)
    .toSorted((a, b) => chances[b]! - chances[a]! || a - b)
    .slice(0, topK === Infinity ? undefined : topK)
  if (topP === 1) return sorted
  // Of those that top-k left, as the usual order has it.
  const total = sorted.reduce((sum, id) => sum + chances[id]!, 0)
  let sum = 0
  const end = sorted.findIndex((id) => (sum += chances[id]! / total) >= topP)
  return end === -1 ? sorted : sorted.slice(0, end + 1)
}
