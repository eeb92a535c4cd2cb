/**
 * The value of `a.b.c`, of a name of the cells or a global, without running anything of the user's: getters are not called.
 */
export function lookUp(scope: object, expression: string): { value: unknown } | undefined {
  const [first, ...rest] = expression.split('.')
  // Names of the scope may be getters, but ours: an import is read anew at each use.
  if (!(first! in scope)) return undefined
  let value: unknown
  try {
    value = (scope as Record<string, unknown>)[first!]
  } catch {
    // An import of what is not exported.
    return undefined
  }
  for (const name of rest) {
    if (value === null || value === undefined) return undefined
    const property = findProperty(Object(value) as object, name)
    if (!property || !('value' in property)) return undefined
    value = property.value
  }
  return { value }
}

function findProperty(object: object, name: string): PropertyDescriptor | undefined {
  for (let owner: object | null = object; owner; owner = Object.getPrototypeOf(owner) as object | null) {
    const property = Object.getOwnPropertyDescriptor(owner, name)
    if (property) return property
  }
  return undefined
}
