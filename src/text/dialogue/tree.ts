import { describe, InputError } from '../../errors.js'
import type { ChatMessage } from '../chat/template.js'

/** How an answer ended: by the model itself, at the most tokens it may write, or by Stop; `written` by a person. */
export type AnswerEnd = 'turn' | 'tokens' | 'stopped' | 'written'

/** One turn of a conversation. Turns are a tree: beside each may stand others that answer the same. */
export interface Turn {
  readonly id: number
  readonly role: 'user' | 'assistant' | (string & {})
  readonly content: string
  /** The turn before it; undefined for a first one. */
  readonly parent: number | undefined
  /** Of an answer. */
  readonly end?: AnswerEnd
  /** Of an answer: how many turns before it were left out, since they had no room in the context. */
  readonly left?: number
  /** What a person said of it. */
  readonly rating?: 'up' | 'down'
  /** Where several stand beside it: which one it is, of how many. */
  readonly branch?: readonly [number, number] | undefined
}

type Mutable<T> = { -readonly [name in keyof T]: T[name] }
type Own = Mutable<Omit<Turn, 'branch'>>

/** A turn that knows how many stand beside it. */
class Node implements Own {
  id: number
  role: string
  content: string
  parent: number | undefined
  end?: AnswerEnd
  left?: number
  rating?: 'up' | 'down'
  readonly #tree: TurnTree

  constructor(tree: TurnTree, id: number, turn: Omit<Turn, 'id'>) {
    this.#tree = tree
    this.id = id
    this.role = turn.role
    this.content = turn.content
    this.parent = turn.parent
    if (turn.end) this.end = turn.end
    if (turn.left) this.left = turn.left
  }

  get branch(): readonly [number, number] | undefined {
    const beside = this.#tree.beside(this)
    const place = beside.indexOf(this) + 1
    return place > 0 && beside.length > 1 ? [place, beside.length] : undefined
  }
}

/** The turns of a conversation and of all that it could have been, and the line that stands now. */
export class TurnTree {
  readonly #turns: Node[] = []
  /** The last turn of the line that stands; undefined before the first. */
  leaf: number | undefined

  get all(): readonly Turn[] {
    return this.#turns
  }

  add(turn: Omit<Turn, 'id'>): Own {
    const own = new Node(this, this.#turns.length, turn)
    this.#turns.push(own)
    return own
  }

  /** Takes the newest turn away, and goes back to the one before it. Its id, which the next one gets, is then of none. */
  drop(turn: Own): void {
    if (this.#turns.at(-1) !== turn) return
    this.#turns.pop()
    this.leaf = turn.parent
    turn.id = -1
  }

  /** A turn by its id. */
  at(id: number, where: string): Own {
    const turn = this.#turns[id]
    if (turn) return turn
    throw new InputError({
      where,
      received: `${describe(id)} as a turn`,
      expected: this.#turns.length === 0 ? 'a conversation that has begun' : `0 to ${this.#turns.length - 1}`,
      fix: 'chat.turns lists the turns of the line that stands, with their ids.',
    })
  }

  /** From the first turn to this one. */
  lineTo(id: number | undefined): Own[] {
    const line: Own[] = []
    for (let turn = id === undefined ? undefined : this.#turns[id]; turn;) {
      line.push(turn)
      turn = turn.parent === undefined ? undefined : this.#turns[turn.parent]
    }
    return line.reverse()
  }

  /** Turns that stand beside this one, itself among them, in the order in which they came. */
  beside({ parent, role }: Turn): readonly Turn[] {
    return this.#turns.filter((other) => other.parent === parent && other.role === role)
  }

  /** The end of the newest line through this turn. */
  newestFrom(id: number): number {
    let at = id
    for (;;) {
      const next = this.#turns.findLast(({ parent }) => parent === at)
      if (!next) return at
      at = next.id
    }
  }
}

export const messageOf = ({ role, content }: Turn): ChatMessage => ({ role, content })
