/**
 * Asking values of users what they are. A proxy, a getter or a `toString` may throw at any question, or answer with anything:
 * here that is never more than a value that is not there, so that who reports an error makes no other.
 */

/** A property; `undefined` too where it refuses to be read. */
export function maybeProperty(value: unknown, name: PropertyKey): unknown {
  if (value === null || value === undefined) return undefined
  try {
    return (value as Record<PropertyKey, unknown>)[name]
  } catch {
    return undefined
  }
}

/** `value instanceof type`, and `false` where a proxy refuses to say. */
export function isInstance<Type>(value: unknown, type: abstract new (...args: never) => Type): value is Type {
  try {
    return value instanceof type
  } catch {
    return false
  }
}

/** `String(value)`; `undefined` where the value has none. */
export function maybeText(value: unknown): string | undefined {
  try {
    return String(value)
  } catch {
    return undefined
  }
}

/**
 * What an error says in a line of ours: its message, or the text of what was thrown.
 *
 * e.g. `(not drawn: ${messageOf(error)})`
 */
export function messageOf(error: unknown): string {
  const message = maybeProperty(error, 'message')
  return (
    (message === undefined || message === null ? undefined : maybeText(message)) ??
    maybeText(error) ??
    'an error that refuses to be read'
  )
}
