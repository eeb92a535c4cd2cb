import { describe, InputError } from '../errors.js'
import type { Entry } from './space.js'

/** How much one parameter decides about which trials are among the best; the shares of all parameters add up to 1. */
export interface ImportanceRow {
  readonly parameter: string
  readonly importance: number
}

/** A complete trial: its parameters, and how good it was, smaller is better. */
export interface Judged {
  readonly parameters: { readonly [name: string]: unknown }
  readonly cost: number
}

/** The share of trials that count as the best. */
const best = 0.1
const steps = 50
/** Trials that a parameter has to be there in. */
const fewest = 2

/**
 * PED-ANOVA: how far the values of a parameter among the best tenth of the trials are spread otherwise than among all of them (Pearson's
 * divergence of two densities). S. Watanabe, A. Bansal, F. Hutter, PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in
 * Arbitrary Subspaces, IJCAI 2023; parameters that are not in all trials as in Conditional PED-ANOVA, KDD 2026. The numbers are those of
 * Optuna's `PedAnovaImportanceEvaluator`.
 *
 * @returns the most important first; all alike where the trials say nothing.
 * @throws InputError for fewer than two trials.
 */
export function importanceOf(
  entries: readonly Entry[],
  trials: readonly Judged[],
  where: string,
): ImportanceRow[] {
  const known = trials.filter(({ cost }) => Number.isFinite(cost))
  if (known.length < 2)
    throw new InputError({
      where,
      received: `${describe(known.length)} complete trials`,
      expected: 'at least 2, better 50: of fewer the best tenth says little',
    })
  const costs = known.map(({ cost }) => cost).toSorted((a, b) => a - b)
  const cutoff = costs[Math.ceil(best * costs.length) - 1]!
  const top = known.filter(({ cost }) => cost <= cutoff)
  const rows = entries.map(({ name, dimension }) => {
    const here = known.filter(({ parameters }) => name in parameters)
    const chosen = top.filter(({ parameters }) => name in parameters)
    const grid = gridOf(dimension)
    if (here.length < fewest || chosen.length === 0 || grid.size < 2)
      return { parameter: name, importance: 0 }
    const density = (some: readonly Judged[]) =>
      densityOf(
        some.map((one) => grid.at(one.parameters[name])),
        grid,
      )
    const [above, all] = [density(chosen), density(here)]
    const divergence = all.reduce((sum, p, i) => sum + p * (above[i]! / p - 1) ** 2, 0)
    const share = (chosen.length / top.length) ** 2 / (here.length / known.length)
    return { parameter: name, importance: share * divergence }
  })
  const total = rows.reduce((sum, { importance }) => sum + importance, 0)
  return rows
    .map((row) => ({ ...row, importance: total > 0 ? row.importance / total : 1 / rows.length }))
    .toSorted((a, b) => b.importance - a.importance)
}

interface Grid {
  readonly size: number
  /** Whether its places have an order. */
  readonly ordered: boolean
  at(value: unknown): number
}

/** The places that values are counted at. */
function gridOf({ kind, settings }: Entry['dimension']): Grid {
  if (kind === 'choice') {
    const values = settings.values as readonly unknown[]
    return { size: values.length, ordered: false, at: (value) => values.indexOf(value) }
  }
  const {
    low,
    high,
    log = kind === 'logUniform',
    step = 1,
  } = settings as {
    low: number
    high: number
    log?: boolean
    step?: number
  }
  const whole = kind === 'integer'
  const count = Math.round((high - low) / step) + 1
  const size = !whole ? steps : Math.min(steps, log ? Math.ceil(Math.log2(high - low + 1)) + 1 : count)
  const scale = log ? Math.log : (value: number) => value
  const [from, width] = [scale(low), (scale(high) - scale(low)) / (size - 1)]
  return {
    size,
    ordered: true,
    at: (value) => {
      // In the middle between two places the lower one has it.
      const place = Math.ceil((scale(value as number) - from) / width - 0.5)
      return Math.min(size - 1, Math.max(0, place))
    },
  }
}

/** A Parzen estimator on the grid: a kernel for each place that has trials, as heavy as their number, and one as wide as the grid. */
function densityOf(places: readonly number[], { size, ordered }: Grid): Float64Array {
  const counts = new Float64Array(size)
  for (const place of places) counts[place]!++
  const seen = [...counts.keys()].filter((place) => counts[place]! > 0)
  const all = places.length + 1
  const density = new Float64Array(size).fill(1e-12)
  if (!ordered) {
    const prior = 1 / (seen.length + 1)
    const each = 1 + size * prior
    for (let place = 0; place < size; place++) {
      density[place]! += 1 / size / all
      for (const one of seen)
        density[place]! += (counts[one]! / all) * ((prior + (one === place ? 1 : 0)) / each)
    }
    return density
  }
  const width = widthOf(seen, counts, places.length)
  for (const place of seen) addNormal(density, place, width, counts[place]! / all)
  addNormal(density, (size - 1) / 2, size, 1 / all)
  return density
}

/** Scott's rule: D. W. Scott, Multivariate Density Estimation, 1992, of the places; at least so wide that nine tenths lie in one place. */
function widthOf(seen: readonly number[], counts: Float64Array, total: number): number {
  const mean = seen.reduce((sum, place) => sum + place * counts[place]!, 0) / total
  const squares = seen.reduce((sum, place) => sum + (place - mean) ** 2 * counts[place]!, 0)
  const deviation = Math.sqrt(squares / Math.max(1, total - 1))
  let sum = 0
  const cumulative = seen.map((place) => (sum += counts[place]!))
  const lower = cumulative.findIndex((one) => one >= Math.floor(total / 4))
  const upper = cumulative.findIndex((one) => one > Math.floor((total * 3) / 4))
  const between = seen[upper < 0 ? seen.length - 1 : upper]! - seen[lower]!
  return Math.max(0.5 / 1.64, 1.059 * Math.min(between / 1.34, deviation) * total ** -0.2)
}

/** Adds a normal distribution, cut off at the ends of the grid, each place with what lies within half a step of it. */
function addNormal(density: Float64Array, mean: number, deviation: number, weight: number): void {
  const below = (edge: number) => cumulative((edge - mean) / deviation)
  const whole = below(density.length - 0.5) - below(-0.5)
  for (let place = 0; place < density.length; place++)
    density[place]! += (weight * (below(place + 0.5) - below(place - 0.5))) / whole
}

/**
 * The share of a normal distribution below `z`: the series of the error function near 0, and the continued fraction of its complement
 * farther out (Abramowitz and Stegun 7.1.6 and 7.1.14), to 15 digits.
 */
function cumulative(z: number): number {
  const x = Math.abs(z) / Math.SQRT2
  let complement: number
  if (x < 2.5) {
    let term = x
    let sum = x
    for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) sum += term *= (2 * x * x) / (2 * n + 1)
    complement = 1 - (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
  } else {
    let fraction = x
    for (let n = 60; n > 0; n--) fraction = x + n / 2 / fraction
    complement = Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction
  }
  return z < 0 ? complement / 2 : 1 - complement / 2
}
