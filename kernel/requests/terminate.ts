/**
 * Ends the JavaScript that the main thread runs, from this thread, with all state kept.
 *
 * Terminated in the middle of a promise reaction, Node 20 and 22 would abort the process: their async hooks keep a stack
 * that is then left unbalanced. So the thread is paused first, the stack is cleared by `beforeTermination` (main.ts), and
 * only then is it ended on resuming.
 */
import inspector from 'node:inspector'

type Paused = inspector.InspectorNotification<inspector.Debugger.PausedEventDataType>

export interface Termination {
  /** Resolves when JavaScript was found running and has been ended: at once in a loop, when it returns in a native call. */
  readonly ended: Promise<void>
  /** Takes the request back if nothing was found yet, and lets go of the thread. */
  close(): void
}

export function terminateMainThread(): Termination {
  const session = new inspector.Session()
  session.connectToMainThread()
  let closed = false
  const ended = new Promise<void>((resolve) => {
    session.on('Debugger.paused', (_: Paused) => {
      session.post(
        'Runtime.evaluate',
        { expression: `globalThis[Symbol.for('gradbook.beforeTermination')]?.()` },
        () => session.post('Debugger.resume', { terminateOnResume: true }, () => resolve()),
      )
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
