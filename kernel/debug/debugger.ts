/**
 * Jupyter's debugger: the Debug Adapter Protocol in `debug_request` messages, spoken to V8's inspector of the main
 * thread. It runs in the protocol thread, so it answers while the main thread is paused. Nothing is switched on before `attach`.
 */
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Variable, View } from './agent/agent.js'
import { Breakpoints, readWanted } from './breakpoints.js'
import { capabilities } from './capabilities.js'
import type { RanCell, RanCells } from './sources/cells.js'
import { NoAnswer, Remote, Thrown } from './inspect-main.js'
import { NotebookVariables } from './notebook-variables.js'
import { Refused } from './refused.js'
import { Sources } from './sources/sources.js'
import type { Frame, Pause } from './paused.js'
import { ignoreNoAnswer, steps, Thread, threadId } from './thread.js'

export interface DebugRequest {
  seq: number
  command: string
  arguments?: Record<string, any>
}

export interface DebuggerOptions {
  cells: RanCells
  folder: string
  home: string
  /** Sends an event to the front ends. */
  publish(event: object): void
  /** Whether a cell runs. */
  isBusy(): boolean
  /** Makes a name known to the cells that follow. */
  declare(name: string): void
  /** A front end has attached, or let go. */
  onAttached(attached: boolean): void
  /** Stops the running cell. */
  interrupt(): void
  log(line: string): void
}

/** A request that front ends send. */
interface Command {
  /** Gives the body of the response. Throws `Refused` for what cannot be done now. */
  run(values: Record<string, any>): object | void | Promise<object | void>
  /** Answered without a debugger that is started. */
  always?: true
  /** The body of a refusal: front ends read lists from it too. */
  empty?: object
}

export class Debugger {
  readonly #options: DebuggerOptions
  readonly #sources: Sources
  readonly #breakpoints: Breakpoints
  readonly #thread: Thread
  readonly #notebook: NotebookVariables
  #started = false
  #dialect: View['dialect'] = 'plain'
  #filters: readonly string[] = []
  #sequence = 0
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: DebuggerOptions) {
    const { cells, folder, home, isBusy, declare, log } = options
    this.#options = options
    this.#sources = new Sources(cells, folder, home)
    this.#breakpoints = new Breakpoints(this.#sources)
    this.#thread = new Thread({
      sources: this.#sources,
      breakpoints: this.#breakpoints,
      home,
      publish: (event, body) => this.#publish(event, body),
      isBusy,
      log,
    })
    this.#notebook = new NotebookVariables(this.#thread, declare)
  }

  /** Answers a request. One after the other: front ends take the order of the answers for that of the questions. */
  request(request: DebugRequest): Promise<object> {
    const answered = this.#last.then(() => this.#answer(request))
    this.#last = answered
    return answered
  }

  async #answer({ seq, command, arguments: given }: DebugRequest): Promise<object> {
    const values = typeof given === 'object' && given !== null ? given : {}
    const response = { seq: ++this.#sequence, type: 'response', request_seq: seq, command }
    const found = Object.hasOwn(this.#commands, command) ? this.#commands[command] : undefined
    try {
      if (!found) throw new Refused(`this debugger knows no '${String(command)}'`)
      if (!this.#started && !found.always)
        throw new Refused(
          `'${command}' needs a debugger that is started: send 'initialize' and 'attach' first`,
        )
      const body = await found.run(values)
      return { ...response, success: true, ...(body ? { body } : {}) }
    } catch (error) {
      const { message, stack } = error as Error
      const isExpected = [Refused, Thrown, NoAnswer, SyntaxError].some((kind) => error instanceof kind)
      if (!isExpected) this.#options.log(`debug ${command} failed: ${stack}`)
      return { ...response, success: false, message, body: { ...found?.empty } }
    }
  }

  #publish(event: string, body: object = {}): void {
    this.#options.publish({ seq: ++this.#sequence, type: 'event', event, body })
  }

  /** A cell is about to be handed to the main thread: see thread.ts for this and what follows. */
  beforeCell(cell: RanCell): Promise<void> {
    return this.#thread.beforeCell(cell)
  }

  letGo(): Promise<void> {
    return this.#thread.letGo()
  }

  takeBack(): Promise<void> {
    return this.#thread.takeBack()
  }

  close(): void {
    this.#thread.close()
  }

  get #view(): View {
    return { dialect: this.#dialect, read: !this.#thread.isRunning }
  }

  /** The stop that a request is about, and the frame of this number in it: the innermost one without a number. */
  #at(frameId: number | undefined): { paused: Pause; frame: Frame } {
    const { paused } = this.#thread
    if (!paused) throw new Refused('the thread is not stopped')
    const frame = paused.frame(frameId)
    if (!frame) throw new Refused('the thread has gone on since this frame was shown')
    return { paused, frame }
  }

  readonly #commands: Record<string, Command> = {
    debugInfo: {
      always: true,
      run: () => ({
        isStarted: this.#started,
        hashMethod: this.#sources.hash.method,
        hashSeed: this.#sources.hash.seed,
        tmpFilePrefix: this.#sources.prefix,
        tmpFileSuffix: this.#sources.suffix,
        breakpoints: this.#breakpoints.all,
        stoppedThreads: this.#thread.paused ? [threadId] : [],
        richRendering: true,
        exceptionPaths: ['TypeScript exceptions'],
        copyToGlobals: true,
      }),
    },
    initialize: {
      always: true,
      run: ({ clientID }) => {
        this.#started = true
        this.#dialect = clientID === 'jupyterlab' ? 'jupyterlab' : 'plain'
        setImmediate(() => this.#publish('initialized'))
        return capabilities
      },
    },
    attach: {
      run: async () => {
        if (this.#thread.attached) return
        this.#options.onAttached(true)
        await this.#thread.attach(this.#filters)
      },
    },
    configurationDone: { run: () => undefined },
    disconnect: {
      always: true,
      run: async () => {
        this.#options.onAttached(false)
        await this.#thread.detach()
        this.#breakpoints.clear()
        this.#filters = []
        this.#started = false
        this.#publish('terminated')
      },
    },
    terminate: { run: () => this.#options.interrupt() },
    dumpCell: {
      always: true,
      run: ({ code }) => ({ sourcePath: this.#sources.dump(String(code ?? '')) }),
    },
    source: {
      always: true,
      run: ({ source }) => {
        const path = String(source?.path ?? '')
        const content = this.#sources.textOf(path)
        if (content === undefined) throw new Refused(`there is no source ${path}`)
        return { content, mimeType: 'application/typescript' }
      },
    },
    modules: {
      always: true,
      empty: { modules: [] },
      run: () => {
        const modules = this.#thread.files.map((url, id) => {
          const path = fileURLToPath(url)
          return { id, name: basename(path), path }
        })
        return { modules, totalModules: modules.length }
      },
    },
    setBreakpoints: {
      empty: { breakpoints: [] },
      run: async ({ source, breakpoints, lines }) => {
        const path = String(source?.path ?? '')
        const asked: unknown = breakpoints ?? lines ?? []
        if (!Array.isArray(asked)) throw new Refused('breakpoints must be a list')
        const wanted = asked.map(readWanted)
        const told = await this.#breakpoints.replace(path, wanted)
        const thread = this.#thread
        if (thread.attached) await this.#breakpoints.apply(path, thread.main).catch(ignoreNoAnswer)
        return { breakpoints: told }
      },
    },
    setExceptionBreakpoints: {
      empty: { breakpoints: [] },
      run: async ({ filters }) => {
        this.#filters = Array.isArray(filters) ? filters : []
        if (this.#thread.attached) await this.#thread.stopAtErrors(this.#filters)
        return { breakpoints: this.#filters.map(() => ({ verified: true })) }
      },
    },
    threads: { run: () => ({ threads: [{ id: threadId, name: 'cells' }] }) },
    stackTrace: {
      empty: { stackFrames: [] },
      run: ({ startFrame = 0, levels = 0 }) => {
        const frames = this.#thread.paused?.frames ?? []
        const stackFrames = frames
          .slice(startFrame, levels ? startFrame + levels : undefined)
          .map(({ id, name, place }) => ({
            id,
            name,
            source: { name: place!.name, path: place!.path, sourceReference: 0 },
            line: place!.line,
            column: place!.column,
          }))
        return { stackFrames, totalFrames: frames.length }
      },
    },
    scopes: {
      empty: { scopes: [] },
      run: async ({ frameId }) => {
        const { paused, frame } = this.#at(frameId)
        return { scopes: await paused.scopes(frame) }
      },
    },
    variables: {
      always: true,
      empty: { variables: [] },
      run: async ({ variablesReference, ...paging }) => {
        const { main } = this.#thread
        const variables: Variable[] | null = await main.call('list', variablesReference, this.#view, paging)
        if (!variables) throw new Refused('the thread has gone on since these variables were listed')
        return { variables }
      },
    },
    evaluate: {
      run: async ({ expression, frameId }) => {
        const { paused: isStopped, main } = this.#thread
        const text = String(expression ?? '')
        let value
        if (isStopped) {
          const { paused, frame } = this.#at(frameId)
          const { result, declares } = await paused.evaluate(text, frame)
          for (const name of declares) this.#options.declare(name)
          value = result
        } else value = await this.#notebook.evaluate(text)
        const told: Variable = await main.call('describe', new Remote(value), '', this.#view)
        const { value: result, name: _, evaluateName: __, ...more } = told
        return { result, ...more }
      },
    },
    setVariable: {
      run: async ({ variablesReference, name, value }) => {
        const { paused } = this.#at(undefined)
        const set = await paused.set(Number(variablesReference), String(name), String(value ?? ''))
        const told: Variable = await this.#thread.main.call('describe', new Remote(set), '', this.#view)
        const { name: _, evaluateName: __, ...more } = told
        return more
      },
    },
    continue: {
      run: async () => {
        await this.#thread.goOn()
        return { allThreadsContinued: true }
      },
    },
    next: { run: () => this.#thread.step(steps.next) },
    stepIn: { run: () => this.#thread.step(steps.stepIn) },
    stepOut: { run: () => this.#thread.step(steps.stepOut) },
    pause: { run: () => this.#thread.pause() },
    exceptionInfo: {
      run: () => {
        const { error, text } = this.#thread.paused ?? {}
        if (!error) throw new Refused('the thread did not stop at an error')
        const breakMode = this.#filters.includes('all') ? 'always' : 'unhandled'
        return { exceptionId: error.className ?? 'Thrown', description: text, breakMode }
      },
    },
    inspectVariables: {
      always: true,
      empty: { variables: [] },
      run: async () => ({ variables: await this.#notebook.list(this.#view) }),
    },
    richInspectVariables: {
      always: true,
      empty: { data: {}, metadata: {} },
      run: ({ variableName, frameId }) => {
        const text = String(variableName ?? '')
        if (!this.#thread.paused) return this.#notebook.rich(text)
        const { paused, frame } = this.#at(frameId)
        return paused.pass('rich', [], text, frame)
      },
    },
    copyToGlobals: {
      run: async ({ srcVariableName, dstVariableName, srcFrameId }) => {
        const { paused, frame } = this.#at(srcFrameId)
        const name = String(dstVariableName)
        await paused.pass('assign', [name], String(srcVariableName), frame)
        this.#options.declare(name)
      },
    },
  }
}
