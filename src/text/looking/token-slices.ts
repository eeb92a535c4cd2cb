import * as tf from '@tensorflow/tfjs'
import { compile } from '../../backend/compile/compile.js'
import type { Dataset } from '../../data/dataset.js'
import { describe, InputError } from '../../errors.js'
import { maybeHost } from '../../host.js'
import { student } from '../../mistakes/interval.js'
import { named } from '../../suggest.js'
import type { TokenSlice, TokenSlicesView } from '../../views.js'
import { checkTokenizer } from '../generation/arguments.js'
import type { Gpt } from '../models/gpt.js'
import { crossEntropy } from '../parts/layers.js'
import { checkText, type Tokenizer } from '../tokenizers/tokenizer.js'

export interface TokenSlicesOptions {
  /** How many windows are looked at, spread evenly. Default: 256, or all where there are fewer. `windows: 1000` */
  windows?: number
}

const where = 'model.tokenSlices(tokenizer, data, options)'
const rowsAtOnce = 16
type Losses = (x: tf.Tensor, y: tf.Tensor, begins?: tf.Tensor) => { losses: tf.Tensor }
const compiled = new WeakMap<Gpt, Losses>()

export async function tokenSlices(
  model: Gpt,
  tokenizer: Tokenizer,
  data: Dataset | string,
  options: TokenSlicesOptions = {},
): Promise<TokenSlicesView> {
  checkTokenizer(model, tokenizer, where)
  const { windows = 256 } = named(options, ['windows'], where)
  if (!Number.isInteger(windows) || windows < 1)
    throw new InputError({
      where: `${where}: windows`,
      received: describe(windows),
      expected: 'a whole number, at least 1',
    })
  const { length, rowAt } = rowsOf(model, tokenizer, data)
  const count = Math.min(windows, length)
  const lossesOf = compiledOf(model)
  const seen = new Tokens(tokenizer)
  const host = maybeHost()
  for (let from = 0; from < count; from += rowsAtOnce) {
    const rows = Array.from({ length: Math.min(rowsAtOnce, count - from) }, (_, i) =>
      rowAt(Math.floor(((from + i) * length) / count)),
    )
    const size = rows[0]!.x.length
    // One shape for all: the last batch is filled up, and what fills it is not counted.
    const fill = (part: keyof Row) => {
      const values = new Int32Array(rowsAtOnce * size)
      for (const [row, one] of rows.entries()) values.set(one[part]!, row * size)
      return tf.tensor2d(values, [rowsAtOnce, size], 'int32')
    }
    const losses = tf.tidy(
      () =>
        lossesOf(
          fill('x'),
          fill('y'),
          ...(rows[0]!.begins ? [fill('begins')] : []),
        ).losses.dataSync() as Float32Array,
    )
    for (const [row, { x, y }] of rows.entries())
      seen.add(x, y, losses.subarray(row * size, (row + 1) * size))
    if (host?.interrupted) throw host.interrupt.reason
    await host?.breathe()
  }
  return seen.view()
}

interface Row {
  x: Int32Array
  y: Int32Array
  /** Where documents are kept apart. */
  begins?: Int32Array
}

function rowsOf(
  model: Gpt,
  tokenizer: Tokenizer,
  data: Dataset | string,
): { length: number; rowAt(at: number): Row } {
  if (typeof data === 'string') {
    checkText(data, where)
    const ids = tokenizer.encode(data)
    const context = Math.min(model.config.context, ids.length - 1)
    if (context < 1)
      throw new InputError({
        where,
        received: `a text of ${ids.length} tokens`,
        expected: 'at least two: the first is only looked back at',
      })
    return {
      length: Math.floor((ids.length - 1) / context),
      rowAt: (at) => ({
        x: ids.subarray(at * context, (at + 1) * context),
        y: ids.subarray(at * context + 1, (at + 1) * context + 1),
      }),
    }
  }
  if (typeof data?.valuesAt !== 'function' || data.y.dtype !== 'int32' || data.y.shape.length !== 1)
    throw new InputError({
      where,
      received: describe(data),
      expected: 'windows of tokens, or a text',
      fix: 'windows(text, tokenizer, { context }) gives { train, validation }.',
    })
  return {
    length: data.length,
    rowAt(at) {
      const { x, y, begins } = data.valuesAt(at) as { [field: string]: ArrayLike<number> }
      return {
        x: Int32Array.from(x!),
        y: Int32Array.from(y!),
        ...(begins && { begins: Int32Array.from(begins) }),
      }
    },
  }
}

function compiledOf(model: Gpt): Losses {
  let found = compiled.get(model)
  if (!found) {
    const { vocabulary } = model.config
    found = compile(
      (x: tf.Tensor, y: tf.Tensor, begins?: tf.Tensor) => ({
        losses: crossEntropy(
          model.logits(x, begins && { begins }).reshape([x.size, vocabulary]),
          y.flatten(),
        ),
      }),
      { otherwise: 'run' },
    )
    compiled.set(model, found)
  }
  return found
}

/** Count, mean and spread of some losses, one after the other (Welford 1962). */
class Spread {
  count = 0
  mean = 0
  #squares = 0

  add(loss: number): void {
    const away = loss - this.mean
    this.mean += away / ++this.count
    this.#squares += away * (loss - this.mean)
  }

  /** The interval takes tokens for independent; those of a window are not quite. */
  slice(slice: string, total: number): TokenSlice {
    const { count, mean } = this
    const half =
      count > 1
        ? student(count - 1) * Math.sqrt(this.#squares / (count - 1) / count)
        : Number.POSITIVE_INFINITY
    return {
      slice,
      count,
      loss: mean,
      from: Math.max(0, mean - half),
      to: mean + half,
      share: total > 0 ? (mean * count) / total : 0,
    }
  }
}

/** Kinds of tokens, the first that fits; `before` is the text of the token before. */
const kinds: readonly (readonly [kind: string, fits: (token: string, before: string) => boolean])[] = [
  ['part of a character', (token) => token.includes('\ufffd')],
  ['line break', (token) => /^\s*\n\s*$/.test(token)],
  ['space', (token) => /^\s+$/.test(token)],
  [
    'start of a word',
    (token, before) => /^[^\p{L}]*\p{L}/u.test(token) && !/^\p{L}/u.test(joined(token, before)),
  ],
  ['inside of a word', (token) => /\p{L}/u.test(token)],
  ['number', (token) => /\p{N}/u.test(token)],
  ['punctuation', () => true],
]

/** The letter that a token's own letters go on from, if they do. */
function joined(token: string, before: string): string {
  return /^\p{L}/u.test(token) ? before.slice(-1) : ''
}

class Tokens {
  readonly #tokenizer: Tokenizer
  readonly #special: ReadonlySet<number>
  readonly #all = new Spread()
  readonly #kinds = new Map<string, Spread>()
  readonly #byToken = new Map<number, { count: number; losses: number[] }>()
  /** By how many powers of two of tokens stand before. */
  readonly #positions: Spread[] = []
  readonly #texts = new Map<number, string>()
  #longest = 0

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer
    this.#special = new Set(Object.values(tokenizer.special))
  }

  add(x: Int32Array, y: Int32Array, losses: Float32Array): void {
    for (let at = 0; at < y.length; at++) {
      const id = y[at]!
      if (id < 0) continue
      const loss = losses[at]!
      this.#all.add(loss)
      const kind = this.#kindOf(id, x[at]!)
      if (!this.#kinds.has(kind)) this.#kinds.set(kind, new Spread())
      this.#kinds.get(kind)!.add(loss)
      let own = this.#byToken.get(id)
      if (!own) this.#byToken.set(id, (own = { count: 0, losses: [] }))
      own.count++
      own.losses.push(loss)
      const bin = Math.ceil(Math.log2(at + 1))
      ;(this.#positions[bin] ??= new Spread()).add(loss)
      this.#longest = Math.max(this.#longest, at + 1)
    }
  }

  view(): TokenSlicesView {
    const total = this.#all.count * this.#all.mean
    return {
      kind: 'tokenSlices',
      count: this.#all.count,
      loss: this.#all.mean,
      classes: [...this.#kinds]
        .map(([kind, spread]) => spread.slice(kind, total))
        .toSorted((a, b) => b.share - a.share),
      frequencies: this.#frequencies(total),
      positions: this.#positions.flatMap((spread, bin) => {
        if (!spread) return []
        const first = bin === 0 ? 1 : 2 ** (bin - 1) + 1
        const last = Math.min(2 ** bin, this.#longest)
        const name = first === last ? String(first) : `${first} – ${last}`
        return [{ ...spread.slice(name, total), tokens: [first, last] as const }]
      }),
    }
  }

  /** The tokens that make up half of what was looked at, the next 40 %, and the last 10 %. */
  #frequencies(total: number): TokenSlice[] {
    const parts = [
      { name: 'frequent', upTo: 0.5, tokens: 0, spread: new Spread() },
      { name: 'less frequent', upTo: 0.9, tokens: 0, spread: new Spread() },
      { name: 'rare', upTo: 1, tokens: 0, spread: new Spread() },
    ]
    let counted = 0
    for (const { count, losses } of [...this.#byToken.values()].toSorted((a, b) => b.count - a.count)) {
      const part = parts.find(({ upTo }) => counted < upTo * this.#all.count) ?? parts.at(-1)!
      counted += count
      part.tokens++
      for (const loss of losses) part.spread.add(loss)
    }
    return parts
      .filter(({ tokens }) => tokens > 0)
      .map(({ name, tokens, spread }) =>
        spread.slice(`${name} (${tokens} ${tokens === 1 ? 'token' : 'different tokens'})`, total),
      )
  }

  #kindOf(id: number, before: number): string {
    if (this.#special.has(id)) return 'special'
    const [token, last] = [this.#textOf(id), this.#textOf(before)]
    return kinds.find(([, fits]) => fits(token, last))![0]
  }

  #textOf(id: number): string {
    let text = this.#texts.get(id)
    if (text === undefined) this.#texts.set(id, (text = this.#tokenizer.decode([id])))
    return text
  }
}
