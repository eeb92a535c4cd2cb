import { manyExamples } from './books.js'

/**
 * Which examples are left out, never changed, so that what a snapshot holds stays. Of up to a million there is a flag for each;
 * of more, what is left out is counted up.
 */
export class Excluded {
  readonly length: number
  /** How many are left out. */
  readonly count: number
  readonly #flags: Uint8Array | undefined
  readonly #positions: ReadonlySet<number>

  private constructor(length: number, left: Uint8Array | ReadonlySet<number>, count: number) {
    this.length = length
    this.count = count
    this.#flags = left instanceof Uint8Array ? left : undefined
    this.#positions = left instanceof Uint8Array ? none : left
  }

  /** Nothing is left out of so many. */
  static none(length: number): Excluded {
    return new Excluded(length, length > manyExamples ? none : new Uint8Array(length), 0)
  }

  /** By a 1 for each that is left out, else 0. */
  static fromFlags(flags: Uint8Array): Excluded {
    const positions: number[] = []
    for (let at = 0; at < flags.length; at++) if (flags[at]) positions.push(at)
    return new Excluded(
      flags.length,
      flags.length > manyExamples ? new Set(positions) : flags,
      positions.length,
    )
  }

  static fromPositions(length: number, positions: Iterable<number>): Excluded {
    return Excluded.none(length).with(positions)
  }

  has(position: number): boolean {
    return this.#flags ? this.#flags[position] === 1 : this.#positions.has(position)
  }

  /** The same with these left out, or with these taken back. */
  with(positions: Iterable<number>, excluded = true): Excluded {
    if (this.#flags) {
      const flags = this.#flags.slice()
      let { count } = this
      for (const position of positions) {
        count += (excluded ? 1 : 0) - flags[position]!
        flags[position] = excluded ? 1 : 0
      }
      return new Excluded(this.length, flags, count)
    }
    const next = new Set(this.#positions)
    for (const position of positions)
      if (excluded) next.add(position)
      else next.delete(position)
    return new Excluded(this.length, next, next.size)
  }

  /** As flags, of up to a million; see `positions` for more. */
  flags(): Uint8Array {
    return this.#flags ?? Uint8Array.from({ length: this.length }, (_, at) => Number(this.#positions.has(at)))
  }

  /** What is left out, in order. */
  positions(): Int32Array {
    if (!this.#flags) return Int32Array.from(this.#positions).toSorted()
    const found: number[] = []
    for (let at = 0; at < this.length; at++) if (this.#flags[at]) found.push(at)
    return Int32Array.from(found)
  }

  /** Bytes that it takes in memory. */
  get byteLength(): number {
    return this.#flags ? this.#flags.byteLength : 40 * this.#positions.size
  }
}

const none: ReadonlySet<number> = new Set()
