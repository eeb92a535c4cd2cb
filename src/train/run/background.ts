import { Interrupted } from '../../errors.js'
import { maybeHost } from '../../host.js'
import { whileWaiting } from '../../settle.js'
import type { StretchView } from '../../views.js'

/** One piece of training in the background: goes on until `paused` is true, its iterations are spent, or a rule is met. */
export type Piece = (paused: () => boolean, iterations: number) => Promise<StretchView>

/** After Stop has ended JavaScript somewhere, a piece that gives no sign for so long, in milliseconds, was what it ended. */
export const silence = 1000

/** Training that no cell waits for: begins, pauses at a whole iteration, goes on. */
export class Background {
  readonly #piece: Piece
  readonly #iterationOf: () => number
  readonly #to: number
  readonly #onLost: () => void
  #paused = false
  /** The piece that is running, which counts its iterations: one that has not seen the pause yet simply goes on. */
  #going: { iterations: number } | undefined
  #over = false
  #error: unknown
  #running: Promise<StretchView | undefined>

  /** @param onLost called when Stop has ended the piece in the middle; training is paused then. */
  constructor(piece: Piece, iterations: number, iterationOf: () => number, onLost: () => void) {
    this.#piece = piece
    this.#iterationOf = iterationOf
    this.#to = iterationOf() + iterations
    this.#onLost = onLost
    this.#running = this.#begin()
  }

  #begin(): Promise<StretchView | undefined> {
    const mine = (this.#going = { iterations: 0 })
    let leave: (() => void) | undefined
    let isOver: (() => boolean) | undefined
    const lost = new Promise<undefined>((resolve) => {
      const lose = (): void => {
        if (this.#going !== mine) return
        this.#going = undefined
        this.#paused = true
        this.#onLost()
        resolve(undefined)
      }
      // Where the cell that began it is given up it will not wake up.
      isOver = whileWaiting(lose, maybeHost()?.interrupt)
      leave = maybeHost()?.onTermination?.(() => {
        const { iterations } = mine
        setTimeout(() => {
          if (mine.iterations === iterations) lose()
        }, silence)
      })
    })
    return Promise.race([this.#go(mine), lost]).finally(() => {
      leave?.()
      isOver!()
    })
  }

  async #go(mine: { iterations: number }): Promise<StretchView | undefined> {
    try {
      for (;;) {
        // What the piece has seen counts: `resume` may come between the pause and the whole iteration.
        let seen = false
        const paused = (): boolean => {
          mine.iterations++
          return (seen ||= this.#paused || this.#going !== mine)
        }
        const done = await this.#piece(paused, this.#to - this.#iterationOf())
        if (this.#going !== mine) return undefined
        if (!seen) this.#over = true
        if (!seen || this.#paused) return done
      }
    } catch (error) {
      if (this.#going !== mine) return undefined
      // Stop while only this trains pauses it; another error ends it, and is thrown where the run is next asked for.
      if (error instanceof Interrupted) this.#paused = true
      else {
        this.#over = true
        this.#error = error
      }
      return undefined
    } finally {
      if (this.#going === mine) this.#going = undefined
    }
  }

  get state(): 'training' | 'paused' | 'over' {
    return this.#over ? 'over' : this.#paused ? 'paused' : 'training'
  }

  /** Resolves when the run stands at a whole iteration. */
  async pause(): Promise<StretchView | undefined> {
    this.#paused = true
    const done = await this.#running
    this.#throw()
    return done
  }

  resume(): void {
    this.#throw()
    if (!this.#paused || this.#over) return
    this.#paused = false
    if (!this.#going) this.#running = this.#begin()
  }

  /** Resolves when it has ended by itself. */
  async ended(): Promise<StretchView | undefined> {
    const done = await this.#running
    this.#throw()
    return done
  }

  #throw(): void {
    const error = this.#error
    this.#error = undefined
    if (error !== undefined) throw error
  }
}
