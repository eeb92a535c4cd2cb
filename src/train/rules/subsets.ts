import { describe, InputError } from '../../errors.js'
import { mistakeAt } from '../../mistakes/rows.js'
import type { Dataset } from '../../data/dataset.js'
import { listNearest, named } from '../../suggest.js'
import type { EvaluationDetail } from '../../mistakes/detail.js'
import type { Mistake } from '../../views.js'

/** What a subset is chosen from. */
export interface Choice {
  /** Positions of training examples that are not excluded. */
  positions: Int32Array
  /** The training data. */
  dataset: Dataset
  /** Losses and predictions of all training examples, now. */
  detail(): Promise<EvaluationDetail>
  /** The iteration in which each was last drawn, by position. */
  drawn: Uint32Array
  /** Iterations at which the rounds so far began, the present one last. */
  roundStarts: readonly number[]
}

/** A part of the training data, as a value: chosen anew in each round. */
export interface Subset {
  readonly name: string
  /** The maker and its settings, where that says all; missing where a function of one's own chooses. */
  readonly record?: { readonly maker: string; readonly settings: unknown }
  /**
   * Whether it chooses by what the model makes of the examples. Of more than a million of them it is then given a random sample, and
   * chooses from that. Default: false, it is given all.
   */
  readonly looks?: boolean
  /** null: everything. `chances`: drawn with replacement, in these proportions. */
  choose(choice: Choice): Promise<{ positions: Int32Array; chances?: Float32Array } | null>
}

function checkFraction(where: string, fraction: number): void {
  if (typeof fraction === 'number' && fraction > 0 && fraction <= 1) return
  throw new InputError({ where, received: describe(fraction), expected: 'a fraction above 0, at most 1' })
}

/**
 * All training examples alike.
 *
 * @example await run.rounds(2, { iterations: 100, subset: uniform() })
 */
export function uniform(): Subset {
  return { name: 'uniform', record: { maker: 'uniform', settings: undefined }, choose: async () => null }
}

/** The loss of each example, by position; those that are chosen from all have one. */
async function lossesOf({ positions, detail }: Choice, subset: string): Promise<Float32Array> {
  const { losses, dataset, onlyMean } = await detail()
  const without = positions.filter((position) => !Number.isFinite(losses[position]!))
  if (without.length === 0) return losses
  const ids = Array.from(without.slice(0, 8), (position) => dataset.ids[position])
  throw new InputError({
    where: `subset ${subset}`,
    received: onlyMean
      ? 'no loss of single examples'
      : `a loss that is not finite, of ${without.length} of ${positions.length} examples (${ids.join(', ')}${without.length > ids.length ? ', …' : ''})`,
    expected: 'a finite loss of each example, to choose by',
    fix: onlyMean
      ? 'Return { loss, perExample } from the loss, perExample of shape [batch].'
      : `Look at them, or leave them out: run.exclude([${ids.join(', ')}]).`,
  })
}

async function rankedByLoss(choice: Choice, subset: string): Promise<Int32Array> {
  const losses = await lossesOf(choice, subset)
  return choice.positions.toSorted((a, b) => losses[b]! - losses[a]! || a - b)
}

/** The `fraction` of the examples with the highest loss: `hardest(0.5)`. */
export function hardest(fraction: number): Subset {
  checkFraction('hardest(fraction)', fraction)
  return {
    name: `hardest(${fraction})`,
    record: { maker: 'hardest', settings: fraction },
    looks: true,
    async choose(choice) {
      const ranked = await rankedByLoss(choice, `hardest(${fraction})`)
      return { positions: ranked.slice(0, Math.max(1, Math.round(fraction * ranked.length))) }
    },
  }
}

/**
 * All examples, drawn with replacement with a chance that grows with the loss: loss ^ (1 / temperature). 1: in
 * proportion to the loss; larger: closer to uniform; smaller: closer to the hardest alone.
 *
 * @example await run.rounds(2, { iterations: 100, subset: byLoss({ temperature: 2 }) })
 */
export function byLoss(settings: { temperature?: number } = {}): Subset {
  const { temperature = 1 } = named(settings, ['temperature'], 'byLoss(settings)')
  if (!(temperature > 0))
    throw new InputError({
      where: 'byLoss({ temperature })',
      received: describe(temperature),
      expected: 'a number above 0',
    })
  return {
    name: `byLoss({ temperature: ${temperature} })`,
    record: { maker: 'byLoss', settings: { temperature } },
    looks: true,
    async choose(choice) {
      const { positions } = choice
      const losses = await lossesOf(choice, `byLoss({ temperature: ${temperature} })`)
      // Of losses that go below 0 (a density's) the lowest counts as none.
      const lowest = positions.reduce((min, position) => Math.min(min, losses[position]!), 0)
      const highest = positions.reduce((max, position) => Math.max(max, losses[position]!), 0) - lowest || 1
      // A floor, so that no example is lost for good once its loss is 0.
      const chances = Float32Array.from(positions, (position) =>
        Math.max(1e-6, ((losses[position]! - lowest) / highest) ** (1 / temperature)),
      )
      return { positions, chances }
    },
  }
}

/**
 * Examples of a mixture by their source, drawn with replacement: each source in proportion to its weight, its examples alike. A
 * source without a weight is not drawn from.
 *
 * @example await run.focus(bySource({ books: 0.7, letters: 0.3 }), { why: 'letters are noisy' })
 */
export function bySource(weights: { readonly [source: string]: number }): Subset {
  const rows = Object.entries(weights ?? {})
  const isWeight = (value: unknown) => typeof value === 'number' && value >= 0 && Number.isFinite(value)
  if (
    rows.length === 0 ||
    !rows.every(([, weight]) => isWeight(weight)) ||
    rows.every(([, weight]) => weight === 0)
  )
    throw new InputError({
      where: 'bySource(weights)',
      received: describe(weights),
      expected: 'weights of sources by name, 0 or more, one of them above 0: { books: 0.7, letters: 0.3 }',
    })
  const name = `bySource({ ${rows.map(([source, weight]) => `${source}: ${weight}`).join(', ')} })`
  return {
    name,
    record: { maker: 'bySource', settings: { ...weights } },
    async choose({ positions, dataset }) {
      if (!dataset.sourceAt)
        throw new InputError({
          where: `subset ${name}`,
          received: `${dataset.name}, which is no mixture`,
          expected: 'data of several sources: mixture({ books: books.train, letters: letters.train })',
        })
      const counts = new Map<string, number>()
      const sources = Array.from(positions, (position) => dataset.sourceAt!(position))
      for (const source of sources) counts.set(source, (counts.get(source) ?? 0) + 1)
      for (const [source, weight] of rows)
        if (weight > 0 && !counts.has(source))
          throw new InputError({
            where: `subset ${name}`,
            received: `the source '${source}'`,
            expected: `a source with examples: ${listNearest(source, [...counts.keys()])}`,
          })
      const chances = Float32Array.from(sources, (source) => (weights[source] ?? 0) / counts.get(source)!)
      return { positions, chances }
    },
  }
}

/** The examples for which `test` is true, given what was expected and predicted: `where((row) => row.expected === '7')`. */
export function where(test: (row: Mistake) => boolean, name = 'where(…)'): Subset {
  if (typeof test !== 'function')
    throw new InputError({
      where: 'where(test)',
      received: describe(test),
      expected: "a function of the example, e.g. (row) => row.expected === '7'",
    })
  return {
    name,
    looks: true,
    async choose({ positions, detail }) {
      const found = await detail()
      return { positions: positions.filter((position) => test(mistakeAt(found, position))) }
    },
  }
}

/**
 * Easy to hard: the `from` fraction with the lowest loss in the first round, then more, all in round `over`.
 *
 * @example await run.rounds(5, { iterations: 100, subset: curriculum({ from: 0.3, over: 5 }) })
 */
export function curriculum(settings: { from?: number; over?: number } = {}): Subset {
  const { from = 0.2, over = 5 } = named(settings, ['from', 'over'], 'curriculum(settings)')
  checkFraction('curriculum({ from })', from)
  if (!Number.isInteger(over) || over < 1)
    throw new InputError({
      where: 'curriculum({ over })',
      received: describe(over),
      expected: 'a whole number of rounds, at least 1',
    })
  return {
    name: `curriculum({ from: ${from}, over: ${over} })`,
    record: { maker: 'curriculum', settings: { from, over } },
    looks: true,
    async choose(choice) {
      const round = choice.roundStarts.length - 1
      const share = Math.min(1, over === 1 ? 1 : from + ((1 - from) * round) / (over - 1))
      const ranked = (await rankedByLoss(choice, 'curriculum')).reverse()
      return { positions: ranked.slice(0, Math.max(1, Math.round(share * ranked.length))) }
    },
  }
}

/**
 * Examples that the last round (the last `rounds`) did not draw; all of them where none is left.
 *
 * @example await run.rounds(3, { iterations: 100, subset: unlike() })
 */
export function unlike(rounds = 1): Subset {
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new InputError({
      where: 'unlike(rounds)',
      received: describe(rounds),
      expected: 'a whole number of rounds, at least 1',
    })
  return {
    name: `unlike(${rounds})`,
    record: { maker: 'unlike', settings: rounds },
    async choose({ positions, drawn, roundStarts }) {
      const since = roundStarts.at(-1 - rounds) ?? roundStarts[0] ?? 0
      const others = positions.filter((position) => drawn[position]! <= since)
      return others.length > 0 ? { positions: others } : null
    },
  }
}

export function checkSubset(subset: unknown, place: string): Subset {
  if (typeof (subset as Subset | null)?.choose === 'function') return subset as Subset
  throw new InputError({
    where: place,
    received: describe(subset),
    expected:
      'a subset: uniform(), hardest(0.5), byLoss({ temperature: 1 }), bySource({ … }), where(row => …), curriculum(), unlike()',
  })
}
