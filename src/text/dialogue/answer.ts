import type { ChatTurn, ChatView } from '../../views.js'
import type { TokenLosses } from '../generation/token-losses.js'
import type { AnswerEnd, Turn } from './tree.js'

/** What an answer takes of its conversation. */
interface Talk {
  readonly live: boolean
  /** From the first turn to the one before this. */
  before(turn: Turn): readonly Turn[]
  tokens(id?: number): Promise<TokenLosses>
}

/** An answer of a conversation. */
export class Answer implements ChatView {
  readonly kind = 'chat'
  readonly #talk: Talk
  readonly turn: Turn

  constructor(talk: Talk, turn: Turn) {
    this.#talk = talk
    this.turn = turn
  }

  /** What was said. */
  get text(): string {
    return this.turn.content
  }
  /** How it ended: 'turn' by itself, 'tokens' at the most that it may have, 'stopped' by Stop. */
  get end(): AnswerEnd {
    return this.turn.end!
  }
  /** How many turns had no room in the context any more when it was written. */
  get left(): number {
    return this.turn.left ?? 0
  }
  /** Whether it is being written. */
  get live(): boolean {
    return this.#talk.live
  }
  /** The question and this answer. */
  get turns(): readonly ChatTurn[] {
    return [...this.#talk.before(this.turn).slice(-1), this.turn]
  }

  /** Its tokens, with their losses and the best guesses in their places. */
  tokens(): Promise<TokenLosses> {
    return this.#talk.tokens(this.turn.id)
  }

  /** The same where it stands under the cell already, and shall not be shown again as its result. */
  asShown(): this {
    return Object.defineProperty(this, Symbol.for('Jupyter.display'), { value: () => ({}) })
  }

  toString(): string {
    return this.text
  }
  toJSON(): string {
    return this.text
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.text
  }
}
