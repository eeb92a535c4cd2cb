import * as tf from '@tensorflow/tfjs'
import type { Dataset, Examples, FieldSpec, SplitName } from '../../data/dataset.js'
import { Digest } from '../../data/table/digest.js'
import { describe, InputError } from '../../errors.js'
import { rangeFrom } from './range.js'
import type { TokenStream } from './token-store.js'

export interface WindowParts {
  name: string
  split: SplitName
  context: number
  tokens: TokenStream
  /** From the start of one window to that of the next. */
  step: number
  /** Whether documents are kept apart: the field `begins` then says where the document of each token begins. */
  apart: boolean
  /** Ids below are of the training part, in places of its text; the others of the validation part. */
  border: number
  decode(ids: ArrayLike<number>): string
  /** Of all that the windows are taken of. */
  digest(): string
}

/** How many windows a sequence of tokens has. */
export const windowsIn = (tokens: number, context: number, step: number): number =>
  Math.floor((tokens - 1 - context) / step) + 1

/**
 * Windows of a sequence of tokens. Nothing is copied: a window is a place in it.
 *
 * x and y are int32 [context]. Where documents are kept apart there is the field `begins` beside them, int32 [context]: the
 * place of the window at which the document of each token begins; and y is -1 where the next token is of another document.
 */
export class WindowDataset implements Dataset {
  readonly name: string
  readonly split: SplitName
  readonly length: number
  readonly context: number
  /** `tokens.length` is how many the windows are taken of. */
  readonly tokens: TokenStream
  readonly x
  readonly y
  readonly fields?: { readonly begins: FieldSpec }
  readonly ids: ArrayLike<number>
  readonly #parts: WindowParts
  readonly #first: number
  #digest: string | undefined

  constructor(parts: WindowParts) {
    const { name, split, context, tokens, step, border, apart } = parts
    this.#parts = parts
    this.name = name
    this.split = split
    this.context = context
    this.tokens = tokens
    this.length = windowsIn(tokens.length, context, step)
    this.#first = split === 'train' ? 0 : border
    this.ids = rangeFrom(this.#first, this.length)
    this.x = { shape: [context], dtype: 'int32' as const }
    this.y = { shape: [context], dtype: 'int32' as const }
    if (apart) this.fields = { begins: { shape: [context], dtype: 'int32' } }
  }

  readonly positionOf = (id: number): number | undefined => {
    const position = id - this.#first
    return Number.isInteger(position) && position >= 0 && position < this.length ? position : undefined
  }

  readonly splitOf = (id: number): SplitName | undefined => {
    if (this.positionOf(id) !== undefined) return this.split
    if (!Number.isInteger(id) || id < 0) return undefined
    return id < this.#parts.border ? 'train' : 'validation'
  }

  readonly at = (positions: ArrayLike<number>): Examples & { begins?: tf.Tensor } => {
    const rows = positions.length
    const { context } = this
    const values = () => new Int32Array(rows * context)
    const [x, y] = [values(), values()]
    const begins = this.fields && values()
    const ids: number[] = Array.from({ length: rows })
    for (let row = 0; row < rows; row++) {
      this.#fill(positions[row]!, row * context, x, y, begins)
      ids[row] = this.#first + positions[row]!
    }
    const tensor = (of: Int32Array) => tf.tensor2d(of, [rows, context], 'int32')
    return { x: tensor(x), y: tensor(y), ...(begins && { begins: tensor(begins) }), ids }
  }

  readonly valuesAt = (position: number): { x: Int32Array; y: Int32Array; begins?: Int32Array } => {
    const values = () => new Int32Array(this.context)
    const [x, y] = [values(), values()]
    const begins = this.fields && values()
    this.#fill(position, 0, x, y, begins)
    return { x, y, ...(begins && { begins }) }
  }

  /** Writes the window at a position into the arrays, from a place on. */
  #fill(position: number, to: number, x: Int32Array, y: Int32Array, begins?: Int32Array): void {
    const { context } = this
    const row = new Int32Array(context + 1)
    const starts = begins && new Int32Array(context + 1)
    this.tokens.read(this.#startOf(position), row, starts)
    x.set(row.subarray(0, context), to)
    y.set(row.subarray(1), to)
    if (!begins || !starts) return
    begins.set(starts.subarray(0, context), to)
    for (let at = 1; at <= context; at++) if (starts[at] === at) y[to + at - 1] = -1
  }

  /**
   * The text of one window, and that of the token behind it.
   *
   * @example validation.textAt(0).x
   */
  readonly textAt = (position: number): { x: string; y: string } => {
    const row = new Int32Array(this.context + 1)
    this.tokens.read(this.#startOf(position), row)
    return { x: this.#parts.decode(row.subarray(0, this.context)), y: this.#parts.decode(row.subarray(-1)) }
  }

  /** The text of one token. */
  readonly tokenText = (id: number): string => this.#parts.decode([id])

  readonly digest = (): string =>
    (this.#digest ??= new Digest()
      .text(`windows ${this.context} ${this.#parts.step}${this.#parts.apart ? ' apart' : ''}`)
      .text(this.#parts.digest())
      .end())

  /** How it reads in a cell and in the console. */
  toString(): string {
    const count = (n: number) => String(n).replace(/\B(?=(\d{3})+$)/g, ',')
    return `Dataset ${this.name} (${this.split}): ${count(this.length)} windows of ${this.context} tokens, of ${count(this.tokens.length)} tokens in all`
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }

  #startOf(position: number): number {
    if (Number.isInteger(position) && position >= 0 && position < this.length)
      return position * this.#parts.step
    throw new InputError({
      where: `${this.name} (${this.split})`,
      received: `the position ${describe(position)}`,
      expected: `a whole number from 0 to ${this.length - 1}`,
    })
  }
}
