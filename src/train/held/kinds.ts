import * as tf from '@tensorflow/tfjs'
import { copyValues } from '../../backend/tfjs/copy.js'
import { InputError } from '../../errors.js'

/** An object in a run's state that is no plain data says how it is kept. */
export interface Keepable {
  /** Another one of the same content: for a branch. */
  copy(): object
  /** Its content as plain data. Of one with `snapshot`, that of a snapshot of its own. */
  encode(snapshot?: unknown): unknown
  /** Takes this content, which `encode` gave, in place of its own. */
  decode(content: unknown): void
  /**
   * Its content as something that is never changed, in less time than `encode` takes: it is asked for before each iteration.
   * Default: what `encode` gives, copied.
   */
  snapshot?(): unknown
  /** Goes back to a snapshot. Needed where there is `snapshot`. */
  restore?(snapshot: unknown): void
  /** Bytes that a snapshot holds beside the one before. */
  bytes?(snapshot: unknown, before: unknown): number
}

/**
 * One object of a state as it stood, never changed any more. Objects that were met twice are one node, so that what was shared
 * is shared again.
 */
export interface Node {
  readonly kind: Kind
  /** Where it stood: `.environment.cells[3]`. */
  readonly path: string
  /** The object it was taken of; missing where it was read from a file. */
  readonly live: object | undefined
  content: unknown
}

type Take = (value: unknown, path: string) => unknown
type Give = (into: unknown, saved: unknown) => unknown

/** One row a kind of object: how it is taken and given back. `content` never changes. */
export interface Kind {
  readonly name: string
  is(value: object): boolean
  take(live: object, path: string, inner: Take): unknown
  /** What is nested in it. */
  inside(content: unknown, visit: (saved: unknown) => void): void
  /** The same of the object as it is. */
  parts(live: object): Iterable<unknown>
  /** Whether this object can have the content. */
  fits(live: object, content: unknown): boolean
  /** Another object to have it. */
  make(node: Node): object
  give(live: object, content: unknown, inner: Give): void
  /** Bytes, without what is nested in it. */
  bytes(content: unknown): number
}

/** A kind with its types inside, so that each row is checked. */
function kind<Live extends object, Content>(row: {
  name: string
  is(value: object): boolean
  take(live: Live, path: string, inner: Take): Content
  inside?(content: Content, visit: (saved: unknown) => void): void
  parts?(live: Live): Iterable<unknown>
  fits?(live: Live, content: Content): boolean
  make(node: Node & { content: Content }): Live
  give?(live: Live, content: Content, inner: Give): void
  bytes(content: Content): number
}): Kind {
  return { inside: () => {}, parts: () => [], fits: () => true, give: () => {}, ...row } as unknown as Kind
}

/** A place in the state, for messages. */
export const placeOf = (path: string): string => `train({ state${path && `: ${path.replace(/^\./, '')}`} })`

const plain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

const isKeepable = (value: object): value is Keepable =>
  ['copy', 'encode', 'decode'].every(
    (name) => typeof (value as { [name: string]: unknown })[name] === 'function',
  )

type Plain = { [name: string]: unknown }

function checkPlain(live: object, path: string): void {
  const bad = (received: string) =>
    new InputError({
      where: placeOf(path),
      received,
      expected: 'an object of values by name',
      fix: 'Give it copy(), encode() and decode(), which say how it is kept.',
    })
  if (Object.getOwnPropertySymbols(live).length > 0) throw bad('an object with a symbol as a name')
  for (const [name, { get, set }] of Object.entries(Object.getOwnPropertyDescriptors(live))) {
    if (get ?? set) throw bad(`an object with a getter or setter, ${name}`)
    if (name === '__proto__') throw bad('an object with the name __proto__')
  }
}

const objects = kind<Plain, readonly (readonly [string, unknown])[]>({
  name: 'object',
  is: plain,
  take(live, path, inner) {
    checkPlain(live, path)
    return Object.keys(live).map((name) => [name, inner(live[name], `${path}.${name}`)])
  },
  inside: (content, visit) => content.forEach(([, value]) => visit(value)),
  parts: Object.values,
  fits: (live) => !Object.isFrozen(live),
  make: () => ({}),
  give(live, content, inner) {
    const before = { ...live }
    const names = Object.keys(live)
    // In their order, which a loop over them sees.
    if (names.length !== content.length || content.some(([name], i) => names[i] !== name))
      for (const name of names) delete live[name]
    for (const [name, value] of content) live[name] = inner(before[name], value)
  },
  bytes: (content) => 16 * content.length,
})

const arrays = kind<unknown[], readonly unknown[]>({
  name: 'array',
  is: Array.isArray,
  // Not `map`, which leaves holes.
  take: (live, path, inner) => Array.from(live, (value, i) => inner(value, `${path}[${i}]`)),
  inside: (content, visit) => content.forEach(visit),
  parts: (live) => live,
  fits: (live) => !Object.isFrozen(live),
  make: () => [],
  give(live, content, inner) {
    live.length = content.length
    for (const [i, value] of content.entries()) live[i] = inner(live[i], value)
  },
  bytes: (content) => 8 * content.length,
})

const maps = kind<Map<unknown, unknown>, readonly (readonly [unknown, unknown])[]>({
  name: 'map',
  is: (value) => value instanceof Map,
  take: (live, path, inner) =>
    Array.from(live, ([key, value], i) => [
      inner(key, `${path}.keys()[${i}]`),
      inner(value, `${path}.get(${typeof key === 'object' ? '…' : String(key)})`),
    ]),
  inside: (content, visit) => content.flat().forEach(visit),
  parts: (live) => [...live].flat(),
  make: () => new Map(),
  give(live, content, inner) {
    const before = new Map(live)
    live.clear()
    for (const [savedKey, value] of content) {
      const key = inner(undefined, savedKey)
      live.set(key, inner(before.get(key), value))
    }
  },
  bytes: (content) => 32 * content.length,
})

const sets = kind<Set<unknown>, readonly unknown[]>({
  name: 'set',
  is: (value) => value instanceof Set,
  take: (live, path, inner) => Array.from(live, (value, i) => inner(value, `${path}.values()[${i}]`)),
  inside: (content, visit) => content.forEach(visit),
  parts: (live) => live,
  make: () => new Set(),
  give(live, content, inner) {
    live.clear()
    for (const value of content) live.add(inner(undefined, value))
  },
  bytes: (content) => 16 * content.length,
})

const dates = kind<Date, number>({
  name: 'date',
  is: (value) => value instanceof Date,
  take: (live) => live.getTime(),
  make: () => new Date(),
  give: (live, content) => void live.setTime(content),
  bytes: () => 8,
})

export type Typed = Uint8Array & { readonly BYTES_PER_ELEMENT: number }

/** Typed arrays by name, as a file has them. */
export const typedArrays: { readonly [name: string]: new (buffer: ArrayBuffer) => ArrayBufferView } = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
}

const typed = kind<Typed, Typed>({
  name: 'typed',
  is: (value) => ArrayBuffer.isView(value) && value.constructor.name in typedArrays,
  take: (live) => live.slice() as Typed,
  fits: (live, content) => live.constructor === content.constructor && live.length === content.length,
  make: ({ content }) => content.slice() as Typed,
  give: (live, content) => live.set(content),
  bytes: (content) => content.byteLength,
})

export interface TensorContent {
  readonly id: object | undefined
  readonly shape: number[]
  readonly dtype: 'float32' | 'int32' | 'bool'
  readonly values: Float32Array | Int32Array | Uint8Array
}

/** Of each tensor the values that were read last: a tensor does not change, a variable's values are another tensor's. */
const read = new WeakMap<object, TensorContent>()

const tensors = kind<tf.Tensor, TensorContent>({
  name: 'tensor',
  is: (value) => value instanceof tf.Tensor,
  take(live, path) {
    const { dataId, shape, dtype, isDisposed } = live
    if (isDisposed || dtype === 'string' || dtype === 'complex64')
      throw new InputError({
        where: placeOf(path),
        received: isDisposed ? 'a tensor that is disposed' : `a tensor of ${dtype}`,
        expected: 'a tensor of numbers that is still there',
        fix: isDisposed
          ? 'What is in the state the run ends when it leaves it: do not dispose of it.'
          : undefined,
      })
    const known = read.get(dataId)
    if (known && known.shape.join() === shape.join() && known.dtype === dtype) return known
    const values = copyValues(live) as TensorContent['values']
    const content = { id: dataId, shape, dtype: dtype as TensorContent['dtype'], values }
    read.set(dataId, content)
    return content
  },
  fits: (live, { id, shape, dtype }) =>
    !live.isDisposed &&
    (live.dataId === id ||
      (live instanceof tf.Variable && live.dtype === dtype && live.shape.join() === shape.join())),
  make({ live, content: { shape, dtype, values } }) {
    const made = tf.tensor(values.slice(), shape, dtype)
    if (!(live instanceof tf.Variable)) return tf.keep(made)
    const variable = tf.variable(made, live.trainable)
    made.dispose()
    return variable
  },
  give(live, { id, shape, dtype, values }) {
    if (!(live instanceof tf.Variable) || live.dataId === id) return
    const made = tf.tensor(values.slice(), shape, dtype)
    live.assign(made)
    made.dispose()
  },
  bytes: ({ values }) => values.byteLength,
})

/** `snapshot`: its own; `encoded`: what encode gave, taken as the rest is. */
export type KeptContent = { readonly snapshot: unknown } | { readonly encoded: unknown }

const keepables = kind<Keepable, KeptContent>({
  name: 'kept',
  is: isKeepable,
  take: (live, path, inner) =>
    live.snapshot && live.restore
      ? { snapshot: live.snapshot() }
      : { encoded: inner(live.encode(), `${path}.encode()`) },
  inside: (content, visit) => 'encoded' in content && visit(content.encoded),
  make({ live, path }) {
    if (live) return (live as Keepable).copy() as Keepable
    throw new InputError({
      where: 'loadRun(folder, { model })',
      received: `a model whose state has nothing at ${path.replace(/^\./, '')} to take what was saved`,
      expected: 'the state as it was made when the run was: an object with decode() there',
    })
  },
  give(live, content, inner) {
    if ('snapshot' in content) live.restore!(content.snapshot)
    else live.decode(inner(undefined, content.encoded))
  },
  bytes: () => 0,
})

/** In the order in which they are asked: what says how it is kept goes first. */
export const kinds: readonly Kind[] = [tensors, keepables, typed, arrays, maps, sets, dates, objects]

export const kindOf = (value: object): Kind | undefined => kinds.find(({ is }) => is(value))
