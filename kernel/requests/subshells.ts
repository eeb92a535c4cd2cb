/**
 * Subshells: more queues of cells beside the main one. Their cells share the one main thread, so they take turns where one
 * awaits; what they are good for is that nobody waits for a long cell that awaits.
 */
import { randomUUID } from 'node:crypto'
import type { Cause, Problem } from '../port.js'
import { Executor, type RunningCell } from './execute.js'
import type { Handler, Kernel } from './kernel.js'

export class Subshells {
  readonly #kernel: Kernel
  readonly #main: Executor
  readonly #byId = new Map<string, Executor>()

  constructor(kernel: Kernel, main: Executor) {
    this.#kernel = kernel
    this.#main = main
  }

  create(): string {
    const id = randomUUID()
    this.#byId.set(id, new Executor(this.#kernel, this.#main))
    return id
  }

  /** Its cells that run or wait are still answered. */
  delete(id: string): boolean {
    return this.#byId.delete(id)
  }

  get ids(): string[] {
    return [...this.#byId.keys()]
  }

  /** The queue that a request names: the main one when it names none, `undefined` when that one is not there. */
  find(id: unknown): Executor | undefined {
    return typeof id === 'string' && id !== '' ? this.#byId.get(id) : this.#main
  }

  get executors(): Executor[] {
    return [this.#main, ...this.#byId.values()]
  }

  /** All cells that run; the main queue's first. */
  get running(): RunningCell[] {
    return this.executors.flatMap(({ running }) => running ?? [])
  }

  runningCell(cause: Cause): RunningCell | undefined {
    return this.running.find((cell) => cell.cause === cause)
  }
}

/** What is wrong with a request that names a subshell which is not there. */
export function noSuchSubshell(id: unknown): Problem {
  const evalue = `subshell_id: received ${JSON.stringify(id)}, expected one that create_subshell_request gave`
  return { ename: 'NoSuchSubshell', evalue, traceback: [`NoSuchSubshell: ${evalue}`] }
}

export const onCreateSubshell: Handler = (_, { subshells }) => ({
  status: 'ok',
  subshell_id: subshells.create(),
})

export const onListSubshell: Handler = (_, { subshells }) => ({ status: 'ok', subshell_id: subshells.ids })

export const onDeleteSubshell: Handler = ({ message }, { subshells }) => {
  const id = message.content.subshell_id as unknown
  if (typeof id === 'string' && subshells.delete(id)) return { status: 'ok' }
  return { status: 'error', ...noSuchSubshell(id) }
}
