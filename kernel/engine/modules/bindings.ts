/** Whether a CommonJS module was compiled from an ES module: its types speak of the `default` that it sets, Node of all its exports. */
export const isFromEsModule = (namespace: any): boolean =>
  namespace.__esModule === true &&
  namespace.default !== null &&
  typeof namespace.default === 'object' &&
  'default' in namespace.default

/**
 * What an export is worth now. A CommonJS module may show a name only on its default export. One that is not there is an error
 * where it is used, not where it is imported: it may be a type.
 */
function read(namespace: any, name: string, module: string): unknown {
  if (name === 'default' && isFromEsModule(namespace)) return namespace.default.default
  if (name in namespace) return namespace[name]
  const whole = namespace.default
  if (whole !== null && (typeof whole === 'object' || typeof whole === 'function') && name in whole)
    return whole[name]
  const names = Object.keys(namespace)
  const shown = names.length > 20 ? [...names.slice(0, 20), '…'] : names
  throw new ReferenceError(
    `'${module}' exports ${name === 'default' ? 'nothing as default' : `no '${name}'`}. It exports ${shown.join(', ') || 'nothing'}`,
  )
}

/** Says of a name of the cells where it comes from: what is sent to another process is imported there. */
const importedFrom = Symbol.for('gradbook.imported')

/**
 * Makes imported names properties of the scope. They are read anew at each use, since an export can change; the first
 * assignment (a later cell that declares the same name) turns one into a plain property.
 */
export function linkNames(
  scope: object,
  namespace: any,
  names: { [local: string]: string },
  module: string,
): void {
  for (const [local, imported] of Object.entries(names)) {
    const get = imported === '*' ? () => namespace : () => read(namespace, imported, module)
    Object.defineProperty(scope, local, {
      configurable: true,
      enumerable: true,
      get: Object.assign(get, { [importedFrom]: { module, name: imported } }),
      set(value) {
        Object.defineProperty(scope, local, { configurable: true, enumerable: true, writable: true, value })
      },
    })
  }
}
