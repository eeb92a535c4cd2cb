import * as tf from '@tensorflow/tfjs'
import type { Dataset, Examples, SplitName } from '../../data/dataset.js'
import { Digest } from '../../data/digest.js'
import { describe, InputError } from '../../errors.js'
import { named } from '../../suggest.js'
import { checkText, type Tokenizer } from '../tokenizers/tokenizer.js'

export interface WindowsOptions {
  /** Tokens of one example. Required. `context: 64` */
  context: number
  /** The share of the text, from its start, that is trained on; the rest is validation. Default: 0.9. `split: 0.95` */
  split?: number
  /** What the data is called in messages and on charts. Default: 'text'. `name: 'shakespeare'` */
  name?: string
}

/** Windows of a text: x and y int32 [context], y the token behind each of x. */
export interface Windows {
  /** Every window of its part, one for each place that one can begin at. */
  train: WindowDataset
  /** The windows of the last part that do not overlap, all of them. */
  validation: WindowDataset
}

/**
 * A text as examples of "what comes next": the first part of it to train on, in every window that it has (a run draws them
 * in seeded random order), the last part to evaluate on, in windows that do not overlap. No token is in both.
 *
 * @throws InputError where a part has not one whole window.
 * @example
 * const text = 'to be or not to be that is the question '.repeat(20), tokenizer = charTokenizer(text)
 * const { train: trainSet, validation } = windows(text, tokenizer, { context: 16, split: 0.9 })
 */
export function windows(text: string, tokenizer: Tokenizer, options: WindowsOptions): Windows {
  const where = 'windows(text, tokenizer, options)'
  checkText(text, where)
  if (typeof tokenizer?.encode !== 'function')
    throw new InputError({
      where,
      received: `${describe(tokenizer)} as tokenizer`,
      expected: 'a tokenizer',
      fix: 'windows(text, charTokenizer(text), { context: 64 }).',
    })
  const { context, split = 0.9, name = 'text' } = named(options, ['context', 'split', 'name'], where)
  if (!Number.isInteger(context) || context < 1)
    throw new InputError({
      where: `${where}: context`,
      received: describe(context),
      expected: 'a whole number of tokens, at least 1',
    })
  if (!(split > 0 && split < 1))
    throw new InputError({
      where: `${where}: split`,
      received: describe(split),
      expected: 'the share to train on, between 0 and 1',
    })
  const at = borderOf(text, split)
  const parts = { train: tokenizer.encode(text.slice(0, at)), validation: tokenizer.encode(text.slice(at)) }
  for (const [part, tokens] of Object.entries(parts))
    if (tokens.length < context + 1)
      throw new InputError({
        where,
        received: `${tokens.length} tokens in the part for ${part === 'train' ? 'training' : 'validation'}`,
        expected: `at least ${context + 1}: a window of ${context} and the token behind it`,
        fix: 'Give a longer text, a smaller context, or another split.',
      })
  const places = { train: parts.train.length - context }
  const decode = (ids: ArrayLike<number>) => tokenizer.decode(ids)
  const both = { name, context, decode, border: places.train }
  return {
    train: new WindowDataset({ ...both, split: 'train', tokens: parts.train, step: 1 }),
    validation: new WindowDataset({ ...both, split: 'validation', tokens: parts.validation, step: context }),
  }
}

/** Where the text is cut: never within a character. */
function borderOf(text: string, share: number): number {
  const at = Math.floor(text.length * share)
  const code = text.charCodeAt(at)
  return code >= 0xdc00 && code <= 0xdfff ? at + 1 : at
}

interface WindowParts {
  name: string
  split: SplitName
  context: number
  tokens: Int32Array
  /** From the start of one window to that of the next. */
  step: number
  /** Ids below are of the training part, in places of its text; the others of the validation part. */
  border: number
  decode(ids: ArrayLike<number>): string
}

/** Windows of a sequence of tokens. Nothing is copied: a window is a place in it. */
export class WindowDataset implements Dataset {
  readonly name: string
  readonly split: SplitName
  readonly length: number
  readonly context: number
  readonly tokens: Int32Array
  readonly x
  readonly y
  readonly ids: Int32Array
  readonly #parts: WindowParts
  readonly #first: number
  #digest: string | undefined

  constructor(parts: WindowParts) {
    const { name, split, context, tokens, step, border } = parts
    this.#parts = parts
    this.name = name
    this.split = split
    this.context = context
    this.tokens = tokens
    this.length = Math.floor((tokens.length - 1 - context) / step) + 1
    this.#first = split === 'train' ? 0 : border
    this.ids = Int32Array.from({ length: this.length }, (_, position) => this.#first + position)
    this.x = { shape: [context], dtype: 'int32' as const }
    this.y = { shape: [context], dtype: 'int32' as const }
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

  readonly at = (positions: ArrayLike<number>): Examples => {
    const { context, tokens } = this
    const x = new Int32Array(positions.length * context)
    const y = new Int32Array(positions.length * context)
    const ids: number[] = Array.from({ length: positions.length })
    for (let row = 0; row < positions.length; row++) {
      const start = this.#startOf(positions[row]!)
      x.set(tokens.subarray(start, start + context), row * context)
      y.set(tokens.subarray(start + 1, start + 1 + context), row * context)
      ids[row] = this.ids[positions[row]!]!
    }
    const shape: [number, number] = [positions.length, context]
    return { x: tf.tensor2d(x, shape, 'int32'), y: tf.tensor2d(y, shape, 'int32'), ids }
  }

  readonly valuesAt = (position: number) => {
    const start = this.#startOf(position)
    const { context, tokens } = this
    return {
      x: tokens.subarray(start, start + context),
      y: tokens.subarray(start + 1, start + 1 + context),
    }
  }

  /**
   * The text of one window, and that of the token behind it.
   *
   * @example validation.textAt(0).x
   */
  readonly textAt = (position: number): { x: string; y: string } => {
    const { x, y } = this.valuesAt(position)
    return { x: this.#parts.decode(x), y: this.#parts.decode(y.subarray(-1)) }
  }

  /** The text of one token. */
  readonly tokenText = (id: number): string => this.#parts.decode([id])

  readonly digest = (): string =>
    (this.#digest ??= new Digest()
      .text(`windows ${this.context} ${this.#parts.step}`)
      .numbers(this.tokens)
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
