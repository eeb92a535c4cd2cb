/** Cells in the order in which they came: those that wait, and the one that runs. */
import type { Cause, Outcome } from '../../port.js'
import type { Message } from '../../wire/index.js'

interface WaitingCell {
  message: Message
  /** Stop or a failed cell came after it was queued: it does not run. */
  aborted: boolean
}

export interface RunningCell {
  readonly cause: Cause
  readonly message: Message
  /** Whether the main thread has it; before that it is being checked. */
  onMainThread: boolean
  /** Ends the cell, once: who comes second (the cell itself, or Stop) is not heard. */
  finish(outcome: Outcome): void
  readonly finished: Promise<Outcome>
}

export class CellQueue {
  readonly #waiting: WaitingCell[] = []
  readonly #waitingForRest: (() => void)[] = []
  #isBusy = false
  running: RunningCell | undefined
  /** The cell that ran last. */
  latest: Cause = 0

  /** Whether a cell runs or waits to run. */
  get isBusy(): boolean {
    return this.#isBusy
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  add(message: Message): void {
    this.#waiting.push({ message, aborted: false })
  }

  /** Takes out the cell that came first. */
  take(): WaitingCell {
    return this.#waiting.shift()!
  }

  /** What waits now will be answered 'aborted'; what comes later runs. */
  abortWaiting(): void {
    for (const waiting of this.#waiting) waiting.aborted = true
  }

  /** From now on somebody works on it. */
  wake(): void {
    this.#isBusy = true
  }

  /** All its cells have been answered. */
  rest(): void {
    this.#isBusy = false
    for (const resolve of this.#waitingForRest.splice(0)) resolve()
  }

  /** Resolves when all its cells have been answered. */
  untilRest(): Promise<void> {
    return this.#isBusy ? new Promise((resolve) => this.#waitingForRest.push(resolve)) : Promise.resolve()
  }

  begin(cause: Cause, message: Message): RunningCell {
    let finish!: (outcome: Outcome) => void
    const finished = new Promise<Outcome>((resolve) => (finish = resolve))
    const cell: RunningCell = { cause, message, onMainThread: false, finish, finished }
    this.running = cell
    this.latest = cause
    return cell
  }
}
