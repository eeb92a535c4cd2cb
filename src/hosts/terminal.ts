import type { Display, DisplayOptions, Host, MimeBundle } from '../host.js'
import { toBundle } from '../show/values/values.js'
import { Ink, type Stream } from './ink.js'
import { askTerminal, confirmTerminal, promptTerminal } from './questions.js'
import { noComms } from './silent.js'

export interface TerminalOptions {
  /** Where everything goes. Default: the process's error output, so that a script's own output stays clean. */
  stream?: Stream
  /** Milliseconds between lines of progress where they cannot be redrawn in place (a file, a pipe). Default 10,000. */
  every?: number
}

/**
 * The host of a script under plain Node: text of what is displayed, and for a run that trains a line of progress that
 * is redrawn in place. Ctrl-C while a run trains ends it at the next iteration; once more ends the process.
 *
 * @example setHost(terminalHost({ every: 60_000 }))
 */
export function terminalHost(options: TerminalOptions = {}): Host {
  const ink = new Ink(options.stream ?? process.stderr, options.every ?? 10_000)
  const stop = new CtrlC(ink)
  let count = 0
  const shown = new Map<string, (value: unknown, raw?: boolean) => void>()

  function display(value: unknown, given: DisplayOptions = {}): Display {
    const id = given.display_id ?? `display-${++count}`
    const draw = shown.get(id) ?? createDrawing(ink, stop)
    shown.set(id, draw)
    draw(value, given.raw)
    return { id, update: (next, again) => draw(next, again?.raw) }
  }

  return {
    kind: 'terminal',
    display,
    clearOutput: () => ink.clear(),
    ask: (question, how) => askTerminal(question, how),
    prompt: promptTerminal,
    confirm: confirmTerminal,
    get interrupt() {
      return stop.signal
    },
    get interrupted() {
      return stop.signal.aborted
    },
    comms: noComms,
    cell: undefined,
    breathe: () => new Promise((resolve) => setImmediate(resolve)),
  }
}

/** One display: progress while what it shows is live, a text when it is done. */
function createDrawing(ink: Ink, stop: CtrlC): (value: unknown, raw?: boolean) => void {
  const owner = {}
  return (value, raw) => {
    const text = textOf(value, raw)
    const live = (value as { live?: unknown } | null)?.live
    if (live === true) {
      stop.listen(owner)
      ink.progress(owner, text)
      return
    }
    if (live === false) stop.ignore(owner)
    ink.final(owner, text)
  }
}

function textOf(value: unknown, raw = false): string {
  const bundle = raw ? (value as MimeBundle) : toBundle(value)
  const text = bundle?.['text/plain'] ?? bundle?.['text/markdown']
  if (typeof text === 'string') return text
  if (bundle) return `[${Object.keys(bundle).join(', ')}]`
  if (typeof value === 'string') return value
  return process.getBuiltinModule('node:util').inspect(value)
}

/** Turns Ctrl-C into an abort while a run is live, and only then. */
class CtrlC {
  #controller = new AbortController()
  readonly #live = new Set<object>()
  readonly #ink: Ink
  constructor(ink: Ink) {
    this.#ink = ink
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  listen(owner: object): void {
    if (this.#live.has(owner)) return
    if (this.#live.size === 0) process.once('SIGINT', this.#onSignal)
    this.#live.add(owner)
  }

  ignore(owner: object): void {
    this.#live.delete(owner)
    if (this.#live.size > 0) return
    process.removeListener('SIGINT', this.#onSignal)
    // Heard: the next run is not stopped by what ended this one.
    if (this.#controller.signal.aborted) this.#controller = new AbortController()
  }

  // The listener is gone once it was called: the next Ctrl-C ends the process as it always does.
  readonly #onSignal = () => {
    this.#ink.final({}, 'Stopping at the next iteration. Ctrl-C once more ends the process.')
    this.#controller.abort()
  }
}
