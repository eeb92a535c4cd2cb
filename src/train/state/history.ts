import type { HistoryColumns } from '../../views.js'
import type { PastIterations } from '../rules/stops.js'

/** One iteration: what the update was made of. */
export type HistoryRow<More extends string = string> = {
  /** Counting from 1. */
  iteration: number
  /** Of the batch, before its update. */
  loss: number
  learningRate: number
  /** Euclidean, over all parameters, before clipping. */
  gradientNorm: number
  milliseconds: number
} & {
  /** What an own iteration gave beside the loss. */
  [more in More]: number
}

const inspect = Symbol.for('nodejs.util.inspect.custom')
/** Columns that every row has. */
export const everyRow: readonly string[] = [
  'iteration',
  'loss',
  'learningRate',
  'gradientNorm',
  'milliseconds',
]

const isField = (name: string): boolean => everyRow.includes(name)

/**
 * Rows in columns of growing typed arrays: 40 bytes an iteration, and nothing for the garbage collector. Read from
 * outside through `rows`, which looks like an array of records.
 */
export class History implements PastIterations {
  length = 0
  #capacity = 256
  /** An own iteration may call what it gives as it likes, 'constructor' too. */
  #columns: { [name: string]: Float64Array } = Object.create(null)

  constructor() {
    for (const name of everyRow) this.#columns[name] = new Float64Array(this.#capacity)
  }

  append(row: HistoryRow): void {
    if (this.length === this.#capacity) this.#grow()
    const at = this.length++
    for (const name in row) (this.#columns[name] ??= this.#emptyColumn())[at] = row[name]!
    for (const name in this.#columns) if (!(name in row)) this.#columns[name]![at] = NaN
  }

  #emptyColumn(): Float64Array {
    return new Float64Array(this.#capacity).fill(NaN)
  }

  #grow(): void {
    this.#capacity *= 2
    for (const [name, column] of Object.entries(this.#columns)) {
      const longer = this.#emptyColumn()
      longer.set(column)
      this.#columns[name] = longer
    }
  }

  row(at: number): HistoryRow {
    const row = {} as HistoryRow
    for (const name in this.#columns) {
      const value = this.#columns[name]![at]!
      if (!Number.isNaN(value) || isField(name)) row[name] = value
    }
    return row
  }

  /** A value of the last row; NaN before the first. */
  last(name: string): number {
    return this.length ? (this.#columns[name]?.[this.length - 1] ?? NaN) : NaN
  }

  /** A column as a view of the memory it lies in. */
  column(name: string): Float64Array {
    return (this.#columns[name] ?? this.#emptyColumn()).subarray(0, this.length)
  }

  get names(): string[] {
    return Object.keys(this.#columns)
  }

  columns(): HistoryColumns {
    return {
      length: this.length,
      iteration: this.column('iteration'),
      loss: this.column('loss'),
      learningRate: this.column('learningRate'),
      gradientNorm: this.column('gradientNorm'),
      milliseconds: this.column('milliseconds'),
    }
  }

  /** Rows from `from` on, as columns of their own. */
  #tail(from: number): { [name: string]: Float64Array } {
    return Object.fromEntries(this.names.map((name) => [name, this.column(name).slice(from)]))
  }

  /** Takes away the rows from `from` on, with the columns that only they have: what undo takes away and redo puts back. */
  cut(from: number): { [name: string]: Float64Array } {
    const tail = this.#tail(from)
    this.length = from
    for (const name of this.names)
      if (!isField(name) && this.column(name).every(Number.isNaN)) delete this.#columns[name]
    return tail
  }

  /** Appends what `cut` took. What it has no values of has none here either, whatever was there on another line. */
  paste(tail: { readonly [name: string]: Float64Array }): void {
    const length = tail.iteration?.length ?? 0
    while (this.length + length > this.#capacity) this.#grow()
    const end = this.length + length
    for (const name of this.names) if (!tail[name]) this.#columns[name]!.fill(NaN, this.length, end)
    for (const name in tail) (this.#columns[name] ??= this.#emptyColumn()).set(tail[name]!, this.length)
    this.length = end
  }

  copy(): History {
    const copy = new History()
    copy.paste(this.#tail(0))
    return copy
  }
}

/** A list that grows by itself and is read like an array of T; whatever an array can tell, it can. */
export function readLikeAnArray<T>(length: () => number, row: (at: number) => T): readonly T[] {
  const isPlace = (key: string | symbol) =>
    typeof key === 'string' && /^\d+$/.test(key) && Number(key) < length()
  const all = () => Array.from({ length: length() }, (_, at) => row(at))
  // Printing looks at the target and not through the proxy, so the target says how it prints.
  const target = Object.defineProperty<T[]>([], inspect, {
    value: all,
    enumerable: false,
    configurable: true,
  })
  return new Proxy(target, {
    get(list, key, receiver) {
      if (key === 'length') return length()
      return isPlace(key) ? row(Number(key)) : Reflect.get(list, key, receiver)
    },
    has: (list, key) => isPlace(key) || Reflect.has(list, key),
    ownKeys: () => [...Array.from({ length: length() }, (_, at) => String(at)), 'length', inspect],
    getOwnPropertyDescriptor(list, key) {
      if (isPlace(key))
        return { value: row(Number(key)), enumerable: true, configurable: true, writable: false }
      if (key === 'length') return { value: length(), writable: true, enumerable: false, configurable: false }
      return Reflect.getOwnPropertyDescriptor(list, key)
    },
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
  })
}
