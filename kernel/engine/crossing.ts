/** What is said to the other thread, when something in it cannot be handed over as it is. */
import { messageOf } from '../../src/untrusted.js'

/** As JSON would have it: functions and symbols are left out, objects become plain ones; bytes stay bytes. */
function plain(value: unknown, above: readonly object[]): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  if (above.includes(value)) return '[circular]'
  const inside = [...above, value]
  if (inside.length > deepest) return '[too deep]'
  try {
    const { toJSON } = value as { toJSON?: unknown }
    if (typeof toJSON === 'function') return plain(toJSON.call(value), inside)
    if (Array.isArray(value)) return value.map((item) => plain(item, inside))
    // One property that refuses to be read does not take its neighbours with it.
    return Object.fromEntries(Object.keys(value).map((key) => [key, plainProperty(value, key, inside)]))
  } catch (error) {
    return refused(error)
  }
}

function plainProperty(value: object, key: string, inside: readonly object[]): unknown {
  let item: unknown
  try {
    item = (value as Record<string, unknown>)[key]
  } catch (error) {
    return refused(error)
  }
  return plain(item, inside)
}

const refused = (error: unknown): string => `[cannot be read: ${messageOf(error)}]`

/** Of what is nested deeper nobody sees anything, and JSON's own writer has no stack for it. */
const deepest = 500

/**
 * Posts a message; one that holds what no other thread can have (a function in a spec, say) in the form of `plain`. What a
 * user's value does while it is looked at is not the message's: there always is one.
 */
export function postSafely<Message>(post: (message: Message) => void): (message: Message) => void {
  return (message) => {
    try {
      post(message)
    } catch {
      post(plain(message, []) as Message)
    }
  }
}
