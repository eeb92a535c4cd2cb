/**
 * Ends the JavaScript that the main thread runs, from this thread, with all state kept.
 *
 * Terminated in the middle of a promise reaction, Node 20 and 22 would abort the process: their async hooks keep a stack
 * that is then left unbalanced. So the thread is paused first, the stack is cleared by `beforeTermination` (main.ts), and
 * only then is it ended on resuming.
 */
import inspector from 'node:inspector'
import { mayEnd } from '../../src/settle.js'

type Paused = inspector.InspectorNotification<inspector.Debugger.PausedEventDataType>

export interface Termination {
  /** Resolves when JavaScript was found running and has been ended: at once in a loop, when it returns in a native call. */
  readonly ended: Promise<void>
  /** Takes the request back if nothing was found yet, and lets go of the thread. */
  close(): void
}

/** Clears the stack of async hooks, where the thread may be ended or must be. Gives whether it is to be ended here. */
const prepare = (must: boolean): string =>
  `(${must} || ${mayEnd}) && (globalThis[Symbol.for('gradbook.beforeTermination')]?.(), true)`

/** What is not to be ended in the middle takes a millisecond, or a large snapshot's time to disk. */
const patience = 10_000
const lookAgainAfter = 1

export function terminateMainThread(): Termination {
  const session = new inspector.Session()
  session.connectToMainThread()
  let closed = false
  const began = performance.now()
  const ended = new Promise<void>((resolve) => {
    const end = (): void => session.post('Debugger.resume', { terminateOnResume: true }, () => resolve())
    const goOn = (): void =>
      session.post('Debugger.resume', () =>
        setTimeout(() => {
          if (!closed) session.post('Debugger.pause')
        }, lookAgainAfter),
      )
    session.on('Debugger.paused', (_: Paused) => {
      const expression = prepare(performance.now() - began > patience)
      session.post('Runtime.evaluate', { expression, returnByValue: true }, (_error, evaluated) => {
        const { result } = (evaluated ?? {}) as { result?: { value?: unknown } }
        if (result?.value === false) goOn()
        else end()
      })
    })
  })
  session.post('Debugger.enable')
  session.post('Debugger.pause')
  return {
    ended,
    close() {
      if (closed) return
      closed = true
      session.disconnect()
    },
  }
}
