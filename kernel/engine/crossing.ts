/** What is said to the other thread, when something in it cannot be handed over as it is. */

/** As JSON would have it: functions and symbols are left out, objects become plain ones; bytes stay bytes. */
function plain(value: unknown, above: readonly object[]): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  if (above.includes(value)) return '[circular]'
  const inside = [...above, value]
  try {
    const { toJSON } = value as { toJSON?: unknown }
    if (typeof toJSON === 'function') return plain(toJSON.call(value), inside)
    if (Array.isArray(value)) return value.map((item) => plain(item, inside))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, inside)]))
  } catch (error) {
    return `[cannot be read: ${(error as Error)?.message ?? String(error)}]`
  }
}

/** Posts a message; one that holds what no other thread can have (a function in a spec, say) in the form of `plain`. */
export function postSafely<Message>(post: (message: Message) => void): (message: Message) => void {
  return (message) => {
    try {
      post(message)
    } catch {
      post(plain(message, []) as Message)
    }
  }
}
