import * as tf from '@tensorflow/tfjs'
import type {
  Answered,
  CorrectedExample,
  Dataset,
  Examples,
  FieldSpec,
  SplitName,
} from '../../data/dataset.js'
import { Digest } from '../../data/table/digest.js'
import { describe, InputError } from '../../errors.js'
import { rangeFrom } from '../data/range.js'
import type { PackedRow } from '../data/pack.js'
import { withAnswer } from './better-answer.js'
import type { ConversationTokens } from './tokens.js'

/** A conversation with its tokens. */
export interface Encoded extends ConversationTokens {
  id: string | number
}

/** What the assistant says in one turn, in a row. */
export interface TurnPlace {
  /** The conversation's id. */
  readonly conversation: string | number
  /** The turn, by its place in the conversation. */
  readonly turn: number
  /** Places of the row whose next token is of this turn, and the first behind them. */
  readonly from: number
  readonly to: number
}

export interface ConversationParts {
  name: string
  split: SplitName
  context: number
  conversations: readonly Encoded[]
  rows: readonly PackedRow[]
  /** The most places of a row at which something is learned, over all splits. */
  learned: number
  /** Ids below are of the training part. */
  border: number
  /** Of all rows of both parts. */
  all: number
  decode(ids: ArrayLike<number>): string
  encode(text: string): ArrayLike<number>
  described(): object
  /** Tokens that end a turn are of these. */
  special: ReadonlySet<number>
  /** What stands where no conversation is. */
  filler: number
}

type Fields = 'begins' | 'learned'

/**
 * Conversations whole in rows. x and y are int32 [context]: y is the token behind each of x where the assistant says it, else -1. `begins`
 * is the place at which the conversation of each token begins, so that none looks at another. `learned`, int32 [places], are the places of
 * a row at which something is learned, filled up with -1: logits are computed there alone.
 */
export class ConversationDataset implements Dataset<Fields> {
  readonly name: string
  readonly split: SplitName
  readonly length: number
  readonly context: number
  readonly x
  readonly y
  readonly fields: { readonly [field in Fields]: FieldSpec }
  readonly ids: ArrayLike<number>
  /** Ids of its conversations, in the order of the source. */
  readonly conversations: readonly (string | number)[]
  /** Tokens of all of them, and how many are learned: what the assistant says, and what ends its turns. */
  readonly tokens: number
  readonly learnedTokens: number
  readonly #parts: ConversationParts
  readonly #first: number
  #digest: string | undefined

  constructor(parts: ConversationParts) {
    const { name, split, context, rows, border, conversations } = parts
    this.#parts = parts
    this.name = name
    this.split = split
    this.context = context
    this.length = rows.length
    this.#first = split === 'train' ? 0 : border
    this.ids = rangeFrom(this.#first, this.length)
    this.x = { shape: [context], dtype: 'int32' as const }
    this.y = { shape: [context], dtype: 'int32' as const }
    this.fields = {
      begins: { shape: [context], dtype: 'int32' },
      learned: { shape: [parts.learned], dtype: 'int32' },
    }
    this.conversations = conversations.map(({ id }) => id)
    this.tokens = conversations.reduce((sum, { ids }) => sum + Math.min(ids.length, context), 0)
    this.learnedTokens = conversations.reduce((sum, one) => sum + learnedWithin(one, context), 0)
  }

  readonly described = (): object => this.#parts.described()

  readonly positionOf = (id: number): number | undefined => {
    const position = id - this.#first
    return Number.isInteger(position) && position >= 0 && position < this.length ? position : undefined
  }

  readonly splitOf = (id: number): SplitName | undefined => {
    const { border, all } = this.#parts
    if (!Number.isInteger(id) || id < 0 || id >= all) return undefined
    return id < border ? 'train' : 'validation'
  }

  readonly at = (positions: ArrayLike<number>): Examples<Fields> => {
    const rows = positions.length
    const { context } = this
    const { learned: places } = this.#parts
    const [x, y, begins] = Array.from({ length: 3 }, () => new Int32Array(rows * context)) as [
      Int32Array,
      Int32Array,
      Int32Array,
    ]
    const learned = new Int32Array(rows * places)
    const ids: number[] = Array.from({ length: rows })
    for (let row = 0; row < rows; row++) {
      const one = this.valuesAt(positions[row]!)
      x.set(one.x, row * context)
      y.set(one.y, row * context)
      begins.set(one.begins, row * context)
      learned.set(one.learned, row * places)
      ids[row] = this.#first + positions[row]!
    }
    const tensor = (of: Int32Array) => tf.tensor2d(of, [rows, of.length / rows], 'int32')
    return { x: tensor(x), y: tensor(y), begins: tensor(begins), learned: tensor(learned), ids }
  }

  readonly valuesAt = (position: number) => this.#laidOut(this.#piecesOf(position))

  /**
   * A row in which the last turn of some of its conversations says something else: of that with the id, or of the only one of the row
   * with the id.
   */
  readonly corrected = (answers: readonly Answered[]): CorrectedExample => {
    const where = 'run.correct(id, answer)'
    const rows = new Set(answers.map(({ id }) => this.#rowOf(id, where)))
    const [position] = rows as Set<number>
    let pieces = this.#piecesOf(position!)
    let before = ''
    for (const { id, answer } of answers) {
      const at = typeof id === 'number' ? 0 : pieces.findIndex((piece) => piece.id === id)
      const found = withAnswer(pieces[at]!, this.#parts.encode(answer), this.#parts.special)
      before = this.#parts.decode(found.before)
      pieces = pieces.with(at, { ...pieces[at]!, ...found.tokens })
    }
    // What stands behind one that became longer moves on.
    let at = 0
    const moved = pieces.map((piece) => {
      const here = { ...piece, at }
      at += piece.ids.length
      return here
    })
    const learned = moved.reduce((sum, piece) => sum + learnedWithin(piece), 0)
    if (at > this.context || learned > this.#parts.learned)
      throw new InputError({
        where,
        received: `an answer with which the row has ${at} tokens, ${learned} of them learned`,
        expected: `at most ${this.context}, and ${this.#parts.learned} learned as in the other rows`,
        fix: 'Say it in fewer words, or make the data anew with it: run.stage({ data: conversations(…) }).',
      })
    return { id: this.ids[position!]!, values: this.#laidOut(moved), before }
  }

  /** The position of the row that an example or a conversation is. */
  #rowOf(id: number | string, where: string): number {
    const row = typeof id === 'number' ? id : this.idsOf(id)[0]!
    const position = this.positionOf(row)
    const pieces = position === undefined ? [] : this.#piecesOf(position)
    if (position !== undefined && (typeof id === 'string' || pieces.length === 1)) return position
    throw new InputError({
      where,
      received:
        position === undefined
          ? `the id ${describe(id)}`
          : `the row ${id}, which has ${pieces.length} conversations (${pieces.map((piece) => describe(piece.id)).join(', ')})`,
      expected: 'the id of one conversation, a text; or of a row that has one',
      fix: "conversations(…, { packing: 'none' }) has one in each row.",
    })
  }

  readonly #laidOut = (pieces: readonly (Encoded & { at: number })[]) => {
    const { context } = this
    const { filler, learned: places } = this.#parts
    const x = new Int32Array(context).fill(filler)
    const y = new Int32Array(context).fill(-1)
    const begins = new Int32Array(context)
    let end = 0
    for (const { ids, turns, at } of pieces) {
      const length = Math.min(ids.length, context - at)
      x.set(ids.subarray(0, length), at)
      begins.fill(at, at, at + length)
      for (let i = 0; i < length && i + 1 < ids.length; i++) if (turns[i + 1]! >= 0) y[at + i] = ids[i + 1]!
      end = at + length
    }
    begins.fill(end, end)
    const learned = new Int32Array(places).fill(-1)
    let count = 0
    for (let place = 0; place < context; place++) if (y[place]! >= 0) learned[count++] = place
    return { x, y, begins, learned }
  }

  /** What the assistant says in a row, turn by turn: whose the tokens are that a mistake shows. */
  readonly turnsAt = (position: number): TurnPlace[] => {
    const found: TurnPlace[] = []
    for (const { id, turns, at } of this.#piecesOf(position)) {
      const length = Math.min(turns.length, this.context - at + 1)
      for (let from = 1; from < length;) {
        const turn = turns[from]!
        let to = from + 1
        while (to < length && turns[to] === turn) to++
        if (turn >= 0) found.push({ conversation: id, turn, from: at + from - 1, to: at + to - 1 })
        from = to
      }
    }
    return found
  }

  /** The ids of the rows that have a conversation in them: what `run.exclude` takes. */
  readonly idsOf = (conversation: string | number): number[] => {
    const found = this.#parts.rows.flatMap((row, position) =>
      row.some(({ item }) => this.#parts.conversations[item]!.id === conversation)
        ? [this.#first + position]
        : [],
    )
    if (found.length > 0) return found
    throw new InputError({
      where: `${this.name} (${this.split})`,
      received: `the conversation ${describe(conversation)}`,
      expected: `one of its ${this.conversations.length}, by the id it came with or its place in the source`,
    })
  }

  /** The conversations of a row as text, and what of it is learned. */
  readonly textAt = (position: number): { x: string; y: string } => {
    const { x, y, begins } = this.valuesAt(position)
    const pieces = this.#piecesOf(position)
    const last = pieces.at(-1)!
    const end = Math.min(this.context, last.at + last.ids.length)
    return {
      x: this.#parts.decode(x.subarray(0, Math.max(end, begins[0]!))),
      y: this.#parts.decode(y.filter((id) => id >= 0)),
    }
  }

  /** The text of one token. */
  readonly tokenText = (id: number): string => this.#parts.decode([id])

  readonly digest = (): string => {
    if (this.#digest === undefined) {
      const digest = new Digest().text(`conversations ${this.context}`)
      for (const row of this.#parts.rows)
        for (const { item, at } of row) {
          const { ids, turns } = this.#parts.conversations[item]!
          digest.word(at).numbers(ids).numbers(turns)
        }
      this.#digest = digest.end()
    }
    return this.#digest
  }

  /** How it reads in a cell and in the console. */
  toString(): string {
    const count = (n: number) => n.toLocaleString('en')
    return `Dataset ${this.name} (${this.split}): ${count(this.conversations.length)} conversations in ${count(this.length)} rows of ${this.context} tokens, ${count(this.learnedTokens)} of ${count(this.tokens)} tokens learned`
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }

  #piecesOf(position: number): (Encoded & { at: number })[] {
    const row = this.#parts.rows[position]
    if (!row)
      throw new InputError({
        where: `${this.name} (${this.split})`,
        received: `the position ${describe(position)}`,
        expected: `a whole number from 0 to ${this.length - 1}`,
      })
    return row.map(({ item, at }) => ({ ...this.#parts.conversations[item]!, at }))
  }
}

/** How many tokens are learned of a conversation of which `context` tokens are read: the first is not, as nothing stands before it. */
export function learnedWithin({ turns }: ConversationTokens, context = Infinity): number {
  let count = 0
  for (let i = 1; i < turns.length && i <= context; i++) if (turns[i]! >= 0) count++
  return count
}
