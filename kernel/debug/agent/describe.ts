/** Values in a line of text, for a list of variables. Nothing of the user's runs: no getter, no proxy, no `toString`. */
import { types } from 'node:util'

/** What is used of a tensor, whichever copy of TensorFlow.js it comes from. */
export interface Tensor {
  readonly shape: readonly number[]
  readonly dtype: string
  readonly size: number
  readonly isDisposed?: boolean
  dataSync(): ArrayLike<unknown>
}

/** The data property of a name, found as reading it would find it, without calling anything. */
export function peek(value: object, name: PropertyKey): unknown {
  for (let at: object | null = value; at !== null && !types.isProxy(at); at = Object.getPrototypeOf(at)) {
    const property = Object.getOwnPropertyDescriptor(at, name)
    if (property) return property.value
  }
  return undefined
}

export function isTensor(value: unknown): value is Tensor {
  if (value === null || typeof value !== 'object' || types.isProxy(value)) return false
  return (
    typeof peek(value, 'dataSync') === 'function' &&
    Array.isArray(peek(value, 'shape')) &&
    typeof peek(value, 'dtype') === 'string'
  )
}

/** The values of a tensor of which no more than this many numbers are read for a line of text. */
const readAtMost = 1 << 20
const firstValues = 8

/** All values of a tensor; `undefined` when its backend cannot give them now. */
export function valuesOf(tensor: Tensor): ArrayLike<unknown> | undefined {
  try {
    return tensor.isDisposed ? undefined : tensor.dataSync()
  } catch {
    return undefined
  }
}

export function formatNumber(value: unknown): string {
  if (typeof value === 'string') return quote(value, 30)
  if (typeof value !== 'number') return String(value)
  if (Number.isInteger(value) || !Number.isFinite(value)) return String(value)
  return String(Number(value.toPrecision(5)))
}

/** `Tensor float32 [2, 3]: 1, 2, 3, 4, 5, 6`; without its values where `read` is false. */
export function describeTensor(tensor: Tensor, read: boolean): string {
  const name = 'trainable' in tensor ? 'Variable' : 'Tensor'
  const head = `${name} ${tensor.dtype} ${tensor.shape.length ? `[${tensor.shape.join(', ')}]` : 'scalar'}`
  if (tensor.isDisposed) return `${head} (disposed)`
  if (!read || tensor.size > readAtMost) return head
  const values = valuesOf(tensor)
  // In a step that is being recorded there are none yet.
  if (!values) return `${head} (no values here)`
  const first = Array.from({ length: Math.min(values.length, firstValues) }, (_, k) =>
    formatNumber(values[k]),
  )
  return `${head}: ${first.join(', ')}${values.length > firstValues ? ', …' : ''}`
}

const shorten = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length)}…` : text

const quote = (text: string, length: number): string =>
  `'${shorten(text, length).replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`

/** The name of what made an object, `Object` for plain ones. */
export function classOf(value: object): string {
  if (types.isProxy(value)) return 'Proxy'
  const prototype: object | null = Object.getPrototypeOf(value)
  if (prototype === null) return peek(value, Symbol.toStringTag) === 'Module' ? 'Module' : 'Object'
  const made = peek(value, 'constructor')
  const name = typeof made === 'function' ? peek(made, 'name') : undefined
  return typeof name === 'string' && name !== '' ? name : 'Object'
}

function describeFunction(value: Function): string {
  if (types.isProxy(value)) return 'Proxy'
  const source = Function.prototype.toString.call(value)
  if (/^class\b/.test(source)) return `class ${String(peek(value, 'name')) || '(anonymous)'}`
  const parameters = /^[^(]*?(\([^)]*\)|[\p{L}_$][\p{L}\p{N}_$]*(?=\s*=>))/u.exec(source)?.[1] ?? '(…)'
  const list = parameters.startsWith('(') ? parameters : `(${parameters})`
  return shorten(`function ${String(peek(value, 'name') ?? '')}${list.replaceAll(/\s+/g, ' ')}`, 100)
}

function describePrimitive(value: unknown, length: number): string | undefined {
  if (typeof value === 'string') return quote(value, length)
  if (typeof value === 'bigint') return `${value}n`
  if (Object.is(value, -0)) return '-0'
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return String(value)
  return undefined
}

const size = Object.getOwnPropertyDescriptor(Map.prototype, 'size')!.get!
const sizeOfSet = Object.getOwnPropertyDescriptor(Set.prototype, 'size')!.get!

/** How many things a collection holds. */
export function countOf(value: object): number | undefined {
  if (types.isProxy(value)) return undefined
  if (Array.isArray(value)) return value.length
  if (types.isTypedArray(value)) return value.length
  if (types.isMap(value)) return size.call(value)
  if (types.isSet(value)) return sizeOfSet.call(value)
  return undefined
}

/** A value inside another. */
function describeInner(value: unknown): string {
  const plain = describePrimitive(value, 30)
  if (plain !== undefined) return plain
  if (typeof value === 'function') return 'function'
  if (isTensor(value)) return describeTensor(value, false)
  const count = countOf(value as object)
  const name = classOf(value as object)
  return count === undefined ? (name === 'Object' ? '{…}' : name) : `${name}(${count})`
}

const innerAtMost = 8

function* innerTexts(value: object): Generator<string> {
  if (types.isMap(value))
    for (const [key, item] of Map.prototype.entries.call(value))
      yield `${describeInner(key)} => ${describeInner(item)}`
  else if (types.isSet(value)) for (const item of Set.prototype.values.call(value)) yield describeInner(item)
  else if (Array.isArray(value) || types.isTypedArray(value))
    for (let index = 0; index < value.length; index++) {
      const property = Object.getOwnPropertyDescriptor(value, index)
      yield property === undefined ? '(empty)' : describeInner(property.value)
    }
  else
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(value)))
      if (property.enumerable) yield `${name}: ${property.get ? '(getter)' : describeInner(property.value)}`
}

/** A value in a line. `read`: whether the values of tensors may be read. */
export function describeValue(value: unknown, read: boolean): string {
  const plain = describePrimitive(value, 1_000)
  if (plain !== undefined) return plain
  if (typeof value === 'function') return describeFunction(value)
  const object = value as object
  if (types.isProxy(object)) return 'Proxy'
  if (isTensor(object)) return describeTensor(object, read)
  if (types.isNativeError(object))
    return `${classOf(object)}: ${shorten(String(peek(object, 'message')), 300)}`
  if (types.isDate(object)) {
    const time = Date.prototype.getTime.call(object)
    return Number.isNaN(time) ? 'Date (invalid)' : `Date ${Date.prototype.toISOString.call(object)}`
  }
  if (types.isRegExp(object)) return shorten(RegExp.prototype.toString.call(object), 200)
  if (types.isPromise(object)) return 'Promise'
  const count = countOf(object)
  const name = classOf(object)
  const texts: string[] = []
  for (const text of innerTexts(object)) {
    if (texts.length === innerAtMost) {
      texts.push('…')
      break
    }
    texts.push(text)
  }
  const isList = Array.isArray(object) || types.isTypedArray(object)
  const head = count === undefined ? (name === 'Object' ? '' : `${name} `) : `${name}(${count}) `
  if (texts.length === 0) return `${head}${isList ? '[]' : '{}'}`
  return `${head}${isList ? `[${texts.join(', ')}]` : `{ ${texts.join(', ')} }`}`
}
