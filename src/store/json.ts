/**
 * JSON has no numbers that are not finite, and no -0: `JSON.stringify` writes null and 0, and a loss of Infinity that was saved
 * comes back as nothing.
 */
const isLost = (value: unknown): value is number =>
  typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))

/** For others to read: such numbers as the texts "Infinity", "-Infinity" and "NaN", as JSON of Protocol Buffers has them. */
export function readableJson(value: unknown, space?: number): string {
  return JSON.stringify(
    value,
    (_key, one: unknown) => (isLost(one) && !Object.is(one, -0) ? String(one) : one),
    space,
  )
}

const tag = '$number'

/** For `decodeJson` to read: every number comes back as it was. */
export function encodeJson(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) =>
    isLost(one) ? { [tag]: Object.is(one, -0) ? '-0' : String(one) } : one,
  )
}

export function decodeJson(text: string): unknown {
  return JSON.parse(text, (key, one: unknown) => {
    // As a name it would change what an object is.
    if (key === '__proto__') throw new SyntaxError('a field named __proto__')
    const number = (one as { [tag]?: unknown } | null)?.[tag]
    return typeof number === 'string' && Object.keys(one as object).length === 1 ? Number(number) : one
  })
}
