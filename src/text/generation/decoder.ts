import * as tf from '@tensorflow/tfjs'
import { compile } from '../../backend/compile/compile.js'
import type { Gpt } from '../models/gpt.js'

/** Keys and values of all layers for the tokens so far, each [B, key-value heads, capacity, S]. */
type Cache = {
  keys: tf.Tensor[]
  values: tf.Tensor[]
}

/** The smallest room for tokens: more is taken as texts grow, twice as much each time, so few graphs are recorded. */
const smallest = 64

/**
 * Reads texts once and then token by token: keys and values of what was read are kept (Pope et al. 2022, arXiv
 * 2211.05102), in room that grows by powers of two up to the context.
 */
export class Decoder {
  readonly #model: Gpt
  readonly #rows: number
  #cache: Cache | undefined
  #capacity = 0

  constructor(model: Gpt, rows: number) {
    this.#model = model
    this.#rows = rows
  }

  /** Forgets what was read and reads these rows; logits of the token behind each, a row a text. */
  read(rows: readonly ArrayLike<number>[]): Float32Array[] {
    const longest = Math.max(...rows.map((ids) => ids.length))
    const length = this.#roomFor(longest)
    const { prefill } = graphsOf(this.#model)
    this.dispose()
    const padded = new Int32Array(rows.length * length)
    for (const [row, ids] of rows.entries()) padded.set(Int32Array.from(ids), row * length)
    // Room for the next token too, where the context has it.
    this.#capacity = this.#roomFor(longest + 1)
    return this.#run(() => {
      const ids = tf.tensor2d(padded, [rows.length, length], 'int32')
      const last = tf.tensor1d(
        rows.map((row) => row.length - 1),
        'int32',
      )
      const read = prefill(ids, last)
      return { logits: read.logits, cache: grown(read, this.#capacity - length) }
    })
  }

  /** Reads one more token a row, `positions[row]` tokens after its start. */
  next(tokens: readonly number[], positions: readonly number[]): Float32Array[] {
    const needed = Math.max(...positions) + 1
    const { step } = graphsOf(this.#model)
    const cache = this.#cache!
    const more = Math.max(0, this.#roomFor(needed) - this.#capacity)
    this.#capacity += more
    return this.#run(() => {
      const { keys, values } = more > 0 ? grown(cache, more) : cache
      const ids = tf.tensor2d(Int32Array.from(tokens), [this.#rows, 1], 'int32')
      const at = tf.tensor2d(Int32Array.from(positions), [this.#rows, 1], 'int32')
      const read = step(ids, at, keys, values)
      return { logits: read.logits, cache: { keys: read.keys, values: read.values } }
    })
  }

  dispose(): void {
    if (this.#cache) tf.dispose([this.#cache.keys, this.#cache.values])
    this.#cache = undefined
  }

  #roomFor(tokens: number): number {
    let room = smallest
    while (room < tokens) room *= 2
    return Math.min(room, this.#model.config.context)
  }

  #run(work: () => { logits: tf.Tensor; cache: Cache }): Float32Array[] {
    const before = this.#cache
    const { logits, cache } = tf.tidy(work as () => never) as ReturnType<typeof work>
    this.#cache = cache
    const values = logits.dataSync() as Float32Array
    logits.dispose()
    const kept = new Set([...cache.keys, ...cache.values])
    if (before) tf.dispose([...before.keys, ...before.values].filter((tensor) => !kept.has(tensor)))
    const size = values.length / this.#rows
    return Array.from({ length: this.#rows }, (_, row) => values.slice(row * size, (row + 1) * size))
  }
}

/** The same with more room behind. */
function grown({ keys, values }: Cache, more: number): Cache {
  const pad = (tensor: tf.Tensor) =>
    tf.pad(tensor, [
      [0, 0],
      [0, 0],
      [0, more],
      [0, 0],
    ])
  return more > 0 ? { keys: keys.map(pad), values: values.map(pad) } : { keys, values }
}

type Read = { logits: tf.Tensor; keys: tf.Tensor[]; values: tf.Tensor[] }

interface Graphs {
  prefill(ids: tf.Tensor, last: tf.Tensor): Read
  step(ids: tf.Tensor, positions: tf.Tensor, keys: tf.Tensor[], values: tf.Tensor[]): Read
}

const graphs = new WeakMap<Gpt, Graphs>()

/** The two functions of a model, recorded once for each number of rows and each room. */
function graphsOf(model: Gpt): Graphs {
  const found = graphs.get(model)
  if (found) return found
  const { vocabulary, window } = model.config
  const made: Graphs = {
    prefill: compile(
      (ids: tf.Tensor, last: tf.Tensor) => {
        const keys: tf.Tensor[] = []
        const values: tf.Tensor[] = []
        const [rows, length] = ids.shape as [number, number]
        const logits = model.logits(ids, {
          writing: {
            remember(layer, k, v) {
              keys[layer] = k
              values[layer] = v
              return { keys: k, values: v }
            },
            pick: (stream) =>
              tf.matMul(
                tf
                  .oneHot(last as tf.Tensor1D, length)
                  .cast('float32')
                  .expandDims(1),
                stream,
              ),
          },
        })
        return { logits: logits.reshape([rows, vocabulary]), keys, values }
      },
      { otherwise: 'run', signatures: 16 },
    ),
    step: compile(
      (ids: tf.Tensor, positions: tf.Tensor, before: tf.Tensor[], beforeValues: tf.Tensor[]) => {
        const rows = ids.shape[0]!
        const capacity = before[0]!.shape[2]!
        const places = tf.range(0, capacity, 1, 'int32').expandDims(0)
        const isHere = places.equal(positions).reshape([rows, 1, capacity, 1])
        const away = positions.sub(places)
        const masks = window.map((tokens) =>
          tf
            .logicalAnd(away.greaterEqual(0), away.less(tokens))
            .cast('float32')
            .sub(1)
            .mul(1e9)
            .reshape([rows, 1, 1, capacity]),
        )
        const keys: tf.Tensor[] = []
        const values: tf.Tensor[] = []
        const logits = model.logits(ids, {
          writing: {
            positions,
            room: capacity,
            masks,
            remember(layer, k, v) {
              keys[layer] = tf.where(isHere, k, before[layer]!)
              values[layer] = tf.where(isHere, v, beforeValues[layer]!)
              return { keys: keys[layer]!, values: values[layer]! }
            },
          },
        })
        return { logits: logits.reshape([rows, vocabulary]), keys, values }
      },
      { otherwise: 'run', signatures: 16 },
    ),
  }
  graphs.set(model, made)
  return made
}
