import { describe, InputError } from '../errors.js'

/** What one parameter may be. */
export interface Dimension<Value = unknown> {
  readonly kind: 'uniform' | 'logUniform' | 'integer' | 'choice'
  readonly settings: { readonly [name: string]: unknown }
  /** The parameter is there only where another one has one of these values. */
  readonly given?: { readonly name: string; readonly values: readonly unknown[] }
  /** The value at a place of the unit interval, 0 <= `place` < 1. */
  at(place: number): Value
  /** Values that a grid goes through, at most `points` of a dimension that has more. */
  values(points: number): readonly Value[]
}

/** Parameters by name. */
export interface Space {
  readonly [name: string]: Dimension
}

/** The values that a space's parameters have in a trial. */
export type ParametersOf<S extends Space> = {
  [Name in keyof S]: S[Name] extends Dimension<infer Value> ? Value : never
}

function checkRange(
  where: string,
  low: unknown,
  high: unknown,
  ok: (value: number) => boolean,
  expected: string,
): void {
  const [a, b] = [low, high] as [number, number]
  if (typeof a === 'number' && typeof b === 'number' && ok(a) && ok(b) && a < b) return
  throw new InputError({ where, received: `${describe(low)}, ${describe(high)}`, expected })
}

/**
 * A number from `low` to `high`, all as likely.
 *
 * @example const space = { dropout: uniform(0, 0.5) }
 */
export function uniform(low: number, high: number): Dimension<number> {
  checkRange('uniform(low, high)', low, high, Number.isFinite, 'two finite numbers, the lower first')
  const at = (place: number) => low + place * (high - low)
  return { kind: 'uniform', settings: { low, high }, at, values: (points) => evenly(points, at) }
}

/**
 * A number from `low` to `high` of which each power of ten is as likely: what a learning rate is searched in.
 *
 * @example const space = { learningRate: logUniform(1e-4, 1e-1) }
 */
export function logUniform(low: number, high: number): Dimension<number> {
  const positive = (value: number) => Number.isFinite(value) && value > 0
  checkRange('logUniform(low, high)', low, high, positive, 'two finite numbers above 0, the lower first')
  const [from, to] = [Math.log(low), Math.log(high)]
  const at = (place: number) => Math.min(high, Math.max(low, Math.exp(from + place * (to - from))))
  return { kind: 'logUniform', settings: { low, high }, at, values: (points) => evenly(points, at) }
}

/**
 * A whole number from `low` to `high`, both included.
 *
 * @param options `log`: each power of ten is as likely; `step`: only every so manieth.
 * @example const space = { width: integer(8, 256, { log: true }), layers: integer(1, 4) }
 */
export function integer(
  low: number,
  high: number,
  { log = false, step = 1 }: { log?: boolean; step?: number } = {},
): Dimension<number> {
  const where = 'integer(low, high)'
  checkRange(where, low, high, Number.isInteger, 'two whole numbers, the lower first')
  if (!Number.isInteger(step) || step < 1 || (log && step !== 1))
    throw new InputError({
      where: `${where}, { step }`,
      received: `${describe(step)}${log ? ' beside log' : ''}`,
      expected: 'a whole number of at least 1, without log',
    })
  if (log && low < 1)
    throw new InputError({ where: `${where}, { log }`, received: `from ${low}`, expected: 'from 1 or more' })
  const count = Math.floor((high - low) / step) + 1
  // Each number has the part of the interval that rounds to it.
  const [from, to] = [Math.log(low - 0.5), Math.log(high + 0.5)]
  const at = (place: number) =>
    log
      ? Math.min(high, Math.max(low, Math.round(Math.exp(from + place * (to - from)))))
      : low + step * Math.min(count - 1, Math.floor(place * count))
  return {
    kind: 'integer',
    settings: { low, high, ...(log && { log }), ...(step !== 1 && { step }) },
    at,
    values: (points) =>
      count <= points
        ? Array.from({ length: count }, (_, i) => low + i * step)
        : [...new Set(evenly(points, (place) => at(Math.min(place, 1 - 1e-12))))],
  }
}

type Plain = string | number | boolean | null

/**
 * One of some values, all as likely: numbers, texts, booleans, or null; an array of them is the same.
 *
 * @example const space = { optimizer: choice('adam', 'sgd'), batchSize: choice(16, 32, 64) }
 */
export function choice<const Value extends Plain>(values: readonly Value[]): Dimension<Value>
export function choice<const Value extends Plain>(...values: readonly Value[]): Dimension<Value>
export function choice(...given: readonly unknown[]): Dimension<Plain> {
  const values = (given.length === 1 && Array.isArray(given[0]) ? given[0] : given) as readonly Plain[]
  const plain = (value: unknown) =>
    value === null || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value)
  if (!Array.isArray(values) || values.length === 0 || !values.every(plain))
    throw new InputError({
      where: 'choice(values)',
      received: describe(values),
      expected: 'at least one text, finite number, boolean or null',
      fix: "What is none of them is looked up by its name: choice(['small', 'large']) and sizes[parameters.size].",
    })
  if (new Set(values).size < values.length)
    throw new InputError({
      where: 'choice(values)',
      received: describe(values),
      expected: 'values of which each is there once',
    })
  return {
    kind: 'choice',
    settings: { values: [...values] },
    at: (place) => values[Math.min(values.length - 1, Math.floor(place * values.length))]!,
    values: () => values,
  }
}

/**
 * A parameter that is there only where another one has this value, or one of these; elsewhere it is undefined.
 *
 * @example
 * const space = {
 *   optimizer: choice(['adam', 'sgd']),
 *   momentum: when('optimizer', 'sgd', uniform(0, 0.99)),
 * }
 */
export function when<Value>(
  name: string,
  value: unknown,
  dimension: Dimension<Value>,
): Dimension<Value | undefined> {
  if (typeof name !== 'string' || !isDimension(dimension) || dimension.given)
    throw new InputError({
      where: 'when(name, value, dimension)',
      received: `${describe(name)}, ${describe(value)}, ${describe(dimension)}`,
      expected:
        "the name of another parameter, its value, and what this one is then: when('optimizer', 'sgd', uniform(0, 0.99))",
    })
  return { ...dimension, given: { name, values: Array.isArray(value) ? [...value] : [value] } }
}

const isDimension = (value: unknown): value is Dimension =>
  typeof (value as Dimension | null)?.at === 'function' && typeof (value as Dimension).kind === 'string'

/** Both ends and what lies evenly between them. */
function evenly<Value>(points: number, at: (place: number) => Value): Value[] {
  return Array.from({ length: points }, (_, i) => at(points === 1 ? 0.5 : i / (points - 1)))
}

/** A parameter after those that it depends on. */
export interface Entry {
  readonly name: string
  readonly dimension: Dimension
}

/** The parameters of a space, each after the one that it depends on. @throws InputError for what is no space. */
export function entriesOf(space: unknown, where: string): readonly Entry[] {
  const isSpace = typeof space === 'object' && space !== null && !Array.isArray(space)
  const names = isSpace ? Object.keys(space) : []
  if (names.length === 0)
    throw new InputError({
      where,
      received: isSpace ? 'a space with nothing in it' : describe(space),
      expected: 'at least one parameter: { learningRate: logUniform(1e-4, 1e-1) }',
    })
  for (const name of names)
    if (!isDimension((space as Space)[name]))
      throw new InputError({
        where: `${where}, ${name}`,
        received: describe((space as Space)[name]),
        expected: 'uniform, logUniform, integer, choice or when',
        fix: 'A value that is always the same stands in the trial itself.',
      })
  const left = new Set(names)
  const entries: Entry[] = []
  while (left.size > 0) {
    const before = left.size
    for (const name of left) {
      const dimension = (space as Space)[name]!
      if (dimension.given && !entries.some((entry) => entry.name === dimension.given!.name)) continue
      entries.push({ name, dimension })
      left.delete(name)
    }
    if (left.size < before) continue
    const [name] = left
    const on = (space as Space)[name!]!.given!.name
    throw new InputError({
      where: `${where}, ${name}`,
      received: names.includes(on)
        ? `parameters that depend on each other`
        : `the parameter '${on}', which is not there`,
      expected: `one of ${names.filter((other) => !left.has(other)).join(', ') || 'the others'}`,
    })
  }
  for (const { name, dimension } of entries) {
    const { given } = dimension
    const on = given && (space as Space)[given.name]!
    const [never] =
      on?.kind === 'choice'
        ? given!.values.filter((value) => !on.values(1).includes(value)).map((value) => ({ value }))
        : []
    if (never)
      throw new InputError({
        where: `${where}, ${name}: when('${given!.name}', …)`,
        received: describe(never.value),
        expected: `one of ${on!
          .values(1)
          .map((value) => describe(value))
          .join(', ')}`,
      })
  }
  return entries
}

/** Whether a parameter is there beside these others. */
export const isThere = ({ given }: Dimension, parameters: { readonly [name: string]: unknown }): boolean =>
  !given || (given.name in parameters && given.values.includes(parameters[given.name]))

/** The parameters at a place of the unit cube. */
export function parametersAt(
  entries: readonly Entry[],
  place: (axis: number, name: string) => number,
): { [name: string]: unknown } {
  const found: { [name: string]: unknown } = {}
  for (const [axis, { name, dimension }] of entries.entries())
    if (isThere(dimension, found)) found[name] = dimension.at(place(axis, name))
  return found
}

/** A space as data: equal for spaces that mean the same. */
export const describeSpace = (entries: readonly Entry[]): { [name: string]: unknown } =>
  Object.fromEntries(
    entries.map(({ name, dimension: { kind, settings, given } }) => [
      name,
      { kind, ...settings, ...(given && { given }) },
    ]),
  )
