import { describe, InputError } from './errors.js'

/** Options as they were given, none of them unknown: a name that is misspelt would do nothing, without a word. */
export function named<Options extends object>(
  given: Options | undefined,
  known: readonly string[],
  where: string,
): Options {
  if (given === undefined) return {} as Options
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new InputError({
      where,
      received: describe(given),
      expected: `options by name: { ${known.join(', ')} }`,
    })
  for (const name of Object.keys(given))
    if (!known.includes(name))
      throw new InputError({
        where,
        received: `the option '${name}'`,
        expected: `one of ${listNearest(name, known)}`,
        ...(known.length > 1 && { fix: `Did you mean '${nearestFirst(name, known)[0]}'?` }),
      })
  return given
}

/** Names nearest to what was typed first: for messages that list what is known. */
export function nearestFirst(typed: string, known: readonly string[]): string[] {
  const wanted = typed.toLowerCase()
  return known
    .map((name) => ({ name, away: distance(wanted, name.toLowerCase()) }))
    .toSorted((a, b) => a.away - b.away)
    .map(({ name }) => name)
}

/** `known`, nearest first, as it reads in a sentence. */
export function listNearest(typed: string, known: readonly string[]): string {
  return nearestFirst(typed, known)
    .map((name) => `'${name}'`)
    .join(', ')
}

/** Levenshtein's distance, with nothing to pay for what follows a name that was typed only in part. */
function distance(from: string, to: string): number {
  if (from && (to.startsWith(from) || from.startsWith(to))) return Math.abs(from.length - to.length) / 100
  let row = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++)
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1))
    row = next
  }
  return row[to.length]!
}
