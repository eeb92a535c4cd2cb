/** What a value is made of, so that a list of variables can be unfolded. Getters are named, not called. */
import { types } from 'node:util'
import { countOf, formatNumber, isTensor, valuesOf, type Tensor } from './describe.js'

/** One thing inside another. `path`: how a program reaches it from there; empty where it cannot. */
export interface Child {
  name: string
  path: string
  value: unknown
}

/** The things inside a value, by place: a large array is not walked to show its first page. */
export interface Children {
  count: number
  /** How many of them, from the first on, are numbered rather than named. */
  indexed: number
  at(place: number): Child
}

/** A block of a tensor's values: the rows from an offset on. */
export class TensorValues {
  readonly values: ArrayLike<unknown>
  readonly shape: readonly number[]
  readonly offset: number
  constructor(values: ArrayLike<unknown>, shape: readonly number[], offset = 0) {
    this.values = values
    this.shape = shape
    this.offset = offset
  }
  get text(): string {
    const size = this.shape.reduce((a, b) => a * b, 1)
    const first = Array.from({ length: Math.min(size, 8) }, (_, k) =>
      formatNumber(this.values[this.offset + k]),
    )
    return `[${this.shape.join(', ')}]: ${first.join(', ')}${size > 8 ? ', …' : ''}`
  }
}

/** What a getter would give is not known before it is called. */
export class Getter {}

/** Some of the children of a value that has too many to be listed at once. */
export class Page {
  readonly children: Children
  readonly start: number
  readonly count: number
  constructor(children: Children, start: number, count: number) {
    this.children = children
    this.start = start
    this.count = count
  }
}

const isName = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u
export const pathTo = (name: string): string => (isName.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`)

const listOf = (items: readonly Child[], indexed = 0): Children => ({
  count: items.length,
  indexed,
  at: (place) => items[place]!,
})

function ofTensor(tensor: Tensor): Children {
  const items: Child[] = [
    { name: 'shape', path: '.shape', value: tensor.shape },
    { name: 'dtype', path: '.dtype', value: tensor.dtype },
  ]
  const values = valuesOf(tensor)
  if (values) {
    const shape = tensor.shape.length > 0 ? tensor.shape : [1]
    items.push({ name: 'values', path: '.dataSync()', value: new TensorValues(values, shape) })
  }
  return listOf(items)
}

function ofTensorValues({ values, shape, offset }: TensorValues): Children {
  const [rows = 0, ...rest] = shape
  const size = rest.reduce((a, b) => a * b, 1)
  return {
    count: rows,
    indexed: rows,
    at: (row) => ({
      name: `[${row}]`,
      path: rest.length === 0 && offset === 0 ? `[${row}]` : '',
      value: rest.length === 0 ? values[offset + row] : new TensorValues(values, rest, offset + row * size),
    }),
  }
}

function ofProperties(value: object): Children {
  const isFunction = typeof value === 'function'
  const items: Child[] = []
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
    if (isFunction && !property.enumerable) continue
    items.push({ name, path: pathTo(name), value: property.get ? new Getter() : property.value })
  }
  return listOf(items)
}

function ofItems(value: ArrayLike<unknown>): Children {
  const { length } = value
  return {
    count: length,
    indexed: length,
    at: (place) => ({
      name: `[${place}]`,
      path: `[${place}]`,
      value: Object.getOwnPropertyDescriptor(value, place)?.value,
    }),
  }
}

function ofMap(map: ReadonlyMap<unknown, unknown>): Children {
  const entries = [...Map.prototype.entries.call(map)] as [unknown, unknown][]
  return {
    count: entries.length,
    indexed: entries.length,
    at: (place) => {
      const [key, value] = entries[place]!
      const isPlain = typeof key === 'string' || typeof key === 'number'
      return isPlain
        ? { name: JSON.stringify(key), path: `.get(${JSON.stringify(key)})`, value }
        : { name: `[${place}]`, path: '', value: { key, value } }
    },
  }
}

/** The children of a value, `undefined` when it has none to show. */
export function childrenOf(value: unknown): Children | undefined {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return undefined
  if (value instanceof Getter || types.isProxy(value)) return undefined
  if (value instanceof Page)
    return {
      count: value.count,
      indexed: value.count,
      at: (place) => value.children.at(value.start + place),
    }
  if (value instanceof TensorValues) return ofTensorValues(value)
  if (isTensor(value)) return ofTensor(value)
  if (types.isMap(value)) return ofMap(value)
  if (types.isSet(value)) return ofItems([...Set.prototype.values.call(value)])
  if (Array.isArray(value) || types.isTypedArray(value)) return ofItems(value)
  return ofProperties(value)
}

/** Whether a value has children, found out cheaply: the values of a tensor are not read. */
export function hasChildren(value: unknown): boolean {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false
  if (value instanceof Getter || types.isProxy(value)) return false
  if (value instanceof Page || value instanceof TensorValues || isTensor(value)) return true
  const count = countOf(value)
  if (count !== undefined) return count > 0
  return typeof value === 'function'
    ? Object.keys(value).length > 0
    : Object.getOwnPropertyNames(value).length > 0
}
