/** The exports of a file, in the one object that stands for it: they change in place when it is loaded anew. */

/** Empties a namespace; exports are configurable getters. Gives what was in it. */
export function clearExports(namespace: Record<string, unknown>): PropertyDescriptorMap {
  const exports: PropertyDescriptorMap = {}
  for (const name of Object.keys(namespace)) {
    exports[name] = Object.getOwnPropertyDescriptor(namespace, name)!
    delete namespace[name]
  }
  return exports
}

/** An export that is read anew at each use. */
export function offer(namespace: object, name: string, get: () => unknown): void {
  Object.defineProperty(namespace, name, { get, enumerable: true, configurable: true })
}

/** One value as the default export, and what it has by name beside that. */
export function offerWhole(namespace: object, whole: any): void {
  offer(namespace, 'default', () => whole)
  if (whole === null || Array.isArray(whole) || !/^(object|function)$/.test(typeof whole)) return
  for (const name of Object.keys(whole)) if (name !== 'default') offer(namespace, name, () => whole[name])
}
