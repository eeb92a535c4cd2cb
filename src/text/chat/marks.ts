/** Letters that a text does not have, put into it for a while: what a template makes of a message can be found again by them. */
import { InputError } from '../../errors.js'
import { splitSpecial } from '../tokenizers/tokenizer.js'

/** So many letters for private use that the texts do not have. */
export function unusedMarks(texts: string, count: number, where: string): string[] {
  const found: string[] = []
  for (let code = 0xe000; code < 0xf900 && found.length < count; code++) {
    const letter = String.fromCharCode(code)
    if (!texts.includes(letter)) found.push(letter)
  }
  if (found.length === count) return found
  throw new InputError({
    where,
    received: 'messages with every letter that Unicode keeps for private use',
    expected: 'some that are left',
  })
}

/** All texts within a value, with the mark in the middle of what reads like a special token. */
export function hideSpecial(
  value: unknown,
  special: { readonly [text: string]: number },
  mark: string,
): unknown {
  if (typeof value === 'string')
    return splitSpecial(value, special)
      .map(({ text, id }) => (id === undefined ? text : text.slice(0, 1) + mark + text.slice(1)))
      .join('')
  if (Array.isArray(value)) return value.map((one) => hideSpecial(one, special, mark))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [
        name,
        name === 'role' ? one : hideSpecial(one, special, mark),
      ]),
    )
  return value
}
