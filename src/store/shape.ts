import { describe } from '../errors.js'

/**
 * What a value read from a file has to be, as a function: it gives what is wrong, with the place in the value, or nothing.
 *
 * @example object({ name: text, rows: list(count) })({ name: 'first', rows: [1, -1] }) // '.rows[1] is -1, not a whole number from 0 on'
 */
export type Shape = (value: unknown, at?: string) => string | undefined

const that = (expected: string, fits: (value: unknown) => boolean): Shape => {
  return (value, at = '') =>
    fits(value) ? undefined : `${at || 'the whole'} is ${describe(value)}, not ${expected}`
}

export const text = that('a text', (value) => typeof value === 'string')
export const truth = that('true or false', (value) => typeof value === 'boolean')
export const number = that('a number', (value) => typeof value === 'number')
export const finite = that('a finite number', (value) => Number.isFinite(value))
export const count = that(
  'a whole number from 0 on',
  (value) => Number.isSafeInteger(value) && (value as number) >= 0,
)
export const anything: Shape = () => undefined

const isObject = (value: unknown): value is { [name: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const anyObject = that('an object', isObject)

export function oneOf(...texts: string[]): Shape {
  return that(`one of ${texts.join(', ')}`, (value) => texts.includes(value as string))
}

/** Also null, or not there. */
export function maybe(shape: Shape): Shape {
  return (value, at) => (value === undefined || value === null ? undefined : shape(value, at))
}

export function list(shape: Shape): Shape {
  return (value, at = '') => {
    if (!Array.isArray(value)) return that('a list', Array.isArray)(value, at)
    return firstOf(value.keys(), (i) => shape(value[i], `${at}[${i}]`))
  }
}

/** An array of as many entries as there are shapes. */
export function tuple(...shapes: Shape[]): Shape {
  return (value, at = '') =>
    that(`a list of ${shapes.length}`, (one) => Array.isArray(one) && one.length === shapes.length)(
      value,
      at,
    ) ?? firstOf(shapes.keys(), (i) => shapes[i]!((value as unknown[])[i], `${at}[${i}]`))
}

/** An object with these fields; of others each is as `rest` says. */
export function object(fields: { readonly [name: string]: Shape }, rest: Shape = anything): Shape {
  return (value, at = '') => {
    if (!isObject(value)) return anyObject(value, at)
    return (
      firstOf(Object.keys(fields), (name) => fields[name]!(value[name], `${at}.${name}`)) ??
      firstOf(Object.keys(value), (name) => (name in fields ? undefined : rest(value[name], `${at}.${name}`)))
    )
  }
}

export const dictionary = (shape: Shape): Shape => object({}, shape)

/** What is wrong with the first that is. */
function firstOf<T>(items: Iterable<T>, look: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const wrong = look(item)
    if (wrong !== undefined) return wrong
  }
  return undefined
}
