import {
  createSession,
  runSession,
  type NativeSession,
  type NativeTensor,
} from '../../backend/session/native.js'
import { threads } from '../../backend/session/options.js'
import type { GptConfig } from '../parts/config.js'
import { rotaryTables } from '../parts/layers.js'
import { names } from './graph.js'

/** Positions that keys and values have room for at first: more is taken as texts grow, twice as much each time. */
const smallest = 256

/** Tokens of a text that are read at once where all logits are asked for: those of 49,152 tokens are 25 MB then. */
const piece = 128

const tensor = (
  type: NativeTensor['type'],
  data: NativeTensor['data'],
  dims: readonly number[],
): NativeTensor => ({ type, data, dims, location: 'cpu' })

/** The session of a model's graph, and what its embedding has for tokens. */
export interface ReadingSession {
  readonly config: GptConfig
  readonly session: NativeSession
  /** [ids, width] */
  embed(ids: Int32Array): Float32Array
}

/** @param graph its bytes, or the file that it is in. */
export function sessionOf(
  config: GptConfig,
  graph: Uint8Array | string,
  embed: (ids: Int32Array) => Float32Array,
): ReadingSession {
  const session = createSession(graph, { threads: threads(), device: 'cpu' })
  return { config, session, embed }
}

/**
 * Reads texts once and then token by token. Logits that it gives hold until it reads again. Keys and values lie in arrays that the graph reads and writes at once: a token
 * copies none of them.
 */
export class Reader {
  readonly #from: ReadingSession
  readonly #rows: number
  #room = 0
  #cache: { [name: string]: NativeTensor } = {}
  #feeds: { [name: string]: NativeTensor } = {}
  #fetches: { [name: string]: NativeTensor } = {}

  /** Written anew by each run. */
  #logits: Float32Array | undefined
  readonly #onEnd: () => void
  #isOver = false

  constructor(from: ReadingSession, rows: number, onEnd: () => void = () => {}) {
    this.#from = from
    this.#rows = rows
    this.#onEnd = onEnd
  }

  /** Forgets what was read and reads these rows; logits of the token behind each, a row a text. */
  read(rows: readonly ArrayLike<number>[]): Float32Array[] {
    const longest = Math.max(...rows.map(({ length }) => length))
    this.#makeRoom(longest + 1, 0)
    const ids = new Int32Array(rows.length * longest)
    for (const [row, text] of rows.entries()) ids.set(Int32Array.from(text), row * longest)
    const lengths = rows.map(({ length }) => length)
    const last = lengths.map((length, row) => row * longest + length - 1)
    return this.#apart(this.#run(ids, longest, lengths, last))
  }

  /**
   * Reads a text and gives the logits of the token behind each, some rows of [vocabulary] at a time.
   *
   * @param take is given the rows, and the place of the first in the text.
   */
  readAll(ids: Int32Array, take: (logits: Float32Array, from: number) => void): void {
    this.#makeRoom(ids.length, 0)
    for (let from = 0; from < ids.length; from += piece) {
      const some = ids.subarray(from, from + piece)
      take(this.#run(some, some.length, [from + some.length], [...some.keys()]), from)
    }
  }

  /** Reads one more token a row, `positions[row]` tokens after its start. */
  next(tokens: readonly number[], positions: readonly number[]): Float32Array[] {
    const lengths = positions.map((position) => position + 1)
    this.#makeRoom(Math.max(...lengths), Math.max(...positions))
    return this.#apart(this.#run(Int32Array.from(tokens), 1, lengths, [...tokens.keys()]))
  }

  dispose(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cache = this.#feeds = this.#fetches = {}
    this.#room = 0
    this.#onEnd()
  }

  /** Room for so many tokens, of which the first `kept` are there already. */
  #makeRoom(tokens: number, kept: number): void {
    if (tokens <= this.#room) return
    const { layers, keyValueHeads, headSize, context, rotaryBase } = this.#from.config
    let room = Math.max(smallest, this.#room)
    while (room < tokens) room *= 2
    room = Math.max(tokens, Math.min(room, context))
    const heads = this.#rows * keyValueHeads
    const dims = [this.#rows, keyValueHeads, room, headSize]
    const before = this.#cache
    this.#cache = {}
    for (let layer = 0; layer < layers; layer++)
      for (const kind of ['keys', 'values'] as const) {
        const data = new Float32Array(heads * room * headSize)
        const old = before[names.before(kind, layer)]?.data as Float32Array | undefined
        if (old && kept > 0)
          for (let head = 0; head < heads; head++) {
            const from = head * this.#room * headSize
            data.set(old.subarray(from, from + kept * headSize), head * room * headSize)
          }
        this.#cache[names.before(kind, layer)] = tensor('float32', data, dims)
      }
    this.#room = room
    const { cos, sin } = rotaryTables(room, headSize, rotaryBase)
    this.#feeds = {
      ...this.#cache,
      [names.cos]: tensor('float32', cos, [room, headSize / 2]),
      [names.sin]: tensor('float32', sin, [room, headSize / 2]),
    }
    // What is written is what was read: the operator adds to it where it lies.
    this.#fetches = {}
    for (let layer = 0; layer < layers; layer++)
      for (const kind of ['keys', 'values'] as const)
        this.#fetches[names.after(kind, layer)] = this.#cache[names.before(kind, layer)]!
  }

  #apart(logits: Float32Array): Float32Array[] {
    const { vocabulary } = this.#from.config
    return Array.from({ length: this.#rows }, (_, row) =>
      logits.subarray(row * vocabulary, (row + 1) * vocabulary),
    )
  }

  /**
   * @param lengths tokens of each text when these are read.
   * @param rows those of [B length] that logits are asked of.
   */
  #run(ids: Int32Array, length: number, lengths: readonly number[], rows: readonly number[]): Float32Array {
    const { config, session, embed } = this.#from
    const { vocabulary, width } = config
    const size = rows.length * vocabulary
    const logits = this.#logits?.length === size ? this.#logits : (this.#logits = new Float32Array(size))
    const feeds = this.#feeds
    feeds[names.embedded] = tensor('float32', embed(ids), [this.#rows, length, width])
    const before = Int32Array.from(lengths, (tokens) => tokens - 1)
    feeds[names.lengths] = tensor('int32', before, [this.#rows])
    feeds[names.total] = tensor('int32', Int32Array.of(Math.max(...lengths)), [1])
    feeds[names.rows] = tensor('int64', BigInt64Array.from(rows, BigInt), [rows.length])
    this.#fetches[names.logits] = tensor('float32', logits, [rows.length, vocabulary])
    runSession(session, feeds, this.#fetches, true)
    return logits
  }
}
