/** Expressions whose live value can be looked at, since nothing has to be run for it: `run.model`, `rows[0]["a-b"]`, `found?.id`. */

const name = /[\p{ID_Start}$_][\p{ID_Continue}$\u200C\u200D]*/u.source
const member = `\\s*(?:\\?\\.|\\.)\\s*(?:${name})`
const element = `\\s*(?:\\?\\.)?\\s*\\[\\s*(?:\\d+|"[^"\\\\\\n]*"|'[^'\\\\\\n]*')\\s*\\]`
const whole = new RegExp(`(?:${name})(?:${member}|${element})*$`, 'u')
const parts = new RegExp(`${name}|\\[\\s*(\\d+|"[^"\\\\\\n]*"|'[^'\\\\\\n]*')\\s*\\]`, 'gu')

/** The names of the chain that ends where a text does. */
export function findChain(written: string): string[] | undefined {
  const text = written.trimEnd()
  const found = whole.exec(text)
  if (!found) return undefined
  // Behind a call or a literal the chain starts with something that would have to be run.
  if (
    /(?:[)\]}'"`\d\p{ID_Continue}$]\s*(?:\?\.|\.)\s*|[\p{ID_Continue}$.#])$/u.test(text.slice(0, found.index))
  )
    return undefined
  return [...found[0].matchAll(parts)].map(([part, index]) =>
    index === undefined ? part : index.replaceAll(/^["']|["']$/g, ''),
  )
}

/** The chain that ends with the name at a place. */
export function findChainAt(text: string, offset: number): string[] | undefined {
  const rest = /^[\p{ID_Continue}$\u200C\u200D]*/u.exec(text.slice(offset))![0]
  return findChain(text.slice(0, offset + rest.length))
}

/** A place at which a member of a live value can come. */
export interface LivePlace {
  chain: string[]
  /** What is written of it already. */
  prefix: string
  /** What is replaced: from the dot, or from behind the quote. */
  start: number
  end: number
  /** What the name stands in: `.`, `?.`, or the quote of `value['…']`. */
  in: '.' | '?.' | '"' | "'"
}

const afterDot = /(\?\.|\.)\s*([\p{ID_Continue}$\u200C\u200D]*)$/u
const inBrackets = /\[\s*(["'])([^"'\\\n]*)$/

/** The place at which the cursor stands, if it is one. */
export function findLivePlace(text: string, offset: number): LivePlace | undefined {
  const before = text.slice(0, offset)
  const dot = afterDot.exec(before)
  if (dot) {
    const chain = findChain(before.slice(0, dot.index))
    const end = offset + /^[\p{ID_Continue}$\u200C\u200D]*/u.exec(text.slice(offset))![0].length
    return chain && { chain, prefix: dot[2]!, start: dot.index, end, in: dot[1] as '.' | '?.' }
  }
  const bracket = inBrackets.exec(before)
  if (!bracket) return undefined
  const chain = findChain(before.slice(0, bracket.index).replace(/\?\.\s*$/, ''))
  const [, quote, prefix] = bracket as unknown as [string, '"' | "'", string]
  const rest = new RegExp(`^[^"'\\\\\\n]*(?=${quote})`).exec(text.slice(offset))?.[0] ?? ''
  return chain && { chain, prefix, start: offset - prefix.length, end: offset + rest.length, in: quote }
}

const isName = new RegExp(`^(?:${name})$`, 'u')

/** A member as it is written at a place: a name behind the dot, any other key in brackets instead of it. */
export function writeMember(
  name: string,
  { in: inside, start }: LivePlace,
  text: string,
): { start: number; text: string } {
  if (inside === '"' || inside === "'") {
    const literal = JSON.stringify(name).slice(1, -1)
    return { start, text: inside === '"' ? literal : literal.replaceAll('\\"', '"').replaceAll("'", "\\'") }
  }
  const [dot] = /^(?:\?\.|\.)\s*/.exec(text.slice(start))!
  if (isName.test(name)) return { start: start + dot.length, text: name }
  const key = /^(?:0|[1-9]\d{0,14})$/.test(name) ? `[${name}]` : `[${JSON.stringify(name)}]`
  return { start, text: inside === '?.' ? `?.${key}` : key }
}
