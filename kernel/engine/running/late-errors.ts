/** Errors that come when nobody waits for them: from an interval they come for ever. The first are told, then ever fewer. */
import type { Cause } from '../../port.js'

interface Told {
  count: number
  /** Not told since the last one that was. */
  skipped: number
  /** Until then none is told. */
  until: number
  /** Milliseconds between two that are told. */
  pause: number
}

/** What one cell tells without a pause. */
const first = 10
const pause = { least: 1_000, most: 60_000 }
/** Cells that are remembered. */
const most = 1_000

export class LateErrors {
  readonly #told = new Map<Cause, Told>()
  readonly #now: () => number

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** What to add to the report of an error of this cell: lines, none at first; `undefined` where it is not to be told. */
  admit(cause: Cause): string[] | undefined {
    const told = this.#told.get(cause) ?? { count: 0, skipped: 0, until: 0, pause: pause.least }
    this.#told.set(cause, told)
    if (this.#told.size > most) this.#told.delete(this.#told.keys().next().value!)
    const now = this.#now()
    if (now < told.until) {
      told.skipped++
      return undefined
    }
    told.count++
    if (told.count < first) return []
    // Where they have become rare by themselves they are told as they come.
    told.pause = told.skipped === 0 && told.count > first ? pause.least : Math.min(told.pause * 2, pause.most)
    told.until = now + told.pause
    const { skipped } = told
    told.skipped = 0
    const more = skipped > 0 ? `${skipped} more ${skipped === 1 ? 'error' : 'errors'} came before it. ` : ''
    return ['', `${more}Further errors that this cell leaves behind are shown ever less often.`]
  }
}
