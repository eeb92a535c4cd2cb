/** Live values for whoever writes the next cell, without running anything of the user's: no getter, no trap of a proxy. */
import { types } from 'node:util'

/** What an object has that is not Node's own: a getter that was there when the kernel started only loads what is behind it. */
const ownGetters = new WeakSet<object>()
for (const { get } of Object.values(Object.getOwnPropertyDescriptors(globalThis)))
  if (get) ownGetters.add(get)

const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function'

function findProperty(value: unknown, name: string): PropertyDescriptor | undefined {
  for (let owner: unknown = Object(value); isObject(owner); owner = Object.getPrototypeOf(owner)) {
    if (types.isProxy(owner)) return undefined
    const property = Object.getOwnPropertyDescriptor(owner, name)
    if (property) return property
  }
  return undefined
}

/** The value of `a.b.c`, of a name of the cells or a global. */
export function lookUp(scope: object, path: readonly string[]): { value: unknown } | undefined {
  const [first, ...rest] = path as [string, ...string[]]
  let value: unknown
  // Names of the scope may be getters, but ours: an import is read anew at each use.
  const isOfCells = Object.hasOwn(scope, first)
  const property = isOfCells ? undefined : Object.getOwnPropertyDescriptor(globalThis, first)
  if (!isOfCells && !property) return undefined
  if (property?.get && !ownGetters.has(property.get)) return undefined
  try {
    value = isOfCells
      ? (scope as Record<string, unknown>)[first]
      : (globalThis as Record<string, unknown>)[first]
  } catch {
    // An import of what is not exported.
    return undefined
  }
  for (const name of rest) {
    if (value === null || value === undefined) return undefined
    const found = findProperty(value, name)
    if (!found || !('value' in found)) return undefined
    value = found.value
  }
  return { value }
}

/** Whether a value can be drawn without asking what the user has written: no proxy, no getter of its own, and no such rows. */
export function isPassive(value: unknown, depth = 0): boolean {
  if (!isObject(value)) return true
  if (types.isProxy(value) || types.isProxy(Object.getPrototypeOf(value))) return false
  if (ArrayBuffer.isView(value)) return true
  const names = Array.isArray(value) ? Object.keys(value.slice(0, 50)) : Object.getOwnPropertyNames(value)
  return names.slice(0, 1_000).every((name) => {
    const property = Object.getOwnPropertyDescriptor(value, name)
    if (property === undefined) return true
    return 'value' in property && (depth > 1 || isPassive(property.value, depth + 1))
  })
}

/** Whether a value is an object of no class, as a record is, and `process.env`. */
export function isOpen(value: unknown): boolean {
  if (!isObject(value) || types.isProxy(value) || Array.isArray(value)) return false
  if (value === process.env) return true
  const above: unknown = Object.getPrototypeOf(value)
  return above === null || above === Object.prototype
}

export interface Member {
  name: string
  /** As `Completion.type`. */
  kind: string
  /** What it is now, as a type reads. */
  type: string
}

/** More are not offered: a longer list helps nobody. */
const mostMembers = 500

const isIndex = (name: string): boolean => /^(?:0|[1-9]\d*)$/.test(name)

/**
 * What can be written behind a value: its own properties, then what it inherits, but for what every object has.
 *
 * @param keysOnly those of its own alone, for `value['…']`
 */
export function membersOf(value: unknown, prefix: string, keysOnly: boolean): Member[] {
  const found = new Map<string, Member>()
  const begun = prefix.toLowerCase()
  const isText = typeof value === 'string'
  for (let owner: unknown = Object(value); isObject(owner); owner = Object.getPrototypeOf(owner)) {
    if (types.isProxy(owner)) return []
    if (owner === Object.prototype && owner !== value) break
    // Of what has numbers for names only the rest is asked, which is found in what it inherits.
    const isList =
      owner === value ? Array.isArray(owner) || ArrayBuffer.isView(owner) : isText && owner instanceof String
    for (const name of isList ? [] : Object.getOwnPropertyNames(owner)) {
      if (found.size >= mostMembers) return [...found.values()]
      if (found.has(name) || name === 'constructor' || !name.toLowerCase().startsWith(begun)) continue
      if (isIndex(name) && !keysOnly) continue
      const property = Object.getOwnPropertyDescriptor(owner, name)!
      const isMethod = typeof property.value === 'function'
      const type = 'value' in property ? typeOf(property.value) : 'any'
      found.set(name, { name, kind: isMethod ? 'function' : 'property', type })
    }
    if (keysOnly) break
  }
  return [...found.values()]
}

/** The name of the class of an object, as a value says it that nobody computes. */
function classOf(value: object): string {
  const owner = findProperty(value, 'constructor')?.value as unknown
  if (!isObject(owner) || types.isProxy(owner)) return 'object'
  const name = Object.getOwnPropertyDescriptor(owner, 'name')?.value as unknown
  return typeof name === 'string' && name !== '' ? name : 'object'
}

/** What a function takes: the head of its text. */
function headOf(value: Function): string {
  const text = Function.prototype.toString.call(value)
  if (/^class\b/.test(text)) return /^class\s*[\p{ID_Start}$_]?[\p{ID_Continue}$]*/u.exec(text)![0].trim()
  if (text.includes('[native code]')) return 'function'
  const arrow = /^(?:async\s+)?([\p{ID_Start}$_][\p{ID_Continue}$]*)\s*=>/u.exec(text)
  if (arrow) return `(${arrow[1]}) => any`
  const open = text.indexOf('(')
  let depth = 0
  for (let at = open; at !== -1 && at < Math.min(text.length, open + 400); at++)
    if ('([{'.includes(text[at]!)) depth++
    else if (')]}'.includes(text[at]!) && --depth === 0)
      return `${text.slice(open, at + 1).replaceAll(/\s+/g, ' ')} => any`
  return 'function'
}

/** What a value is, as a type reads. */
export function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'function') return types.isProxy(value) ? 'function' : headOf(value)
  if (typeof value !== 'object') return typeof value
  if (types.isProxy(value)) return 'Proxy'
  if (Array.isArray(value)) return `${value.length > 0 ? elementOf(value) : 'any'}[]`
  const name = classOf(value)
  return name === 'Object' ? 'object' : name
}

/** What the first items of a list have in common. */
function elementOf(list: readonly unknown[]): string {
  const kinds = new Set<string>()
  for (let index = 0; index < Math.min(list.length, 20); index++) {
    const property = Object.getOwnPropertyDescriptor(list, index)
    const item = property && 'value' in property ? property.value : undefined
    kinds.add(typeof item === 'function' ? 'function' : Array.isArray(item) ? 'array' : typeOf(item))
  }
  const [only] = kinds
  return kinds.size === 1 && /^\w+$/.test(only!) && only !== 'array' && only !== 'function' ? only! : 'any'
}
