import { Interrupted } from '../errors.js'
import type { StretchView } from '../views.js'

/** One piece of training in the background: goes on until `paused` is true, its iterations are spent, or a rule is met. */
export type Piece = (paused: () => boolean, iterations: number) => Promise<StretchView>

/** Training that no cell waits for: begins, pauses at a whole iteration, goes on. */
export class Background {
  #piece: Piece
  readonly #iterationOf: () => number
  readonly #to: number
  #paused = false
  /** Whether a piece is running: one that has not seen the pause yet simply goes on. */
  #busy = false
  #over = false
  #error: unknown
  #running: Promise<StretchView | undefined>

  constructor(piece: Piece, iterations: number, iterationOf: () => number) {
    this.#piece = piece
    this.#iterationOf = iterationOf
    this.#to = iterationOf() + iterations
    this.#running = this.#go()
  }

  async #go(): Promise<StretchView | undefined> {
    this.#busy = true
    try {
      for (;;) {
        // What the piece has seen counts: `resume` may come between the pause and the whole iteration.
        let seen = false
        const done = await this.#piece(() => (seen ||= this.#paused), this.#to - this.#iterationOf())
        if (!seen) this.#over = true
        if (!seen || this.#paused) return done
      }
    } catch (error) {
      // Stop while only this trains pauses it; another error ends it, and is thrown where the run is next asked for.
      if (error instanceof Interrupted) this.#paused = true
      else {
        this.#over = true
        this.#error = error
      }
      return undefined
    } finally {
      this.#busy = false
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
    if (!this.#busy) this.#running = this.#go()
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
