/**
 * Ends the JavaScript that the main thread runs, from this thread, with all state kept.
 *
 * Terminated in the middle of a promise reaction or of Node's own work around a callback, Node 20 and 22 would abort the
 * process: their async hooks keep a stack that is then left unbalanced. So the thread is paused first, at a place where the
 * user's code runs and not Node's; the stack is cleared (main.ts), and only then is it ended on resuming.
 */
import inspector from 'node:inspector'
import { mayEnd } from '../../src/settle.js'
import { callBefore } from './around.js'

type Paused = inspector.InspectorNotification<inspector.Debugger.PausedEventDataType>
type Parsed = inspector.InspectorNotification<inspector.Debugger.ScriptParsedEventDataType>

export interface Termination {
  /** Resolves when JavaScript was found running and has been ended: at once in a loop, when it returns in a native call. */
  readonly ended: Promise<void>
  /** Takes the request back if nothing was found yet, and lets go of the thread. */
  close(): void
}

/** Tells this process, where it may be ended or must be. Gives whether it is to be ended here. */
const prepare = (must: boolean): string => `(${must} || ${mayEnd}) && (${callBefore}, true)`

/** Node's own bookkeeping: what it has begun there and not finished, it takes for damaged. */
const isBookkeeping =
  /^node:(async_hooks|timers|internal\/(async_hooks|timers|process\/|async_context|async_local_storage|event_target))/

/**
 * Milliseconds for which another place is waited for. What of gradbook's is not to be ended in the middle takes one, or a
 * large snapshot's time to disk; where it is over the thread stands still by itself.
 */
const patience = { node: 1_000, own: 10_000 }

export function terminateMainThread(): Termination {
  const session = new inspector.Session()
  session.connectToMainThread()
  /** A frame names its file by a number alone. */
  const urls = new Map<string, string>()
  session.on('Debugger.scriptParsed', ({ params }: Parsed) => urls.set(params.scriptId, params.url))
  let closed = false
  /** When it was first found running. */
  let since: number | undefined
  const ended = new Promise<void>((resolve) => {
    const end = (): void => session.post('Debugger.resume', { terminateOnResume: true }, () => resolve())
    const lookAgain = (): void => {
      if (!closed) session.post('Debugger.pause')
    }
    let must = false
    const goOn = (): void => {
      const tooLong = setTimeout(() => {
        must = true
        lookAgain()
      }, patience.own)
      session.once('Debugger.paused', () => clearTimeout(tooLong))
      session.post('Debugger.resume')
    }
    session.on('Debugger.paused', ({ params }: Paused) => {
      const now = performance.now()
      since ??= now
      const url = urls.get(params.callFrames[0]?.location.scriptId ?? '') ?? ''
      if (isBookkeeping.test(url) && now - since < patience.node) {
        // Asked to pause while it is paused it would not hear it.
        session.once('Debugger.resumed', lookAgain)
        session.post('Debugger.resume')
        return
      }
      const expression = prepare(must)
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
