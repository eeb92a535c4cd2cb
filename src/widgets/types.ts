/** Whether a value may stand in an attribute, by the types of the specification: 'float|null', 'string[]', '"drag"|"tap"'. */
import { InputError } from '../errors.js'
import { reference, type State } from './packing.js'

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null
const isPlain = (value: unknown): boolean => isObject(value) && !Array.isArray(value) && !(reference in value)

const types: { [type: string]: { words: string; test(value: unknown): boolean } } = {
  any: { words: 'anything', test: () => true },
  null: { words: 'null', test: (value) => value === null },
  string: { words: 'a text', test: (value) => typeof value === 'string' },
  bool: { words: 'true or false', test: (value) => typeof value === 'boolean' },
  int: { words: 'a whole number', test: Number.isInteger },
  float: { words: 'a number', test: Number.isFinite },
  bytes: {
    words: 'bytes (a typed array or an ArrayBuffer)',
    test: (value) => ArrayBuffer.isView(value) || value instanceof ArrayBuffer,
  },
  object: { words: 'an object', test: isPlain },
  Widget: { words: 'a widget', test: (value) => isObject(value) && reference in value },
  Date: { words: '{ year, month, date }', test: isPlain },
  Time: { words: '{ hours, minutes, seconds, milliseconds }', test: isPlain },
  Datetime: { words: '{ year, month, date, hours, minutes, seconds, milliseconds }', test: isPlain },
}

function isOf(value: unknown, type: string): boolean {
  if (type.endsWith('[]')) return Array.isArray(value) && value.every((item) => isOf(item, type.slice(0, -2)))
  return type.startsWith('"') ? JSON.parse(type) === value : types[type]!.test(value)
}

function wordsOf(type: string): string {
  if (type.endsWith('[]')) return `a list, each ${wordsOf(type.slice(0, -2))}`
  return type.startsWith('"') ? type : types[type]!.words
}

const longest = 80
function shorten(value: unknown): string {
  const text =
    typeof value === 'number' || value === undefined ? String(value) : (JSON.stringify(value) ?? typeof value)
  return text.length > longest ? text.slice(0, longest) + '…' : text
}

/** Refuses a value that is not of the type. */
export function checkType(where: string, name: string, value: unknown, type: string): void {
  const alternatives = type.split('|')
  if (alternatives.some((one) => isOf(value, one))) return
  throw new InputError({
    where: `${where}.${name}`,
    received: isObject(value) && reference in value ? 'a widget' : shorten(value),
    expected: alternatives.map(wordsOf).join(' or '),
  })
}

/** The lowest and highest value that `state` allows; undefined where it has no bounds. */
function boundsOf({ min, max, base }: State): [number, number] | undefined {
  if (typeof min !== 'number' || typeof max !== 'number') return undefined
  return typeof base === 'number' ? [base ** min, base ** max] : [min, max]
}

function checkPlaces(where: string, name: string, places: unknown, count: number): void {
  for (const place of [places].flat())
    if (place !== null && !((place as number) >= 0 && (place as number) < count))
      throw new InputError({
        where: `${where}.${name}`,
        received: shorten(place),
        expected: count > 0 ? `a place from 0 to ${count - 1}` : 'null: there is nothing to choose',
      })
}

/**
 * Checks what must hold between attributes of the whole `state` of which `changed` is new. Returns what has to follow: the
 * value within its bounds, as the front end's slider would put it, and a page that is still there.
 */
export function settle(where: string, state: State, changed: State): State {
  const { value, _options_labels: labels, index, children, selected_index: page } = state
  if (Array.isArray(labels)) checkPlaces(where, 'index', index, labels.length)
  if (Array.isArray(children) && typeof page === 'number') {
    if ('selected_index' in changed) checkPlaces(where, 'selected_index', page, children.length)
    else if (page >= children.length) return { selected_index: children.length > 0 ? 0 : null }
  }
  const bounds = boundsOf(state)
  if (!bounds) return {}
  const [least, most] = bounds
  if (least > most)
    throw new InputError({
      where,
      received: `min ${String(state['min'])} and max ${String(state['max'])}`,
      expected: 'a min that is not above max',
      fix: 'set both at once: widget.set({ min, max })',
    })
  const clamp = (one: unknown) => (typeof one === 'number' ? Math.min(most, Math.max(least, one)) : one)
  if (!Array.isArray(value)) return { value: clamp(value) }
  if (where.endsWith('RangeSlider') && !(value.length === 2 && value[0] <= value[1]))
    throw new InputError({ where: `${where}.value`, received: shorten(value), expected: '[lower, upper]' })
  return { value: value.map(clamp) }
}
