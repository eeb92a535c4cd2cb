import { describe, InputError } from './errors.js'
import { say } from './say.js'

/**
 * Options as they were given, none of them unknown: a name that is misspelt would do nothing, without a word.
 *
 * @param instead what does the work of an option that is none here, by its name.
 */
export function named<Options extends object>(
  given: Options | undefined,
  known: readonly string[],
  where: string,
  instead: { readonly [name: string]: string } = {},
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
        fix: instead[name] ?? (known.length > 1 ? didYouMean(name, known) : undefined),
      })
  return given
}

const told = new Set<string>()

/**
 * Options in which those of an older version have the names of today; each is told once.
 *
 * @param names old name -> new name.
 */
export function renamed<Options extends object>(
  given: Options | undefined,
  names: { readonly [old: string]: string },
  where: string,
): Options | undefined {
  if (typeof given !== 'object' || given === null || !Object.keys(names).some((old) => old in given))
    return given
  const { ...options } = given as { [name: string]: unknown }
  for (const [old, name] of Object.entries(names)) {
    if (!(old in options)) continue
    if (name in options)
      throw new InputError({
        where,
        received: `the options '${old}' and '${name}'`,
        expected: `'${name}' alone, which is what '${old}' is called now`,
      })
    options[name] = options[old]
    delete options[old]
    if (!told.has(`${where} ${old}`)) say(`${where}: '${old}' is called '${name}' now.`)
    told.add(`${where} ${old}`)
  }
  return options as Options
}

/** The question after a name that is nearly another, or that is another's elsewhere; nothing where none is near. */
export function didYouMean(typed: string, known: readonly string[]): string | undefined {
  const [nearest] = nearestFirst(typed, known)
  if (nearest === undefined) return undefined
  const away = distanceTo(typed, nearest)
  return away <= Math.max(2, typed.length / 2) ? `Did you mean '${nearest}'?` : undefined
}

/** What other libraries call it, in small letters without dashes, beside what it is called here. */
const elsewhere: { readonly [name: string]: string } = {
  acc: 'accuracy',
  bce: 'binaryCrossentropy',
  bceloss: 'binaryCrossentropy',
  bcewithlogitsloss: 'binaryCrossentropy',
  ce: 'sparseCategoricalCrossentropy',
  crossentropy: 'sparseCategoricalCrossentropy',
  crossentropyloss: 'sparseCategoricalCrossentropy',
  epochlength: 'evaluateEvery',
  gradientclipping: 'clipNorm',
  kld: 'kullbackLeiblerDivergence',
  kldivloss: 'kullbackLeiblerDivergence',
  l1: 'meanAbsoluteError',
  l1loss: 'meanAbsoluteError',
  l2: 'meanSquaredError',
  lr: 'learningRate',
  mae: 'meanAbsoluteError',
  maxnorm: 'clipNorm',
  mse: 'meanSquaredError',
  mseloss: 'meanSquaredError',
  nll: 'sparseCategoricalCrossentropy',
  nllloss: 'sparseCategoricalCrossentropy',
  rmse: 'rootMeanSquaredError',
  smoothl1loss: 'huber',
  validationdata: 'evaluateOn',
  verbose: 'progress',
}

/** Names nearest to what was typed first: for messages that list what is known. */
export function nearestFirst(typed: string, known: readonly string[]): string[] {
  return known
    .map((name) => ({ name, away: distanceTo(typed, name) }))
    .toSorted((a, b) => a.away - b.away)
    .map(({ name }) => name)
}

/** `known`, nearest first, as it reads in a sentence. */
export function listNearest(typed: string, known: readonly string[]): string {
  return nearestFirst(typed, known)
    .map((name) => `'${name}'`)
    .join(', ')
}

function distanceTo(typed: string, name: string): number {
  const wanted = typed.toLowerCase()
  if (elsewhere[wanted.replaceAll(/[_-]/g, '')] === name) return 0
  return distance(wanted, name.toLowerCase())
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
