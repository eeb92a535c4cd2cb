/** The main thread under the debugger: when it stops, at what it is passed over, and how it goes on. */
import { Breakpoints } from './breakpoints.js'
import type { RanCell } from './sources/cells.js'
import { logTemplate } from './hits.js'
import { MainThread, NoAnswer, Remote, type Paused, type RemoteObject } from './inspect-main.js'
import { Refused } from './refused.js'
import type { Sources } from './sources/sources.js'
import { findFrames, Pause, type Frame } from './paused.js'

/** To a front end what the user runs is one thread. */
export const threadId = 1

export interface ThreadOptions {
  sources: Sources
  breakpoints: Breakpoints
  home: string
  publish(event: string, body?: object): void
  /** Whether a cell runs. */
  isBusy(): boolean
  log(line: string): void
}

/** Files whose functions are stepped over: Node's own, packages, and the kernel. */
const skipped = (home: string): string[] => [
  '^node:',
  '/node_modules/',
  `^file://${home.replaceAll('\\', '/').replaceAll(/[.*+?^${}()|[\]]/g, '\\$&')}/?(dist|bin)/`,
  '\\[cell\\]$',
]

export const steps = {
  next: 'Debugger.stepOver',
  stepIn: 'Debugger.stepInto',
  stepOut: 'Debugger.stepOut',
} as const

/** A step that ends in code of the compiler's is repeated, but not for ever. */
const stepsAtMost = 100

/** What the user asked for that makes the thread stop next. It ends with the cell in which it was asked for. */
interface Asked {
  what: 'step' | 'pause'
  how: string
  cell: number
  from: Frame | undefined
  left: number
}

export class Thread {
  readonly #options: ThreadOptions
  #main: MainThread | undefined
  readonly #scripts = new Map<string, { url: string; hasMap: boolean }>()
  #attached = false
  #paused: Pause | undefined
  #asked: Asked | undefined
  #cell = 0
  #frameIds = 1
  /** Counts stops and their ends: what was found out about a stop that is over is of no use. */
  #pauses = 0

  constructor(options: ThreadOptions) {
    this.#options = options
  }

  get attached(): boolean {
    return this.#attached
  }

  /** Where the thread is stopped now. */
  get paused(): Pause | undefined {
    return this.#paused
  }

  /** Whether it is in the middle of the user's code. */
  get isRunning(): boolean {
    return this.#options.isBusy() && !this.#paused
  }

  /** The thread, to look at; nothing is switched on there. */
  get main(): MainThread {
    if (this.#main) return this.#main
    const main = new MainThread()
    main.on('Debugger.scriptParsed', ({ scriptId, url, sourceMapURL }) =>
      this.#scripts.set(scriptId, { url, hasMap: sourceMapURL !== '' && sourceMapURL !== undefined }),
    )
    main.on('Debugger.paused', (event: Paused) => {
      this.#onPaused(event).catch((error: Error) => {
        this.#options.log(`the debugger could not stop: ${error.stack}`)
        void main.post('Debugger.resume').catch(() => {})
      })
    })
    main.on('Debugger.resumed', () => this.#onResumed())
    return (this.#main = main)
  }

  /** The user's files that were loaded, by their addresses. */
  get files(): string[] {
    const { sources } = this.#options
    const urls = [...this.#scripts.values()]
      .filter(({ url, hasMap }) => hasMap && url.startsWith('file:') && sources.isUsers(url))
      .map(({ url }) => url)
    return [...new Set(urls)]
  }

  async attach(filters: readonly string[]): Promise<void> {
    this.#attached = true
    const { main } = this
    const { home, breakpoints } = this.#options
    // Carried out in this order, also where the main thread is in a native call and answers only later.
    const sent = [
      main.post('Debugger.enable'),
      main.post('Debugger.setBlackboxPatterns', { patterns: skipped(home), skipAnonymous: true }),
      this.stopAtErrors(filters),
      breakpoints.applyAll(main),
    ]
    for (const answered of sent) await answered.catch(ignoreNoAnswer)
  }

  /** Lets go of the thread: it runs on, at full speed. */
  async detach(): Promise<void> {
    this.#attached = false
    const main = this.#main
    this.#main = undefined
    this.#options.breakpoints.forgetSet()
    this.#scripts.clear()
    if (!main) return
    const wasStopped = this.#paused !== undefined
    this.#paused = undefined
    void main.call('release').catch(() => {})
    await main.post('Debugger.disable', {}, 500).catch(() => {})
    main.close()
    if (wasStopped) this.#options.publish('continued', { threadId, allThreadsContinued: true })
  }

  /** Before the process ends: Node waits for whoever is connected. */
  close(): void {
    this.#attached = false
    this.#main?.close()
    this.#main = undefined
  }

  /** A cell is about to be handed to the main thread. */
  async beforeCell(cell: RanCell): Promise<void> {
    this.#cell++
    if (this.#attached) await this.#options.breakpoints.beforeCell(cell, this.main).catch(ignoreNoAnswer)
  }

  /** Stop was pressed: a thread that is paused must be able to end, and not be caught again. Resolves when it can. */
  letGo(): Promise<void> {
    return this.#skipPauses(true)
  }

  /** Stop is over. */
  takeBack(): Promise<void> {
    return this.#skipPauses(false)
  }

  async #skipPauses(skip: boolean): Promise<void> {
    if (this.#attached) await this.main.post('Debugger.setSkipAllPauses', { skip }, 200).catch(() => {})
  }

  async stopAtErrors(filters: readonly string[]): Promise<void> {
    const state = ['all', 'uncaught'].find((filter) => filters.includes(filter)) ?? 'none'
    await this.main.post('Debugger.setPauseOnExceptions', { state }).catch(ignoreNoAnswer)
  }

  async goOn(): Promise<void> {
    if (!this.#paused) throw new Refused('the thread is not stopped')
    await this.main.post('Debugger.resume')
  }

  async step(how: string): Promise<void> {
    if (!this.#paused) throw new Refused('the thread is not stopped')
    this.#asked = { what: 'step', how, cell: this.#cell, from: this.#paused.frames[0], left: stepsAtMost }
    await this.main.post(how)
  }

  async pause(): Promise<void> {
    if (this.#paused) return
    if (!this.#options.isBusy()) throw new Refused('no cell is running')
    this.#asked = { what: 'pause', how: steps.next, cell: this.#cell, from: undefined, left: stepsAtMost }
    await this.main.post('Debugger.pause').catch(ignoreNoAnswer)
  }

  async #onPaused(event: Paused): Promise<void> {
    const { main } = this
    const { sources, publish } = this.#options
    const pause = ++this.#pauses
    const { callFrames, reason, data, hitBreakpoints = [] } = event
    const urlOf = (scriptId: string): string => this.#scripts.get(scriptId)?.url ?? ''
    const all = findFrames(callFrames, this.#frameIds, urlOf, sources)
    this.#frameIds += all.length
    const frames = all.filter(({ place }) => place !== undefined)
    const error = reason === 'exception' || reason === 'promiseRejection' ? (data as RemoteObject) : undefined
    const isHit = hitBreakpoints.length > 0

    const isOnTheWay = !error && !isHit && this.#asked
    const how = isOnTheWay && this.#isThere(this.#asked!, all[0], callFrames[0]!.callFrameId)
    if (frames.length === 0) return void (await main.post('Debugger.resume'))
    if (typeof how === 'string') return void (await main.post(how))
    if (error && !(await this.#isNew(error))) return void (await main.post('Debugger.resume'))

    const why = error ? 'exception' : isHit ? 'breakpoint' : (this.#asked?.what ?? 'breakpoint')
    const paused = new Pause(why, frames, error, main)
    if (isHit && !(await this.#isMeant(hitBreakpoints, paused)))
      return void (await main.post('Debugger.resume'))
    if (this.#pauses !== pause) return
    this.#asked = undefined
    this.#paused = paused
    publish('stopped', {
      reason: why,
      threadId,
      allThreadsStopped: true,
      preserveFocusHint: false,
      ...(paused.text === undefined
        ? {}
        : { text: paused.text, description: `Stopped at an error: ${paused.text}` }),
    })
  }

  /** Whether one of the breakpoints that were hit is one to stop at. Writes what others ask for. */
  async #isMeant(ids: readonly string[], paused: Pause): Promise<boolean> {
    const { breakpoints, publish } = this.#options
    let isStop = false
    for (const [index, { condition, logMessage }] of breakpoints.hitsOf(ids).entries()) {
      if (condition?.trim() && !(await holds(condition, paused))) continue
      if (!breakpoints.count(ids[index]!)) continue
      if (!logMessage) {
        isStop = true
        continue
      }
      const [frame] = paused.frames
      const said = await paused.evaluate(logTemplate(logMessage), frame!).then(
        ({ result }) => String(result.value),
        (error: Error) => `${logMessage} (${error.message})`,
      )
      await this.main.call('say', said)
      publish('output', {
        category: 'console',
        output: `${said}\n`,
        source: { name: frame!.place!.name, path: frame!.place!.path },
        line: frame!.place!.line,
      })
    }
    return isStop
  }

  /** Whether the thread has come to where the user wants it; if not, how it goes on. */
  #isThere(asked: Asked, top: Frame | undefined, topCall: string): true | string {
    // The cell has ended: what runs now is another one.
    if (asked.cell !== this.#cell) {
      this.#asked = undefined
      return 'Debugger.resume'
    }
    if (asked.left-- <= 0) return true
    if (top?.call.callFrameId !== topCall) return steps.stepOut
    if (!top.place || (asked.what === 'step' && isFurtherOnLine(asked, top))) return asked.how
    return true
  }

  #onResumed(): void {
    this.#pauses++
    if (!this.#paused) return
    this.#paused = undefined
    void this.#main?.call('release').catch(() => {})
    this.#options.publish('continued', { threadId, allThreadsContinued: true })
  }

  /** Whether an error is one to stop at: each once, though it passes through every function that awaits another. */
  async #isNew(error: RemoteObject): Promise<boolean> {
    return error.objectId === undefined || this.main.call('isNew', new Remote(error))
  }
}

/** Whether a step has come to the same line only: a statement may hold several places to stop at. */
function isFurtherOnLine({ from, how }: Asked, frame: Frame): boolean {
  if (!frame.place || !from?.place || how === steps.stepOut) return false
  return (
    frame.depth === from.depth &&
    frame.url === from.url &&
    frame.call.functionName === from.call.functionName &&
    frame.place.line === from.place.line &&
    frame.place.column >= from.place.column &&
    frame.call.location.columnNumber !== from.call.location.columnNumber
  )
}

/** Whether a condition holds; one that throws does too, so that the user sees it. */
async function holds(condition: string, paused: Pause): Promise<boolean> {
  try {
    const { result } = await paused.evaluate(`!!(${condition})`, paused.frames[0]!)
    return result.value === true
  } catch {
    return true
  }
}

export function ignoreNoAnswer(error: unknown): void {
  if (!(error instanceof NoAnswer)) throw error
}
