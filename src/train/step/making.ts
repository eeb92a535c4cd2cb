import { markEngine } from '../../backend/tfjs/unwind.js'
import { during, temporary } from '../../settle.js'
import type { Core } from '../state/core.js'

/**
 * An iteration that is being made. Ended in the middle, or by an error, it has not happened: unless it was about to be written
 * down already, then that is finished.
 */
export class Making {
  /** What takes back the change that a compiled step has made. */
  takeBack: (() => void) | undefined
  readonly #core: Core
  readonly #cursor: ReturnType<Core['state']['order']['state']>
  readonly #call: object | undefined
  readonly #at: number
  readonly #endScopes = markEngine()
  #isMade = false

  constructor(core: Core) {
    this.#core = core
    this.#cursor = core.state.order.state()
    this.#call = core.owner
    this.#at = core.state.iteration
  }

  during<T>(work: () => T): T {
    return during((left) => this.#end(left), work)
  }

  #end(left: boolean): void {
    this.#endScopes()
    if (this.#isMade) return
    this.takeBack?.()
    this.#core.state.order.restore(this.#cursor)
    if (left) this.#core.left = this.#call
  }

  /** Within `during`: writes the iteration down, or several. `write` may be ended in the middle and called again. */
  finish(write: () => void, iterations = 1): void {
    temporary(() => {
      if (this.#core.state.iteration < this.#at + iterations) write()
      this.#isMade = true
    })()
  }
}
