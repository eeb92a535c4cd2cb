import * as tf from '@tensorflow/tfjs'
import { describe, InputError } from '../errors.js'
import { named } from '../suggest.js'
import { checkField } from './from.js'
import { choose, type Random } from './random.js'

/** What a field of a transition may be: a number, a truth value, or numbers in any nesting. */
export type StoredValue = number | boolean | ArrayLike<number> | readonly StoredValue[]

/** One step of an environment, or whatever else is pushed: values by name, of the same shapes each time. */
export interface Transition {
  readonly [field: string]: StoredValue
}

type Store = Float32Array | Int32Array | Uint8Array
type StoreName = 'float32' | 'int32' | 'uint8'

const stores = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array } as const

interface Spec {
  readonly shape: readonly number[]
  readonly store: StoreName
}

/** Some rows of all fields. One that a snapshot has is never written any more: its owner is another's. */
interface Page {
  readonly owner: object
  readonly fields: { readonly [field: string]: Store }
}

interface Snapshot {
  readonly pages: readonly (Page | undefined)[]
  readonly specs: { readonly [field: string]: Spec } | undefined
  readonly length: number
  readonly next: number
}

/** Bytes of a page: what the first push after a snapshot copies. */
const pageBytes = 32_768

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)

/**
 * The transitions that came last, to sample from. As part of the state of a model (`state: { buffer }`) it goes back with undo, and
 * is kept on disk. A snapshot shares with the one before what was not written in between, so to keep one before each iteration
 * costs no copy of the whole.
 */
export class ReplayBuffer<Row extends Transition = Transition> {
  readonly capacity: number
  readonly #dtypes: { readonly [field: string]: StoreName }
  #pages: (Page | undefined)[] = []
  #owner: object = {}
  #specs: Snapshot['specs']
  #length = 0
  #next = 0
  #last: Snapshot | undefined

  constructor({
    capacity,
    dtypes = {},
  }: {
    capacity: number
    dtypes?: { readonly [field: string]: StoreName }
  }) {
    this.capacity = capacity
    this.#dtypes = dtypes
  }

  /** Transitions in it: at most `capacity`. */
  get length(): number {
    return this.#length
  }

  /** Takes one in; where it is full the oldest goes. */
  push(row: Row): void {
    const specs = (this.#specs ??= this.#specsOf(row))
    const names = Object.keys(row)
    if (names.length !== Object.keys(specs).length || !names.every((name) => name in specs))
      throw new InputError({
        where: 'buffer.push(transition)',
        received: `the fields ${names.join(', ')}`,
        expected: `those that it has: ${Object.keys(specs).join(', ')}`,
      })
    const rows = this.#rowsPerPage
    const page = this.#writable(Math.floor(this.#next / rows))
    this.#last = undefined
    for (const name of names) {
      const size = sizeOf(specs[name]!.shape)
      const at = (this.#next % rows) * size
      const end = fill(page.fields[name]!, at, at + size, row[name]!)
      if (end !== at + size || shapeOf(row[name]!).join() !== specs[name]!.shape.join())
        throw new InputError({
          where: 'buffer.push(transition)',
          received: `${name} of shape [${shapeOf(row[name]!).join(', ')}]`,
          expected: `[${specs[name]!.shape.join(', ')}], as in the first`,
        })
    }
    this.#next = (this.#next + 1) % this.capacity
    this.#length = Math.min(this.capacity, this.#length + 1)
  }

  /**
   * `n` different ones of them as tensors by field, first axis = n.
   *
   * @param random of the iteration: `iteration(batch, { random })`, `generate(({ random }) => …)`, or `createRandom(1)`.
   */
  sample(random: Random, n: number): { [field in keyof Row]: tf.Tensor } {
    if (typeof random?.next !== 'function')
      throw new InputError({
        where: 'buffer.sample(random, n)',
        received: describe(random),
        expected: 'the random of the iteration: iteration(batch, { random }), generate(({ random }) => …)',
      })
    if (!Number.isInteger(n) || n < 1 || n > this.#length)
      throw new InputError({
        where: 'buffer.sample(random, n)',
        received: `n = ${describe(n)}`,
        expected: `a whole number from 1 to ${this.#length}, as many as are in it`,
        ...(n > this.#length && { fix: `Wait until it has as many: if (buffer.length >= ${n}) …` }),
      })
    return this.#gather(choose(this.#length, n, random))
  }

  /** All of them, the oldest first. */
  all(): { [field in keyof Row]: tf.Tensor } {
    const oldest = this.#length < this.capacity ? 0 : this.#next
    return this.#gather(Int32Array.from({ length: this.#length }, (_, i) => (oldest + i) % this.capacity))
  }

  #gather(places: Int32Array): { [field in keyof Row]: tf.Tensor } {
    const rows = this.#rowsPerPage
    const tensors: { [field: string]: tf.Tensor } = {}
    for (const [name, { shape, store }] of Object.entries(this.#specs ?? {})) {
      const size = sizeOf(shape)
      const Values = store === 'float32' ? Float32Array : Int32Array
      const values = new Values(places.length * size)
      for (const [i, place] of places.entries()) {
        const from = (place % rows) * size
        const stored = this.#pages[Math.floor(place / rows)]!.fields[name]!
        values.set(stored.subarray(from, from + size), i * size)
      }
      tensors[name] = tf.tensor(values, [places.length, ...shape], store === 'float32' ? 'float32' : 'int32')
    }
    return tensors as { [field in keyof Row]: tf.Tensor }
  }

  #specsOf(row: Row): { [field: string]: Spec } {
    const names = Object.keys(row)
    for (const name of Object.keys(this.#dtypes))
      if (!names.includes(name))
        throw new InputError({
          where: 'replayBuffer({ dtypes })',
          received: `a field ${name}`,
          expected: `one of those that are pushed: ${names.join(', ')}`,
        })
    return Object.fromEntries(
      names.map((name) => {
        if (name !== 'x' && name !== 'y') checkField(name, 'buffer.push(transition)')
        const value = row[name]!
        return [name, { shape: shapeOf(value), store: this.#dtypes[name] ?? storeOf(value) }]
      }),
    )
  }

  get #rowsPerPage(): number {
    const bytes = Object.values(this.#specs ?? {}).reduce(
      (sum, { shape, store }) => sum + sizeOf(shape) * stores[store].BYTES_PER_ELEMENT,
      0,
    )
    return Math.max(1, Math.min(this.capacity, Math.floor(pageBytes / Math.max(1, bytes))))
  }

  #writable(at: number): Page {
    const page = this.#pages[at]
    if (page?.owner === this.#owner) return page
    const rows = this.#rowsPerPage
    const fields = Object.fromEntries(
      Object.entries(this.#specs!).map(([name, { shape, store }]) => [
        name,
        page ? page.fields[name]!.slice() : new stores[store](rows * sizeOf(shape)),
      ]),
    )
    return (this.#pages[at] = { owner: this.#owner, fields })
  }

  /** How a run keeps it. */
  snapshot(): Snapshot {
    if (this.#last) return this.#last
    // Whatever is written from here on is written into other pages.
    this.#owner = {}
    return (this.#last = {
      pages: [...this.#pages],
      specs: this.#specs,
      length: this.#length,
      next: this.#next,
    })
  }

  restore(snapshot: Snapshot): void {
    this.#owner = {}
    this.#pages = [...snapshot.pages]
    this.#specs = snapshot.specs
    this.#length = snapshot.length
    this.#next = snapshot.next
    this.#last = snapshot
  }

  copy(): ReplayBuffer<Row> {
    const copy = new ReplayBuffer<Row>({ capacity: this.capacity, dtypes: this.#dtypes })
    copy.restore(this.snapshot())
    return copy
  }

  bytes(snapshot: Snapshot, before: Snapshot | undefined): number {
    let bytes = 0
    for (const [i, page] of snapshot.pages.entries())
      if (page && page !== before?.pages[i])
        for (const values of Object.values(page.fields)) bytes += values.byteLength
    return bytes
  }

  /** All of it as plain data. */
  encode({ pages, specs = {}, length, next } = this.snapshot()): Encoded {
    const fields: Encoded['fields'] = {}
    for (const [name, { shape, store }] of Object.entries(specs)) {
      const size = sizeOf(shape)
      const values = new stores[store](length * size)
      let at = 0
      for (const page of pages) {
        const part = page!.fields[name]!.subarray(0, values.length - at)
        values.set(part, at)
        at += part.length
      }
      fields[name] = { shape: [...shape], store, values }
    }
    return { capacity: this.capacity, next, length, fields }
  }

  decode(encoded: unknown): void {
    const { capacity, length, next, fields } = checked(encoded, this.capacity)
    this.restore({ pages: [], specs: undefined, length: 0, next: 0 })
    if (length > 0)
      this.#specs = Object.fromEntries(
        Object.entries(fields).map(([name, { shape, store }]) => [name, { shape, store }]),
      )
    const rows = this.#rowsPerPage
    for (let from = 0; from < length; from += rows) {
      const page = this.#writable(from / rows)
      for (const [name, { shape, values }] of Object.entries(fields)) {
        const size = sizeOf(shape)
        page.fields[name]!.set(values.subarray(from * size, Math.min(length, from + rows) * size))
      }
    }
    this.#length = length
    this.#next = next % capacity
    this.#last = undefined
  }
}

interface Encoded {
  capacity: number
  length: number
  next: number
  fields: { [field: string]: { shape: number[]; store: StoreName; values: Store } }
}

/** A file may be a stranger's. */
function checked(encoded: unknown, own: number): Encoded {
  const bad = (received: string) =>
    new InputError({
      where: 'a replay buffer from a file',
      received,
      expected: `what a buffer of capacity ${own} wrote`,
    })
  const { capacity, length, next, fields } = (encoded ?? {}) as Partial<Encoded>
  if (capacity !== own) throw bad(`one of capacity ${describe(capacity)}`)
  const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0
  if (
    !isCount(length) ||
    length > own ||
    !isCount(next) ||
    next >= own ||
    (length < own && next !== length % own)
  )
    throw bad(`${describe(length)} transitions, the next at ${describe(next)}`)
  for (const [name, one] of Object.entries(fields ?? {}))
    if (
      !Object.hasOwn(stores, one?.store) ||
      !(one.values instanceof stores[one.store]) ||
      !Array.isArray(one.shape) ||
      !one.shape.every(isCount) ||
      one.values.length !== length * sizeOf(one.shape)
    )
      throw bad(`the field ${name}, which does not fit`)
  if (!fields || (length > 0 && Object.keys(fields).length === 0)) throw bad('no fields')
  return { capacity, length, next, fields }
}

const isTyped = (value: unknown): value is Store => ArrayBuffer.isView(value)

function shapeOf(value: StoredValue): number[] {
  if (typeof value === 'number' || typeof value === 'boolean') return []
  if (isTyped(value)) return [value.length]
  if (Array.isArray(value) && value.length > 0) return [value.length, ...shapeOf(value[0] as StoredValue)]
  throw new InputError({
    where: 'buffer.push(transition)',
    received: describe(value),
    expected: 'a number, true or false, a typed array, or numbers in an array',
    ...(value instanceof tf.Tensor && { fix: 'Read it: await tensor.data().' }),
  })
}

function storeOf(value: StoredValue): StoreName {
  if (value instanceof Uint8Array || value instanceof Uint8ClampedArray) return 'uint8'
  return isTyped(value) && !/Float/.test(value.constructor.name) ? 'int32' : 'float32'
}

/** Writes the numbers of a value; gives where they end. */
function fill(into: Store, from: number, to: number, value: StoredValue): number {
  if (typeof value === 'number' || typeof value === 'boolean') {
    if (from < to) into[from] = Number(value)
    return from + 1
  }
  let at = from
  for (let i = 0; i < value.length; i++) at = fill(into, at, to, value[i]! as StoredValue)
  return at
}

/**
 * A buffer of the transitions that came last, for learning off policy (Lin 1992, as in DQN, Mnih et al. 2015).
 *
 * @param options.capacity how many at most.
 * @param options.dtypes of fields that are to be stored otherwise than as they come: numbers as float32, typed arrays of whole
 *   numbers as int32, Uint8Array as it is (pictures: a quarter of the memory). `dtypes: { action: 'int32' }`
 * @example
 * const buffer = replayBuffer({ capacity: 10_000, dtypes: { action: 'int32' } })
 * buffer.push({ observation: [0, 1], action: 1, reward: 0.5, next: [0, 2], done: false })
 */
export function replayBuffer<Row extends Transition = Transition>(options: {
  capacity: number
  dtypes?: { readonly [field in keyof Row]?: StoreName }
}): ReplayBuffer<Row> {
  const where = 'replayBuffer(options)'
  const { capacity, dtypes = {} } = named(options, ['capacity', 'dtypes'], where)
  if (!Number.isInteger(capacity) || capacity < 1)
    throw new InputError({
      where,
      received: `capacity ${describe(capacity)}`,
      expected: 'a whole number of transitions, at least 1',
      fix: 'replayBuffer({ capacity: 10_000 }).',
    })
  for (const [field, store] of Object.entries(dtypes))
    if (!Object.hasOwn(stores, store as string))
      throw new InputError({
        where: `replayBuffer({ dtypes: { ${field} } })`,
        received: describe(store),
        expected: `one of ${Object.keys(stores).join(', ')}`,
      })
  return new ReplayBuffer<Row>({ capacity, dtypes: dtypes as { [field: string]: StoreName } })
}
