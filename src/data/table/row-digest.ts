import { beside } from '../../host.js'
import { columnsOf, sizeOfRow } from './column.js'
import { Digest } from './digest.js'
import type { Table } from './table.js'

/** Examples from which a digest is made row by row, in whatever order they lie: in their own it would read a disk to and fro. */
export const manyExamples = 1 << 20
/** How many are looked at where each is computed. */
const someExamples = 10_000
/** Rows between two looks at the clock. */
const piece = 2048
/** Values that are looked at between them, at most. */
const mostValues = 1 << 16
/** Milliseconds of one turn. */
const turn = 8

/**
 * The digest of many examples, made in the order of their rows, a piece at a time: each row has a hash of its place and its
 * values, and these add up. What a turn has done is kept at its end in one step, so that a turn that Stop ends has not been.
 */
export class RowDigest {
  readonly #table: Table
  readonly #rows: ArrayLike<number>
  readonly #head: string
  /** The position of each row; -1 where it is in another split. Not there while every row stands in its place. */
  readonly #positions: Int32Array | undefined
  #state: { place: number; row: number; a: number; b: number } = { place: 0, row: 0, a: 0, b: 0 }
  readonly #size: number
  /** Of rows that are computed some are looked at: all might take hours. */
  readonly #every: number
  #turnAt = -Infinity
  #done: string | undefined

  /** @param head what the values are, and what they are called. */
  constructor(table: Table, rows: ArrayLike<number>, head: string, inPlace: boolean) {
    this.#table = table
    this.#rows = rows
    this.#head = head
    this.#every = table.computed ? Math.ceil(table.x.length / someExamples) : 1
    this.#size = Math.max(1, sizeOfRow(table))
    this.#positions = inPlace ? undefined : new Int32Array(table.x.length)
    if (inPlace) this.#state.place = rows.length
  }

  get done(): string | undefined {
    return this.#done
  }

  /** All that is left of it, at once. */
  now(): string {
    while (this.#done === undefined) this.#advance(Infinity)
    return this.#done
  }

  /** All that is left of it, while others have their turns. @param hold whether the process stays for it. */
  async soon(hold = true): Promise<string> {
    while (this.#done === undefined) {
      await new Promise<void>((resolve) => beside(() => later(resolve, hold)))
      this.#advance(performance.now() + turn)
    }
    return this.#done
  }

  /** Whether somebody is at it. */
  get underWay(): boolean {
    return performance.now() - this.#turnAt < 2000
  }

  #advance(until: number): void {
    this.#turnAt = performance.now()
    let { place, row, a, b } = this.#state
    const { x } = this.#table
    const positions = this.#positions
    // Positions are counted from 1, so that 0 says that there is none.
    while (positions && place < this.#rows.length) {
      const end = Math.min(this.#rows.length, place + 16 * piece)
      for (; place < end; place++) positions[this.#rows[place]!] = place + 1
      if (performance.now() > until) break
    }
    while (place === this.#rows.length && row < x.length) {
      const end =
        this.#every > 1
          ? row + 1
          : Math.min(x.length, row + Math.max(1, Math.min(piece, Math.floor(mostValues / this.#size))))
      const hash = new Digest()
      const { values, size } = scan(this.#table, row, end - row)
      for (let i = 0; i < end - row; i++) {
        const position = positions ? positions[row + i]! - 1 : row + i
        if (position < 0) continue
        const id = this.#table.ids ? this.#table.ids[row + i]! : row + i
        hash.begin(position, id)
        if (values instanceof Float32Array) hash.range(values, i * size, size)
        else for (const text of values.slice(i * size, (i + 1) * size)) hash.text(text)
        a = (a + hash.first) | 0
        b = (b + hash.second) | 0
      }
      row = Math.min(x.length, this.#every > 1 ? row + this.#every : end)
      if (performance.now() > until) break
    }
    this.#state = { place, row, a, b }
    if (place === this.#rows.length && row === x.length)
      this.#done = `rows-${new Digest().text(this.#head).word(this.#rows.length).word(a).word(b).end()}`
  }
}

function later(work: () => void, hold: boolean): void {
  if (hold && typeof setImmediate === 'function') setImmediate(work)
  else {
    const timer = setTimeout(work, hold ? 0 : 1)
    if (!hold) (timer as { unref?: () => void }).unref?.()
  }
}

/** The values of some rows, in the order of `columnsOf`, as float32; as texts where there are any. */
function scan(table: Table, from: number, count: number): { values: Float32Array | string[]; size: number } {
  if (table.scan) return table.scan(from, count)
  const size = sizeOfRow(table)
  const columns = columnsOf(table)
  const texts = columns.some(([, { spec }]) => spec.dtype === 'string')
  const values: Float32Array | string[] = texts ? [] : new Float32Array(count * size)
  for (let i = 0; i < count; i++) {
    const read = table.whole?.read(from + i)
    let at = i * size
    for (const [field, column] of columns) {
      const part = read ? read[field]! : column.read(from + i)
      if (values instanceof Float32Array) values.set(part as ArrayLike<number>, at)
      else for (let j = 0; j < part.length; j++) values.push(String(part[j]))
      at += part.length
    }
  }
  return { values, size }
}
