/**
 * Subshells: more queues of cells beside the main one. Their cells share the one main thread, so they take turns where one
 * awaits; what they are good for is that nobody waits for a long cell that awaits.
 */
import { randomUUID } from 'node:crypto'
import type { Cause, Problem } from '../../port.js'
import type { Handler } from '../handler.js'
import { CellQueue, type RunningCell } from './queue.js'

export class Subshells {
  readonly main = new CellQueue()
  readonly #byId = new Map<string, CellQueue>()
  #count = 0

  /** The number of the last cell that was counted, through all queues. */
  get count(): number {
    return this.#count
  }

  /** The number of one more cell. */
  countCell(): number {
    return ++this.#count
  }

  create(): string {
    const id = randomUUID()
    this.#byId.set(id, new CellQueue())
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
  find(id: unknown): CellQueue | undefined {
    return typeof id === 'string' && id !== '' ? this.#byId.get(id) : this.main
  }

  get queues(): CellQueue[] {
    return [this.main, ...this.#byId.values()]
  }

  /** All cells that run; the main queue's first. */
  get running(): RunningCell[] {
    return this.queues.flatMap(({ running }) => running ?? [])
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

export const onCreateSubshell =
  (subshells: Subshells): Handler =>
  () => ({ status: 'ok', subshell_id: subshells.create() })

export const onListSubshell =
  (subshells: Subshells): Handler =>
  () => ({ status: 'ok', subshell_id: subshells.ids })

export const onDeleteSubshell =
  (subshells: Subshells): Handler =>
  ({ message }) => {
    const id = message.content.subshell_id as unknown
    if (typeof id === 'string' && subshells.delete(id)) return { status: 'ok' }
    return { status: 'error', ...noSuchSubshell(id) }
  }
