export { createScope } from '../cell/scope.js'

/** The names of all cells: top-level declarations are properties of one object, so a redefinition is seen by older closures. */
export type Scope = Record<string, unknown>

/** The value of `a.b.c` without running anything of the user's: getters are not called. */
export function lookUp(scope: Scope, expression: string): { value: unknown } | undefined {
  const [first, ...rest] = expression.split('.')
  let value: unknown
  if (first! in scope) value = scope[first!]
  else if (first! in globalThis) value = (globalThis as Scope)[first!]
  else return undefined
  for (const name of rest) {
    if (value === null || value === undefined) return undefined
    let owner: unknown = value
    let property: PropertyDescriptor | undefined
    while (owner !== null && owner !== undefined && !property) {
      property = Object.getOwnPropertyDescriptor(Object(owner), name)
      owner = Object.getPrototypeOf(Object(owner))
    }
    if (!property || !('value' in property)) return undefined
    value = property.value
  }
  return { value }
}
