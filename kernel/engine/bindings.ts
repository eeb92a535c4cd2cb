/** What an export is worth now. A CommonJS module may show a name only on its default export. */
function read(namespace: any, name: string): unknown {
  if (name in namespace) return namespace[name]
  const whole = namespace.default
  return whole !== null && (typeof whole === 'object' || typeof whole === 'function')
    ? whole[name]
    : undefined
}

/**
 * Makes imported names properties of the scope. They are read anew at each use, since an export can change; the first
 * assignment (a later cell that declares the same name) turns one into a plain property.
 */
export function linkNames(scope: object, namespace: any, names: { [local: string]: string }): void {
  for (const [local, imported] of Object.entries(names))
    Object.defineProperty(scope, local, {
      configurable: true,
      enumerable: true,
      get: imported === '*' ? () => namespace : () => read(namespace, imported),
      set(value) {
        Object.defineProperty(scope, local, { configurable: true, enumerable: true, writable: true, value })
      },
    })
}
