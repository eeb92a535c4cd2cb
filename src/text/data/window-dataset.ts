import * as tf from '@tensorflow/tfjs'
import type { Dataset, Examples, FieldSpec, SplitName } from '../../data/dataset.js'
import { Digest } from '../../data/table/digest.js'
import { describe, InputError } from '../../errors.js'
import { rangeFrom } from './range.js'
import type { RowLayout } from './row-layout.js'
import type { TokenStream } from './token-store.js'

export interface WindowParts {
  name: string
  split: SplitName
  context: number
  tokens: TokenStream
  /** The examples, rows of a context. */
  rows: RowLayout
  /** Whether documents are kept apart: the field `begins` then says where the document of each token begins. */
  apart: boolean
  /** How the rows were made, for the digest. */
  made: string
  /** Ids below are of the training part, in places of its text; the others of the validation part. */
  border: number
  decode(ids: ArrayLike<number>): string
  described(): object
  /** Of all that the windows are taken of. */
  digest(): string
}

/**
 * Windows of a sequence of tokens, or documents whole in rows. Nothing is copied: an example is a place in the tokens.
 *
 * x and y are int32 [context]. Where documents are kept apart there is the field `begins` beside them, int32 [context]: the
 * place of the window at which the document of each token begins; and y is -1 where the next token is of another document, or none.
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
    const { name, split, context, tokens, rows, border, apart } = parts
    this.#parts = parts
    this.name = name
    this.split = split
    this.context = context
    this.tokens = tokens
    this.length = rows.length
    this.#first = split === 'train' ? 0 : border
    this.ids = rangeFrom(this.#first, this.length)
    this.x = { shape: [context], dtype: 'int32' as const }
    this.y = { shape: [context], dtype: 'int32' as const }
    if (apart) this.fields = { begins: { shape: [context], dtype: 'int32' } }
  }

  readonly described = (): object => this.#parts.described()

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
      const own = (of: Int32Array) => of.subarray(row * context, (row + 1) * context)
      this.#read(positions[row]!, own(x), own(y), begins && own(begins))
      ids[row] = this.#first + positions[row]!
    }
    const tensor = (of: Int32Array) => tf.tensor2d(of, [rows, context], 'int32')
    return { x: tensor(x), y: tensor(y), ...(begins && { begins: tensor(begins) }), ids }
  }

  readonly valuesAt = (position: number): { x: Int32Array; y: Int32Array; begins?: Int32Array } => {
    const values = () => new Int32Array(this.context)
    const [x, y] = [values(), values()]
    const begins = this.fields && values()
    this.#read(position, x, y, begins)
    return { x, y, ...(begins && { begins }) }
  }

  /**
   * The text of one window, and that of the token behind it.
   *
   * @example validation.textAt(0).x
   */
  readonly textAt = (position: number): { x: string; y: string } => {
    const [x, y] = [new Int32Array(this.context), new Int32Array(this.context)]
    this.#read(position, x, y)
    // Without what fills a row up behind its last document.
    const end = y.findLastIndex((id) => id >= 0) + 1
    return { x: this.#parts.decode(x.subarray(0, end)), y: this.#parts.decode(y.subarray(end - 1, end)) }
  }

  /** The text of one token. */
  readonly tokenText = (id: number): string => this.#parts.decode([id])

  readonly digest = (): string =>
    (this.#digest ??= new Digest()
      .text(`windows ${this.context} ${this.#parts.made}`)
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

  #read(position: number, x: Int32Array, y: Int32Array, begins?: Int32Array): void {
    if (Number.isInteger(position) && position >= 0 && position < this.length)
      return this.#parts.rows.read(position, x, y, begins)
    throw new InputError({
      where: `${this.name} (${this.split})`,
      received: `the position ${describe(position)}`,
      expected: `a whole number from 0 to ${this.length - 1}`,
    })
  }
}
