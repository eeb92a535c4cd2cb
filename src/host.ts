/**
 * The one door to whatever shows output: a notebook, a terminal, or nothing at all.
 *
 * The kernel registers a notebook's host before the first cell; under plain Node the library installs the one of
 * `hosts/terminal`. The current host hangs on a global symbol, so two copies of gradbook in one process share it.
 */

/** MIME type -> data: text as a string, JSON as an object, binary as bytes. */
export type MimeBundle = { [mime: string]: unknown }

export interface DisplayOptions {
  /** Names the display, so that a later `display(value, { display_id })` or `update` changes it in place. */
  display_id?: string
  /** The value is a MIME bundle already, to be shown as it is. */
  raw?: boolean
}

/** A thing that was displayed, and can be displayed anew in the same place. */
export interface Display {
  readonly id: string
  /** Shows `value` in place of what was shown. */
  update(value: unknown, options?: { raw?: boolean }): void
}

export interface Comm {
  readonly id: string
  readonly target: string
  send(data: unknown, options?: { metadata?: object; buffers?: ArrayBufferView[] }): void
  close(data?: unknown): void
  onMsg(listener: (data: any, buffers: Uint8Array[]) => void): void
  onClose(listener: (data: any) => void): void
}

export interface Comms {
  /** Opens a comm towards the front end. */
  open(target: string, data?: unknown, options?: { metadata?: object; buffers?: ArrayBufferView[] }): Comm
  /** Calls `onOpen` for every comm that the front end opens with this target name. */
  registerTarget(target: string, onOpen: (comm: Comm, data: any, buffers: Uint8Array[]) => void): void
}

/** The cell that is running, or, in code that runs later, the one that caused it. */
export interface CellInfo {
  /** The execution count, `[n]:` beside the cell. */
  readonly number: number
  readonly source: string
  /** The front end's cell id where it sends one. */
  readonly id?: string
}

/** A place for outputs other than below the cell. */
export interface Sink {
  write(stream: 'stdout' | 'stderr', text: string): void
  /** Shows `data` in place of what has this id, or else below what is there. */
  show(id: string, data: MimeBundle): void
  clear(options: { wait: boolean }): void
  fail(problem: { ename: string; evalue: string; traceback: string[] }): void
}

export interface Host {
  readonly kind: 'notebook' | 'terminal' | 'silent'
  display(value: unknown, options?: DisplayOptions): Display
  clearOutput(options?: { wait?: boolean }): void
  /** Asks the user without holding the thread. */
  ask(question: string, options?: { password?: boolean }): Promise<string>
  /** Asks the user and waits, as a browser does. `null` when there is nobody to answer. */
  prompt(question?: string, initial?: string): string | null
  confirm(question?: string): boolean
  /** Aborted when the running cell is stopped; a new one for each cell. */
  readonly interrupt: AbortSignal
  /** Whether Stop was pressed: read from shared memory, so that it is true even inside a loop that never awaits. */
  readonly interrupted: boolean
  readonly comms: Comms
  readonly cell: CellInfo | undefined
  /** The top-level names of the cells and what they hold. Hosts without cells lack it. */
  names?(): Iterable<readonly [name: string, value: unknown]>
  /**
   * Runs `work` with all that it prints and shows, then or later, going to `sink`. An error of it goes there too, and
   * `undefined` is what comes back; only that it was stopped is passed on. Hosts that have one place only lack it.
   */
  capture?<Result>(sink: Sink, work: () => Result): Promise<Awaited<Result> | undefined>
  /**
   * Runs `work` as caused by no cell: its timers still fire when the cell that runs now has been stopped. Hosts in which
   * nothing is stopped by force lack it.
   */
  beside?<Result>(work: () => Result): Result
  /**
   * Calls `listener` after Stop has ended JavaScript in the middle of what it did, in whichever cell or timer: of that
   * nothing comes back. Returns how to stop listening. Hosts that never end it lack it.
   */
  onTermination?(listener: () => void): () => void
  /** Lets waiting messages and timers have their turn. A run awaits it between iterations, a few times a second. */
  breathe(): Promise<void>
}

const current = Symbol.for('gradbook.host')
const registry = globalThis as { [current]?: Host }

/**
 * Makes `host` the one that everything is shown on. Returns the one before.
 *
 * @example setHost(silentHost())
 */
export function setHost(host: Host): Host | undefined {
  const before = registry[current]
  registry[current] = host
  return before
}

/**
 * The host that is registered, if any.
 *
 * @example if (maybeHost()?.kind === 'notebook') display('seen by a reader')
 */
export function maybeHost(): Host | undefined {
  return registry[current]
}

/**
 * Runs `work` as caused by no cell: for what serves more than the cell that happens to run.
 *
 * @example beside(() => setInterval(() => console.log('still here'), 1000)) // goes on when the cell is stopped
 */
export function beside<Result>(work: () => Result): Result {
  const { beside: runBeside } = maybeHost() ?? {}
  return runBeside ? runBeside(work) : work()
}

/**
 * The registered host.
 *
 * @example const { cell } = currentHost()
 */
export function currentHost(): Host {
  const host = registry[current]
  if (!host) throw new Error("no host is registered: import 'gradbook', or call setHost(…) first")
  return host
}

/** A stand-in for the current host, whichever it is at the time of use. */
export const host: Host = new Proxy({} as Host, {
  get(_, key) {
    const target = currentHost()
    const value = Reflect.get(target, key, target)
    return typeof value === 'function' ? value.bind(target) : value
  },
})

const displaySymbol = Symbol.for('Jupyter.display')
function displayable(bundle: MimeBundle): object {
  return { [displaySymbol]: () => bundle }
}

/**
 * Shows `value` under the running cell. With `display_id`, in the place of the display of that name.
 *
 * @example const shown = display('1 of 3'); shown.update('2 of 3')
 */
export function display(value: unknown, options?: DisplayOptions): Display {
  return currentHost().display(value, options)
}
/** HTML to display: `html('<b>x</b>')` as the last expression of a cell, or `display(html(…))`. */
export const html = (text: string): object => displayable({ 'text/html': text, 'text/plain': text })
/**
 * Markdown to display.
 *
 * @example markdown('**bold**')
 */
export const markdown = (text: string): object => displayable({ 'text/markdown': text, 'text/plain': text })
/**
 * LaTeX to display; write the `$…$` yourself.
 *
 * @example latex('$\\alpha$')
 */
export const latex = (text: string): object => displayable({ 'text/latex': text, 'text/plain': text })
/**
 * An SVG picture to display.
 *
 * @example svg('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="9"/></svg>')
 */
export const svg = (text: string): object => displayable({ 'image/svg+xml': text, 'text/plain': '<svg>' })
/**
 * Removes what the cell has shown so far; with `wait`, when the next output comes.
 *
 * @example clearOutput({ wait: true })
 */
export function clearOutput(options?: { wait?: boolean }): void {
  currentHost().clearOutput(options)
}
/**
 * Asks the user for a line and waits for it. `null` when there is nobody to answer.
 *
 * @example const name = prompt('name?', 'first')
 */
export function prompt(question?: string, initial?: string): string | null {
  return currentHost().prompt(question, initial)
}
/**
 * Asks the user for yes or no and waits for it.
 *
 * @example if (confirm('begin anew?')) await run.fresh()
 */
export function confirm(question?: string): boolean {
  return currentHost().confirm(question)
}
