/**
 * What this process listens to itself, and must whatever users do with listeners of their own: errors that nobody caught,
 * and the signals that would end it.
 */
import { maybeProperty } from '../../../src/untrusted.js'
import { isTermination } from './termination.js'

type Listener = (...args: any[]) => void

/** Events that tell of an error: to Node their listeners may throw only once, then the process ends. */
const ofErrors = new Set<unknown>(['uncaughtException', 'uncaughtExceptionMonitor', 'unhandledRejection'])

export interface Handlers {
  uncaughtException(error: unknown): void
  unhandledRejection(error: unknown, promise: Promise<unknown>): void
}

/**
 * Errors come here first, as events that are not in the list of listeners: nobody can take that off, `listenerCount` says
 * what it says in a script, and an error of a user's own listener is one more.
 */
export function handleErrors(handlers: Handlers): void {
  const emit = process.emit.bind(process) as (event: unknown, ...args: unknown[]) => boolean
  const emitError = (event: unknown, error: unknown, origin: unknown): boolean => {
    if (isTermination(error)) return true
    if (event === 'uncaughtException') handlers.uncaughtException(error)
    if (event === 'unhandledRejection') handlers.unhandledRejection(error, origin as Promise<unknown>)
    try {
      emit(event, error, origin)
    } catch (another) {
      handlers.uncaughtException(another)
    }
    return true
  }
  process.emit = ((event: unknown, ...args: unknown[]): boolean =>
    ofErrors.has(event) ? emitError(event, args[0], args[1]) : emit(event, ...args)) as typeof process.emit
  const capture = process.setUncaughtExceptionCaptureCallback.bind(process)
  process.setUncaughtExceptionCaptureCallback = (listener) =>
    capture(
      typeof listener === 'function'
        ? (error) => {
            try {
              listener(error)
            } catch (another) {
              handlers.uncaughtException(another)
            }
          }
        : listener,
    )
}

/** The kernel's own, by event: they stay. */
const kept = new Map<unknown, Set<unknown>>()

/** Listens to a signal for as long as the process lives. */
export function handleSignal(signal: NodeJS.Signals, listener: () => void): void {
  const listeners = kept.get(signal) ?? new Set()
  kept.set(signal, listeners.add(listener))
  process.on(signal, listener)
}

const isKept = (event: unknown, listener: unknown): boolean =>
  // `listeners` gives what `once` was given, `rawListeners` what stands for it.
  kept.get(event)?.has(listener) === true ||
  kept.get(event)?.has(maybeProperty(listener, 'listener')) === true

/** From now on nobody removes the kernel's own listeners, nor those by which Node itself listens to signals. */
export function keepListeners(): void {
  for (const event of ['newListener', 'removeListener'])
    kept.set(event, new Set([...(kept.get(event) ?? []), ...process.rawListeners(event)]))
  const remove = process.removeListener.bind(process) as (event: any, listener: Listener) => typeof process
  const removeListener = (event: string | symbol, listener: Listener): typeof process =>
    isKept(event, listener) ? process : remove(event, listener)
  process.removeListener = removeListener as typeof process.removeListener
  process.off = removeListener as typeof process.off
  process.removeAllListeners = ((...given: [event?: string | symbol]) => {
    const events = given.length > 0 && given[0] !== undefined ? [given[0]] : process.eventNames()
    for (const event of events)
      // The last one first, as Node does.
      for (const listener of process.rawListeners(event as string).toReversed())
        removeListener(event, listener as Listener)
    return process
  }) as typeof process.removeAllListeners
}
