/** Digits from which a whole number may be more than a double holds exactly: 2^53 has 16. */
const digits = 16

/** A number as written, exactly where it is whole: BigInt beyond what a double holds. */
export function exactNumber(text: string): number | bigint {
  const number = Number(text)
  return Number.isSafeInteger(number) || text.length < digits || !/^[+-]?\d+$/.test(text)
    ? number
    : BigInt(text)
}

/** A whole number of 64 bits as a number where that is exact. */
export const fromBigInt = (value: bigint): number | bigint => {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

const longNumber = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g

/**
 * JSON as `JSON.parse` reads it, but whole numbers that a double does not hold exactly as BigInt: an id of 19 digits would
 * come back as its neighbour. NaN, which Python writes, is null.
 */
export function parseExactly(text: string): unknown {
  try {
    return parse(text)
  } catch (error) {
    const plain = /NaN|Infinity/.test(text) ? withoutNames(text) : text
    if (plain === text) throw error
    return parse(plain)
  }
}

const names = /"[^"\\]*(?:\\.[^"\\]*)*"|NaN|Infinity/g

/** JSON as Python's `json` writes it, which has names for what is no number: none, and more than any is. */
const withoutNames = (text: string): string =>
  text.replace(names, (token) => (token === 'NaN' ? 'null' : token === 'Infinity' ? '1e999' : token))

function parse(text: string): unknown {
  const long: string[] = []
  if (!/\d{16}/.test(text)) return JSON.parse(text)
  // A letter that is not in the text, as it is or by its number, stands before them while it is parsed.
  let code = 0xe000
  while (text.includes(String.fromCharCode(code)) || text.toLowerCase().includes(`\\u${code.toString(16)}`))
    code++
  const mark = String.fromCharCode(code)
  const marked = text.replace(longNumber, (token) => {
    if (token.length < digits || !/^-?\d+$/.test(token) || Number.isSafeInteger(Number(token))) return token
    return `"${mark}${long.push(token) - 1}"`
  })
  if (long.length === 0) return JSON.parse(text)
  // What is broken is told of the file as it stands.
  JSON.parse(text)
  return JSON.parse(marked, (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(mark)
      ? BigInt(long[Number(value.slice(mark.length))]!)
      : value,
  )
}
