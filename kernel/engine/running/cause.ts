/**
 * Which cell (or comm message) caused the code that runs now. It follows timers, promises and event listeners, so what
 * comes late still belongs to its cell.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { CellInfo } from '../../../src/host.js'
import type { Cause } from '../../port.js'

export interface Origin {
  cause: Cause
  /** Of the cell itself; a comm message has none. */
  cell?: CellInfo
  canAsk: boolean
  controller: AbortController
  /** Stopped by the user: what it still has pending shall not go on. */
  stopped: boolean
}

const storage = new AsyncLocalStorage<Origin>()
let latest: Origin = createOrigin(0)

export function createOrigin(cause: Cause, more: Partial<Origin> = {}): Origin {
  return { cause, canAsk: false, controller: new AbortController(), stopped: false, ...more }
}

/** Runs `body` as caused by `origin`, with all that it starts. */
export function runAs<Result>(origin: Origin, body: () => Result): Result {
  if (origin.cell) latest = origin
  return storage.run(origin, body)
}

/**
 * Runs `body` as caused by the cell that runs, but not as what is stopped with it: a package that a cell loads serves those
 * after it, and keeps the timers that it has set.
 */
export function runOutliving<Result>(body: () => Result): Result {
  return storage.run({ ...currentOrigin() }, body)
}

const forLatest = Object.defineProperty(createOrigin(0), 'cause', { get: () => latest.cause })

/** Runs `body` as caused by the cell that ran last, whenever it goes on: for what is set up once and serves them all. */
export function runForLatest<Result>(body: () => Result): Result {
  return storage.run(forLatest, body)
}

/** The cell that ran last. */
export function latestOrigin(): Origin {
  return latest
}

/** Runs `body` as caused by nobody's cell: not by the last one either, which may have been stopped. */
export function runBeside<Result>(body: () => Result): Result {
  return runAs(createOrigin(0), body)
}

/** The origin of the running code; of code that lost it (native callbacks), the cell that ran last. */
export function currentOrigin(): Origin {
  return storage.getStore() ?? latest
}
