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

/** The highest of some numbers. */
function most(values: ArrayLike<number>): number {
  let highest = -Infinity
  for (let id = 0; id < values.length; id++) if (values[id]! > highest) highest = values[id]!
  return highest
}

/** What is taken off a logit to make it the natural logarithm of its probability, in double precision. */
export function logTotal(logits: ArrayLike<number>): number {
  const highest = most(logits)
  let sum = 0
  for (let id = 0; id < logits.length; id++) sum += Math.exp(logits[id]! - highest)
  return highest + Math.log(sum)
}

/** Natural logarithms of the probabilities that logits stand for, in double precision. */
export function logProbabilities(logits: ArrayLike<number>): Float64Array {
  const total = logTotal(logits)
  const result = new Float64Array(logits)
  for (let id = 0; id < result.length; id++) result[id]! -= total
  return result
}

/** The ids with the highest values, highest first. */
export function highest(values: ArrayLike<number>, k: number): number[] {
  const found: number[] = []
  // Almost all of many values are below the lowest that was found: they are passed over by one comparison.
  let least = -Infinity
  for (let id = 0; id < values.length; id++) {
    if (found.length === k && !(values[id]! > least)) continue
    let at = found.length
    while (at > 0 && values[id]! > values[found[at - 1]!]!) at--
    found.splice(at, 0, id)
    if (found.length > k) found.pop()
    least = values[found.at(-1)!]!
  }
  return found
}

/** Ids that are left to choose from, with their probabilities before all but they were left out. */
export interface Candidates {
  ids: ArrayLike<number> & Iterable<number>
  chances: Float64Array
}

/**
 * What there is to choose from. Steps in the usual order: penalty of repetition (Keskar et al. 2019, arXiv 1909.05858),
 * temperature, top-k (Fan et al. 2018, arXiv 1805.04833), top-p (Holtzman et al. 2019, arXiv 1904.09751), min-p (Nguyen et al.
 * 2024, arXiv 2407.01082).
 *
 * @param seen ids that are in the text.
 */
export function candidates(
  logits: ArrayLike<number>,
  { temperature, topK, topP, minP, repetitionPenalty }: Required<SampleOptions>,
  seen: Iterable<number>,
): Candidates {
  const chances = chancesOf(penalised(logits, repetitionPenalty, seen), temperature)
  if (topK >= chances.length && topP === 1 && minP === 0)
    return { ids: Int32Array.from(chances.keys()), chances }
  return { ids: mostProbable(chances, { topK, topP, minP }), chances }
}

/** Chooses a token among what is left. */
export function sample(
  logits: ArrayLike<number>,
  sampling: Required<SampleOptions>,
  random: Random,
  seen: Iterable<number>,
): number {
  // Drawn in any case: what comes after is then the same whatever the temperature.
  const drawn = random.next()
  const { temperature, topK, topP, minP, repetitionPenalty } = sampling
  if (temperature === 0) return highest(penalised(logits, repetitionPenalty, seen), 1)[0]!
  if (topK >= logits.length && topP === 1 && minP === 0)
    return drawnOf(chancesOf(penalised(logits, repetitionPenalty, seen), temperature), drawn)
  const { ids, chances } = candidates(logits, sampling, seen)
  let total = 0
  for (const id of ids) total += chances[id]!
  let left = drawn * total
  let last = ids[0]!
  for (const id of ids) {
    if (chances[id]! > 0) last = id
    if ((left -= chances[id]!) < 0) return id
  }
  return last
}

/** One of all, as often as it is probable. */
function drawnOf(chances: Float64Array, drawn: number): number {
  let total = 0
  for (let id = 0; id < chances.length; id++) total += chances[id]!
  let left = drawn * total
  let last = 0
  for (let id = 0; id < chances.length; id++) {
    if (chances[id]! > 0) last = id
    if ((left -= chances[id]!) < 0) return id
  }
  return last
}

/** The probabilities that logits stand for at a temperature. */
function chancesOf(logits: ArrayLike<number>, temperature: number): Float64Array {
  const highest = most(logits)
  const chances = new Float64Array(logits.length)
  let sum = 0
  for (let id = 0; id < chances.length; id++)
    sum += chances[id] = Math.exp((logits[id]! - highest) / temperature)
  for (let id = 0; id < chances.length; id++) chances[id]! /= sum
  return chances
}

function penalised(logits: ArrayLike<number>, penalty: number, seen: Iterable<number>): ArrayLike<number> {
  if (penalty === 1) return logits
  const scores = new Float64Array(logits)
  for (const id of new Set(seen)) scores[id] = scores[id]! > 0 ? scores[id]! / penalty : scores[id]! * penalty
  return scores
}

function mostProbable(
  chances: Float64Array,
  { topK, topP, minP }: { topK: number; topP: number; minP: number },
): number[] {
  const highestChance = most(chances)
  // All that are rarer than this have less than 1 - topP together, and of a large vocabulary few are left to sort.
  const least =
    topK < chances.length ? 0 : topP < 1 ? (0.999 * (1 - topP)) / chances.length : minP * highestChance
  const ids: number[] = []
  for (let id = 0; id < chances.length; id++) if (chances[id]! >= least) ids.push(id)
  const sorted =
    topK <= 100
      ? highest(chances, topK)
      : ids.toSorted((a, b) => chances[b]! - chances[a]! || a - b).slice(0, topK)
  let end = sorted.length
  if (topP < 1) {
    // Of those that top-k left, as the usual order has it.
    const total = topK < chances.length ? sorted.reduce((sum, id) => sum + chances[id]!, 0) : 1
    let sum = 0
    const reached = sorted.findIndex((id) => (sum += chances[id]! / total) >= topP)
    if (reached !== -1) end = reached + 1
  }
  return sorted.slice(0, end).filter((id) => chances[id]! >= minP * highestChance)
}
