/**
 * Stop: first asked, then waited for no longer, then ended.
 *
 *  0 ms    the abort signal of the cell and the flag in shared memory are raised: a training run ends at its iteration
 *  300 ms  a main thread that answers within 250 is merely waiting for something: the cell is abandoned and its timers are dead.
 *          One that does not answer is in a loop: its JavaScript is terminated. A child process it waits for is ended.
 *  800 ms  still nothing: it is in a native call, which nothing can end; the user is told that Stop waits for it
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { endingsOf, Shared, type Cause, type ToMain } from '../../port.js'
import { terminateMainThread } from '../../termination/terminate.js'
import type { Wire } from '../../wire/index.js'
import type { Debugging } from '../debug.js'
import type { Handler } from '../handler.js'
import type { Questions } from '../questions.js'
import type { Causes } from './causes.js'
import { endBlockingChildren } from './child-processes.js'
import type { RunningCell } from './queue.js'
import type { Subshells } from './subshells.js'

const graceful = 300
/** A loaded machine takes its time: a thread that only waits must not be taken for one that loops. */
const answersWithin = 250
const toldAfter = 800
/** Every iteration reads the flag; one that takes longer than this does not see it. */
const seenWithin = 2_000

const never = new Promise<never>(() => {})

interface Uses {
  wire: Wire
  log(line: string): void
  /** To the main thread. */
  post(message: ToMain): void
  shared: Int32Array
  causes: Causes
  subshells: Subshells
  questions: Questions
  debugging: Debugging
}

export class Stopper {
  readonly #uses: Uses
  #stopping: Promise<void> | undefined
  /** Cells for which Stop was pressed while one was under way. */
  #next: RunningCell[] = []
  #onAbandoned = (): void => {}

  constructor(uses: Uses) {
    this.#uses = uses
  }

  /** Resolves when no Stop is under way: the next cell must not be hit by it. */
  async settled(): Promise<void> {
    while (this.#stopping) await this.#stopping
  }

  /** Stops what runs and aborts the cells that wait. */
  stop(): void {
    const { subshells } = this.#uses
    for (const queue of subshells.queues) queue.abortWaiting()
    this.#begin(subshells.running)
  }

  #begin(cells: RunningCell[]): void {
    // One Stop at a time. Cells that run by now are this one's, or the next one's.
    if (this.#stopping) {
      this.#next = cells
      return
    }
    this.#stopping = (cells.length > 0 ? this.#stopCells(cells) : this.#stopBackground())
      .catch((error: unknown) => this.#uses.log(`Stop failed: ${(error as Error).stack}`))
      .finally(() => {
        this.#stopping = undefined
        endingsOf(this.#uses.shared).fill(0)
        Atomics.store(this.#uses.shared, Shared.breaking, 0)
        this.#lowerSoon()
        const running = new Set(this.#uses.subshells.running)
        const left = this.#next.filter((cell) => running.has(cell))
        this.#next = []
        if (left.length > 0) this.#begin(left)
      })
  }

  async #stopCells(cells: RunningCell[]): Promise<void> {
    const { questions } = this.#uses
    for (const cell of cells) if (!cell.onMainThread) finish(cell)
    const waiting = new Set(cells.filter(({ onMainThread }) => onMainThread))
    if (waiting.size === 0) return
    for (const cell of waiting) void cell.finished.then(() => waiting.delete(cell))
    const causes = [...waiting].map(({ cause }) => cause)
    await this.#end(
      causes,
      () => waiting.size === 0,
      Promise.all([...waiting].map(({ finished }) => finished)),
    )
    for (const cell of waiting) {
      questions.giveUp(cell.cause)
      finish(cell)
    }
  }

  /** No cell runs; but a timer of an earlier one may loop, or train beside. */
  async #stopBackground(): Promise<void> {
    const { latest } = this.#uses.subshells.main
    const began = performance.now()
    this.#raise([latest])
    if (!(await this.#abandonOrBreak([latest], graceful)))
      await this.#terminate([latest], () => false, never, began)
  }

  /** Says to the main thread that Stop was pressed: by the abort signals, and by the flag that a loop can read. */
  #raise(causes: Cause[]): void {
    const { shared, post } = this.#uses
    Atomics.store(shared, Shared.interrupted, 1)
    for (const cause of causes) post({ type: 'stop', cause })
  }

  /** The next cell begins with the flag down, and so does what a widget or a panel starts later. */
  #lowerSoon(): void {
    const { subshells, shared } = this.#uses
    const { latest } = subshells.main
    setTimeout(() => {
      if (subshells.main.latest === latest && !this.#stopping) Atomics.store(shared, Shared.interrupted, 0)
    }, seenWithin).unref()
  }

  /** Ends the main thread's work for these causes, unless it `isOver` before it must be ended. */
  async #end(causes: Cause[], isOver: () => boolean, over: Promise<unknown>): Promise<void> {
    const began = performance.now()
    this.#raise(causes)
    await Promise.race([over, sleep(graceful)])
    if (isOver() || (await this.#abandonOrBreak(causes, answersWithin)) || isOver()) return
    await this.#terminate(causes, isOver, over, began)
  }

  async #terminate(
    causes: Cause[],
    isOver: () => boolean,
    over: Promise<unknown>,
    began: number,
  ): Promise<void> {
    const { questions, debugging } = this.#uses
    await debugging.letGo()
    const told = setTimeout(() => this.#tell(causes[0]!), toldAfter - (performance.now() - began))
    // Asked for first: what the thread waited for may be over at once, and then it must not go on.
    let termination = terminateMainThread()
    endBlockingChildren()
    for (const cause of causes) questions.giveUp(cause)
    for (;;) {
      await Promise.race([termination.ended, over])
      clearTimeout(told)
      if ((await this.#abandon(causes, 600, { terminated: true })) || isOver()) break
      // What is ended in a microtask may go on with the next one.
      termination.close()
      termination = terminateMainThread()
    }
    termination.close()
    await debugging.takeBack()
  }

  #tell(cause: Cause): void {
    const { wire, causes } = this.#uses
    const text = 'Stop waits for a native call to return; the cell ends as soon as it does.\n'
    wire.stream(causes.messageOf(cause)?.header ?? {}, 'stderr', text)
  }

  /** Tells the main thread to wait no longer for these. Resolves to whether it answered within `wait` milliseconds. */
  async #abandon(causes: Cause[], wait: number, { terminated = false } = {}): Promise<boolean> {
    const answered = new Promise<true>((resolve) => (this.#onAbandoned = () => resolve(true)))
    const { shared, post } = this.#uses
    endingsOf(shared).set(causes.slice(0, endingsOf(shared).length))
    post({ type: 'abandon', causes, terminated })
    const result = await Promise.race([answered, sleep(wait, false as const)])
    this.#onAbandoned = () => {}
    return result
  }

  /** The same; a loop of callbacks, of which none takes long, is broken on the way: none of them is called any more. */
  async #abandonOrBreak(causes: Cause[], wait: number): Promise<boolean> {
    const { shared } = this.#uses
    const breaking = setTimeout(() => Atomics.store(shared, Shared.breaking, 1), wait / 2)
    const result = await this.#abandon(causes, wait)
    clearTimeout(breaking)
    return result
  }

  /** The main thread's answer. */
  abandoned(): void {
    this.#onAbandoned()
  }
}

function finish(cell: RunningCell): void {
  const evalue = 'The cell was stopped. Everything it had done by then is kept.'
  const problem = { ename: 'Interrupted', evalue, traceback: [`Interrupted: ${evalue}`] }
  cell.finish({ status: 'error', problem })
}

export const onInterrupt =
  (stopper: Stopper): Handler =>
  () => {
    stopper.stop()
    return { status: 'ok' }
  }
