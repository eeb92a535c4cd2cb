/**
 * Stop: first asked, then waited for no longer, then ended.
 *
 *  0 ms    the abort signal of the cell and the flag in shared memory are raised: a training run ends at its iteration
 *  300 ms  a main thread that answers is merely waiting for something: the cell is abandoned and its timers are dead.
 *          One that does not answer is in a loop: its JavaScript is terminated. A child process it waits for is ended.
 *  700 ms  still nothing: it is in a native call, which nothing can end; the user is told that Stop waits for it
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Shared, type Cause } from '../port.js'
import { endBlockingChildren } from './children.js'
import type { RunningCell } from './execute.js'
import type { Handler, Kernel } from './kernel.js'
import { terminateMainThread } from './terminate.js'

const graceful = 300
const answersWithin = 60
const toldAfter = 700

export class Stopper {
  readonly #kernel: Kernel
  #stopping: Promise<void> | undefined
  readonly #abandoned = new Map<Cause, () => void>()

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /** Resolves when no Stop is under way: the next cell must not be hit by it. */
  async settled(): Promise<void> {
    await this.#stopping
  }

  /** Stops the running cell and aborts the ones that wait. */
  stop(): void {
    const { executor, log } = this.#kernel
    executor.abortQueued()
    const cell = executor.running
    if (!cell || this.#stopping) return
    this.#stopping = this.#stop(cell)
      .catch((error: unknown) => log(`Stop failed: ${(error as Error).stack}`))
      .finally(() => (this.#stopping = undefined))
  }

  async #stop(cell: RunningCell): Promise<void> {
    const { shared, post, questions, wire, causes } = this.#kernel
    if (!cell.onMainThread) return finish(cell)
    const began = performance.now()
    Atomics.store(shared, Shared.interrupted, 1)
    Atomics.notify(shared, Shared.backlog)
    let ended = false
    void cell.finished.then(() => (ended = true))
    post({ type: 'stop', cause: cell.cause })
    await Promise.race([cell.finished, sleep(graceful)])
    if (ended) return
    if (!(await this.#abandon(cell.cause, answersWithin)) && !ended) {
      await this.#kernel.debugging.letGo()
      const told = setTimeout(
        () => {
          const parent = causes.messageOf(cell.cause)?.header ?? {}
          wire.stream(
            parent,
            'stderr',
            'Stop waits for a native call to return; the cell ends as soon as it does.\n',
          )
        },
        Math.max(0, began + toldAfter - performance.now()),
      )
      const termination = terminateMainThread()
      endBlockingChildren()
      questions.giveUp(cell.cause)
      await termination.ended
      clearTimeout(told)
      while (!(await this.#abandon(cell.cause, 1_000)) && !ended);
      termination.close()
      await this.#kernel.debugging.takeBack()
    }
    questions.giveUp(cell.cause)
    finish(cell)
  }

  /** Tells the main thread to wait no longer for the cell. Resolves to whether it answered within `wait` milliseconds. */
  async #abandon(cause: Cause, wait: number): Promise<boolean> {
    const answered = new Promise<true>((resolve) => this.#abandoned.set(cause, () => resolve(true)))
    this.#kernel.post({ type: 'abandon', cause })
    const result = await Promise.race([answered, sleep(wait, false as const)])
    this.#abandoned.delete(cause)
    return result
  }

  abandoned(cause: Cause): void {
    this.#abandoned.get(cause)?.()
  }
}

function finish(cell: RunningCell): void {
  const evalue = 'The cell was stopped. Everything it had done by then is kept.'
  const problem = { ename: 'Interrupted', evalue, traceback: [`Interrupted: ${evalue}`] }
  cell.finish({ status: 'error', problem })
}

export const onInterrupt: Handler = (_, { stopper }) => {
  stopper.stop()
  return { status: 'ok' }
}
