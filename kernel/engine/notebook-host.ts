/** The notebook as the library's host (src/host.ts). */
import { randomUUID } from 'node:crypto'
import type { Comms, Display, Host, MimeBundle, Sink } from '../../src/host.js'
import { isInterrupted } from './running/interrupted.js'
import { Shared, type Cause, type Problem, type Shown, type ToProtocol } from '../port.js'
import { captureInto, currentSink } from './io/capture.js'
import { currentOrigin, runBeside } from './running/cause.js'
import type { Questions } from './io/questions.js'
import { maybeText, showBundle, showInTime } from './io/values.js'

const displays = new WeakSet<object>()
/** What `display(…)` gave: the cell has shown it, so as its last value there is nothing more to show. */
export const isDisplay = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && displays.has(value)

export function createHost(
  post: (message: ToProtocol) => void,
  shared: Int32Array,
  comms: Comms,
  questions: Questions,
  problemOf: (error: unknown) => Problem,
  scope: object,
): Host & { terminated(): void } {
  const onTermination = new Set<() => void>()

  /** Gives a value's picture to `take`: at once, or when a value that draws itself in time has done so. */
  function draw(value: unknown, raw: boolean | undefined, take: (shown: Shown) => void): void {
    const shown = raw ? showBundle(value as MimeBundle) : showInTime(value)
    if (shown instanceof Promise) void shown.then(take)
    else take(shown)
  }

  /** The cell that showed the display of a name last. */
  const shownBy = new Map<string, Cause>()

  return {
    kind: 'notebook',
    display(value, { display_id, raw } = {}) {
      const id = display_id ?? randomUUID()
      const sink = currentSink()
      if (sink) {
        const display: Display = {
          id,
          update: (next, options) => draw(next, options?.raw, ({ data }) => sink.show(id, data)),
        }
        display.update(value, { raw })
        displays.add(display)
        return display
      }
      const { cause } = currentOrigin()
      // Shown twice by one cell: in the same place. By another cell, or by the same one run again: anew, since the
      // earlier output may be gone (front ends that still have it change it as well).
      const update = display_id !== undefined && shownBy.get(id) === cause
      if (display_id !== undefined) shownBy.set(id, cause)
      draw(value, raw, (shown) =>
        post({ type: 'show', cause, shown: maybeText(shown) ?? shown, displayId: id, update }),
      )
      const display: Display = {
        id,
        update(next, options) {
          const origin = currentOrigin().cause
          draw(next, options?.raw, (shown) =>
            post({
              type: 'show',
              cause: origin,
              shown: maybeText(shown) ?? shown,
              displayId: id,
              update: true,
            }),
          )
        },
      }
      displays.add(display)
      return display
    },
    clearOutput({ wait = false } = {}) {
      const sink = currentSink()
      if (sink) sink.clear({ wait })
      else post({ type: 'clear', cause: currentOrigin().cause, wait })
    },
    ask: (question, options) => questions.ask(question, options),
    prompt: (question, initial) => questions.prompt(question, initial),
    confirm: (question) => questions.confirm(question),
    get interrupt() {
      return currentOrigin().controller.signal
    },
    get interrupted() {
      return Atomics.load(shared, Shared.interrupted) !== 0
    },
    beside: runBeside,
    onTermination(listener) {
      onTermination.add(listener)
      return () => void onTermination.delete(listener)
    },
    /** Stop has ended JavaScript. */
    terminated() {
      for (const listener of onTermination) listener()
    },
    comms,
    get cell() {
      return currentOrigin().cell
    },
    *names() {
      // Read without being called: an imported name may be a getter, of a module that fails.
      for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(scope)))
        yield [name, value] as const
    },
    capture: <Result>(sink: Sink, work: () => Result) =>
      captureInto(sink, async (): Promise<Awaited<Result> | undefined> => {
        try {
          return await work()
        } catch (error) {
          if (isInterrupted(error)) throw error
          sink.fail(problemOf(error))
          return undefined
        }
      }),
    // An immediate runs after the poll phase, in which messages of the other thread, timers and sockets have had their turn.
    breathe: () => new Promise((resolve) => setImmediate(resolve)),
  }
}
