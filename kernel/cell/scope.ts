/**
 * The object whose properties are the top-level names of all cells. A name that no cell has declared yet is looked up in the
 * process's globals; a name that is nowhere is a ReferenceError, as it would be without the rewriting.
 */
export function createScope(): Record<string, any> {
  const fallback = new Proxy(Object.create(null), {
    has: (_, key) => key in globalThis,
    get(_, key) {
      if (key in globalThis) return Reflect.get(globalThis, key)
      // What inspects an object asks it for symbols; only a name in a program is an error.
      if (typeof key === 'symbol') return undefined
      throw new ReferenceError(`${key} is not defined`)
    },
    set: (_, key, value, receiver) =>
      Reflect.defineProperty(receiver, key, {
        value,
        writable: true,
        enumerable: true,
        configurable: true,
      }),
  })
  // Functions of cells are sent to other processes with what they use of it.
  return Object.create(fallback, { [Symbol.for('gradbook.scope')]: { value: true } })
}
