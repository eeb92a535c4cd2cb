/**
 * Jupyter's debugger: the Debug Adapter Protocol in `debug_request` messages, spoken to the engine's inspector of the main
 * thread. It runs in the protocol thread, so it answers while the main thread is paused. Nothing is switched on before `attach`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Breakpoints, type Wanted } from './breakpoints.js'
import type { RanCell, RanCells } from './cells.js'
import { compileCell } from '../cell/index.js'
import { terminateMainThread } from '../requests/terminate.js'
import type { Variable, View } from './agent.js'
import {
  MainThread,
  messageOf,
  NoAnswer,
  Remote,
  Thrown,
  type Paused,
  type RemoteObject,
} from './inspect-main.js'
import { agentKey } from './offer.js'
import { Sources } from './sources.js'
import { findFrames, Stop, type Frame } from './stop.js'

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

/** A request that cannot be done now; the text says why. */
class Refused extends Error {
  override name = 'Refused'
}

/** The engine's code for what the user runs is one thread to a front end. */
const threadId = 1
const agent = `globalThis[Symbol.for(${JSON.stringify(agentKey)})]`

/** Files whose functions are stepped over: Node's own, packages, and the kernel. */
const skipped = (home: string): string[] => [
  '^node:',
  '/node_modules/',
  `^file://${home.replaceAll('\\', '/').replaceAll(/[.*+?^${}()|[\]]/g, '\\$&')}/?(dist|bin)/`,
  '\\[cell\\]$',
]

const exceptionFilters = [
  {
    filter: 'uncaught',
    label: 'Uncaught exceptions',
    description: 'Stop where an error is thrown that the code of the cells does not catch',
    default: false,
  },
  { filter: 'all', label: 'All exceptions', description: 'Stop wherever an error is thrown', default: false },
]

const steps = { next: 'Debugger.stepOver', stepIn: 'Debugger.stepInto', stepOut: 'Debugger.stepOut' } as const

/** A step that ends in code of the compiler's is repeated, but not for ever. */
const stepsAtMost = 100

type Arguments = Record<string, any>
type Command = (values: Arguments) => object | undefined | Promise<object | undefined>

/** What is evaluated beside the cells is ended after this many milliseconds: Stop knows only of cells. */
const evaluatesFor = 5_000

/** For how long a list of variables is still good while a cell runs: front ends ask anew after each message. */
const listedFor = 300

export class Debugger {
  readonly #options: DebuggerOptions
  readonly #sources: Sources
  readonly #breakpoints: Breakpoints
  #main: MainThread | undefined
  readonly #scripts = new Map<string, { url: string; hasMap: boolean }>()
  #started = false
  #attached = false
  #dialect: View['dialect'] = 'plain'
  #filters: string[] = []
  #stop: Stop | undefined
  /** What the user asked for that makes the thread stop next. */
  #asked: 'step' | 'pause' | undefined
  #lastStep: string = steps.next
  #stepsLeft = 0
  /** The cell in which it was asked for: it ends with that cell. */
  #askedIn: number | undefined
  /** Where a step began. */
  #steppedFrom: Frame | undefined
  #cell = 0
  #frameIds = 1
  /** Counts stops and their ends: what was found out about a stop that is over is of no use. */
  #pauses = 0
  #sequence = 0
  #last: Promise<unknown> = Promise.resolve()
  #listed: { at: number; variables: Variable[] } = { at: -Infinity, variables: [] }
  #previousList = 0

  constructor(options: DebuggerOptions) {
    this.#options = options
    this.#sources = new Sources(options.cells, options.folder, options.home)
    this.#breakpoints = new Breakpoints(this.#sources)
  }

  /** Answers a request. One after the other: front ends take the order of the answers for that of the questions. */
  request(request: DebugRequest): Promise<object> {
    const answered = this.#last.then(() => this.#answer(request))
    this.#last = answered
    return answered
  }

  async #answer({ seq, command, arguments: values = {} }: DebugRequest): Promise<object> {
    const response = { seq: ++this.#sequence, type: 'response', request_seq: seq, command }
    const run = Object.hasOwn(this.#commands, command) ? this.#commands[command] : undefined
    try {
      if (!run) throw new Refused(`this debugger knows no '${String(command)}'`)
      if (!this.#started && !alwaysAnswered.has(command))
        throw new Refused(
          `'${command}' needs a debugger that is started: send 'initialize' and 'attach' first`,
        )
      const body = await run(values)
      return { ...response, success: true, ...(body ? { body } : {}) }
    } catch (error) {
      const { message, stack } = error as Error
      const isExpected = error instanceof Refused || error instanceof Thrown || error instanceof NoAnswer
      if (!isExpected && !(error instanceof SyntaxError))
        this.#options.log(`debug ${command} failed: ${stack}`)
      // Front ends read lists from a refusal too.
      return { ...response, success: false, message, body: { ...emptyBodies[command] } }
    }
  }

  readonly #commands: Record<string, Command> = {
    debugInfo: () => ({
      isStarted: this.#started,
      hashMethod: this.#sources.hash.method,
      hashSeed: this.#sources.hash.seed,
      tmpFilePrefix: this.#sources.prefix,
      tmpFileSuffix: this.#sources.suffix,
      breakpoints: this.#breakpoints.all,
      stoppedThreads: this.#stop ? [threadId] : [],
      richRendering: true,
      exceptionPaths: ['TypeScript exceptions'],
      copyToGlobals: true,
    }),
    initialize: ({ clientID }) => {
      this.#started = true
      this.#dialect = clientID === 'jupyterlab' ? 'jupyterlab' : 'plain'
      setImmediate(() => this.#publish('initialized'))
      return {
        supportsConfigurationDoneRequest: true,
        supportsConditionalBreakpoints: true,
        supportsEvaluateForHovers: true,
        supportsExceptionInfoRequest: true,
        supportsModulesRequest: true,
        supportsTerminateRequest: true,
        exceptionBreakpointFilters: exceptionFilters,
      }
    },
    attach: () => this.#attach(),
    configurationDone: () => undefined,
    disconnect: async () => {
      await this.#detach()
      this.#breakpoints.clear()
      this.#filters = []
      this.#started = false
      return undefined
    },
    terminate: () => {
      this.#options.interrupt()
      return undefined
    },
    dumpCell: ({ code }) => ({ sourcePath: this.#sources.dump(String(code ?? '')) }),
    setBreakpoints: async ({ source, breakpoints, lines }) => {
      const path = String(source?.path ?? '')
      const wanted: Wanted[] = breakpoints ?? (lines ?? []).map((line: number) => ({ line }))
      const told = await this.#breakpoints.replace(path, wanted)
      if (this.#attached) await this.#breakpoints.apply(path, this.#connect()).catch(ignoreNoAnswer)
      return { breakpoints: told }
    },
    setExceptionBreakpoints: async ({ filters = [] }) => {
      this.#filters = filters
      if (this.#attached) await this.#applyFilters()
      return { breakpoints: filters.map(() => ({ verified: true })) }
    },
    source: ({ source, sourceReference: _ }) => {
      const path = String(source?.path ?? '')
      const content = this.#sources.textOf(path)
      if (content === undefined) throw new Refused(`there is no source ${path}`)
      return { content, mimeType: 'application/typescript' }
    },
    threads: () => ({ threads: [{ id: threadId, name: 'cells' }] }),
    stackTrace: ({ startFrame = 0, levels = 0 }) => {
      const frames = this.#stop?.frames ?? []
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
    scopes: async ({ frameId }) => {
      const { stop, frame } = this.#frame(frameId)
      return { scopes: await stop.scopes(frame) }
    },
    variables: async ({ variablesReference, ...paging }) => {
      const main = this.#connect()
      const variables: Variable[] | null = await main.call('list', variablesReference, this.#view, paging)
      if (!variables) throw new Refused('the thread has gone on since these variables were listed')
      return { variables }
    },
    evaluate: ({ expression, frameId }) => this.#evaluate(String(expression ?? ''), frameId),
    continue: async () => {
      await this.#resume('Debugger.resume')
      return { allThreadsContinued: true }
    },
    next: () => this.#step(steps.next),
    stepIn: () => this.#step(steps.stepIn),
    stepOut: () => this.#step(steps.stepOut),
    pause: async () => {
      if (this.#stop) return undefined
      if (!this.#options.isBusy()) throw new Refused('no cell is running')
      this.#asked = 'pause'
      this.#stepsLeft = stepsAtMost
      this.#askedIn = this.#cell
      await this.#connect().post('Debugger.pause').catch(ignoreNoAnswer)
      return undefined
    },
    exceptionInfo: () => {
      const error = this.#stop?.error
      if (!error) throw new Refused('the thread did not stop at an error')
      const [description = ''] = (error.description ?? String(error.value)).split('\n    at ')
      return {
        exceptionId: error.className ?? 'Thrown',
        description,
        breakMode: this.#filters.includes('all') ? 'always' : 'unhandled',
      }
    },
    modules: () => {
      const urls = new Set(
        [...this.#scripts.values()]
          .filter(({ url, hasMap }) => hasMap && url.startsWith('file:') && this.#sources.isUsers(url))
          .map(({ url }) => url),
      )
      const modules = [...urls].map((url, id) => {
        const path = decodeURIComponent(new URL(url).pathname)
        return { id, name: path.slice(path.lastIndexOf('/') + 1), path }
      })
      return { modules, totalModules: modules.length }
    },
    inspectVariables: async () => ({ variables: await this.#listNotebook() }),
    richInspectVariables: async ({ variableName, frameId }) => {
      const name = String(variableName ?? '')
      const frame = this.#stop?.frame(frameId)
      if (this.#stop && frame) return this.#stop.pass('rich', [], name, frame)
      const { result, exceptionDetails } = await this.#runIdle(name, 'rich')
      if (exceptionDetails) throw new Thrown(messageOf(exceptionDetails))
      return result.value
    },
    copyToGlobals: async ({ srcVariableName, dstVariableName, srcFrameId }) => {
      const { stop, frame } = this.#frame(srcFrameId)
      const name = String(dstVariableName)
      await stop.pass('assign', [name], String(srcVariableName), frame)
      this.#options.declare(name)
      return undefined
    },
  }

  get #view(): View {
    return { dialect: this.#dialect, read: this.#stop !== undefined || !this.#options.isBusy() }
  }

  /** The main thread, to look at; nothing is switched on there. */
  #connect(): MainThread {
    if (this.#main) return this.#main
    const main = new MainThread()
    main.on('Debugger.scriptParsed', ({ scriptId, url, sourceMapURL }) =>
      this.#scripts.set(scriptId, { url, hasMap: sourceMapURL !== '' && sourceMapURL !== undefined }),
    )
    main.on('Debugger.paused', (paused: Paused) => {
      this.#onPaused(paused).catch((error: Error) => {
        this.#options.log(`the debugger could not stop: ${error.stack}`)
        void main.post('Debugger.resume').catch(() => {})
      })
    })
    main.on('Debugger.resumed', () => this.#onResumed())
    return (this.#main = main)
  }

  async #attach(): Promise<undefined> {
    if (this.#attached) return
    this.#attached = true
    this.#options.onAttached(true)
    const main = this.#connect()
    // Carried out in this order, also where the main thread is in a native call and answers only later.
    const sent = [
      main.post('Debugger.enable'),
      main.post('Debugger.setBlackboxPatterns', {
        patterns: skipped(this.#options.home),
        skipAnonymous: true,
      }),
      this.#applyFilters(),
      this.#breakpoints.applyAll(main),
    ]
    for (const answered of sent) await answered.catch(ignoreNoAnswer)
  }

  async #detach(): Promise<void> {
    this.#attached = false
    this.#options.onAttached(false)
    const main = this.#main
    this.#main = undefined
    this.#breakpoints.forgetSet()
    this.#scripts.clear()
    if (!main) return
    const wasStopped = this.#stop !== undefined
    this.#stop = undefined
    // A thread that is let go of runs on, at full speed.
    await main.post('Debugger.disable', {}, 500).catch(() => {})
    main.close()
    if (wasStopped) this.#publish('continued', { threadId, allThreadsContinued: true })
    this.#publish('terminated')
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
    if (!this.#attached) return
    await this.#breakpoints.beforeCell(cell, this.#connect()).catch(ignoreNoAnswer)
  }

  /** Stop was pressed: a thread that is paused must be able to end, and not be caught again. Resolves when it can. */
  async letGo(): Promise<void> {
    if (!this.#attached) return
    await this.#connect()
      .post('Debugger.setSkipAllPauses', { skip: true }, 200)
      .catch(() => {})
  }

  /** Stop is over. */
  async takeBack(): Promise<void> {
    if (!this.#attached) return
    await this.#connect()
      .post('Debugger.setSkipAllPauses', { skip: false }, 200)
      .catch(() => {})
  }

  #applyFilters(): Promise<void> {
    const state = ['all', 'uncaught'].find((filter) => this.#filters.includes(filter)) ?? 'none'
    return this.#connect().post('Debugger.setPauseOnExceptions', { state })
  }

  #publish(event: string, body: object = {}): void {
    this.#options.publish({ seq: ++this.#sequence, type: 'event', event, body })
  }

  #frame(id: number | undefined): { stop: Stop; frame: Frame } {
    if (!this.#stop) throw new Refused('the thread is not stopped')
    const frame = this.#stop.frame(id)
    if (!frame) throw new Refused('the thread has gone on since this frame was shown')
    return { stop: this.#stop, frame }
  }

  async #resume(how: string): Promise<void> {
    if (!this.#stop) throw new Refused('the thread is not stopped')
    await this.#connect().post(how)
  }

  async #step(how: string): Promise<undefined> {
    this.#asked = 'step'
    this.#lastStep = how
    this.#stepsLeft = stepsAtMost
    this.#askedIn = this.#cell
    this.#steppedFrom = this.#stop?.frames[0]
    await this.#resume(how)
  }

  async #onPaused(paused: Paused): Promise<void> {
    const main = this.#connect()
    const pause = ++this.#pauses
    const { callFrames, reason, data, hitBreakpoints = [] } = paused
    const urlOf = (scriptId: string): string => this.#scripts.get(scriptId)?.url ?? ''
    const all = findFrames(callFrames, this.#frameIds, urlOf, this.#sources)
    this.#frameIds += all.length
    const frames = all.filter(({ place }) => place !== undefined)
    const [top] = all
    const isError = reason === 'exception' || reason === 'promiseRejection'
    const isHit = hitBreakpoints.length > 0
    const goOn = (how = 'Debugger.resume'): Promise<unknown> => main.post(how)

    if (frames.length === 0) return void (await goOn())
    if (isError) {
      if (!(await this.#isNew(data as RemoteObject))) return void (await goOn())
    } else if (!isHit && this.#asked) {
      // The cell of the step has ended: what runs now is another one.
      if (this.#askedIn !== this.#cell) {
        this.#asked = undefined
        return void (await goOn())
      }
      const isUsers = top?.call.callFrameId === callFrames[0]!.callFrameId
      if (!isUsers && this.#stepsLeft-- > 0) return void (await goOn(steps.stepOut))
      const isShort = this.#asked === 'step' && this.#isFurtherOnLine(top)
      if ((!top?.place || isShort) && this.#stepsLeft-- > 0)
        return void (await goOn(this.#asked === 'step' ? this.#lastStep : steps.next))
    }
    const why = isError ? 'exception' : isHit ? 'breakpoint' : (this.#asked ?? 'breakpoint')
    const stop = new Stop(why, frames, isError ? (data as RemoteObject) : undefined, main)
    const conditions = this.#breakpoints.conditionsOf(hitBreakpoints)
    if (conditions.length > 0 && !(await this.#holds(conditions, stop))) return void (await goOn())
    if (this.#pauses !== pause) return
    this.#asked = undefined
    this.#stop = stop
    const text = isError ? (stop.error?.description ?? '').split('\n    at ')[0] : undefined
    this.#publish('stopped', {
      reason: why,
      threadId,
      allThreadsStopped: true,
      preserveFocusHint: false,
      ...(text === undefined ? {} : { text, description: `Stopped at an error: ${text}` }),
    })
  }

  /** Whether a step has come to the same line only: a statement may hold several places to stop at. */
  #isFurtherOnLine(frame: Frame | undefined): boolean {
    const from = this.#steppedFrom
    if (!frame?.place || !from?.place || this.#lastStep === steps.stepOut) return false
    return (
      frame.depth === from.depth &&
      frame.url === from.url &&
      frame.call.functionName === from.call.functionName &&
      frame.place.line === from.place.line &&
      frame.place.column >= from.place.column &&
      frame.call.location.columnNumber !== from.call.location.columnNumber
    )
  }

  #onResumed(): void {
    this.#pauses++
    if (!this.#stop) return
    this.#stop = undefined
    void this.#main?.call('release').catch(() => {})
    this.#publish('continued', { threadId, allThreadsContinued: true })
  }

  /** Whether an error is one to stop at: each once, though it passes through every function that awaits another. */
  async #isNew(error: RemoteObject): Promise<boolean> {
    return error.objectId === undefined || this.#connect().call('isNew', new Remote(error))
  }

  /** Whether one of the conditions holds; one that throws does too, so that the user sees it. */
  async #holds(conditions: readonly string[], stop: Stop): Promise<boolean> {
    for (const condition of conditions)
      try {
        const { result } = await stop.evaluate(`!!(${condition})`, stop.frames[0]!)
        if (result.value === true) return true
      } catch {
        return true
      }
    return false
  }

  async #evaluate(expression: string, frameId: number | undefined): Promise<object> {
    const main = this.#connect()
    let value
    if (this.#stop) {
      const { stop, frame } = this.#frame(frameId)
      const { result, declares } = await stop.evaluate(expression, frame)
      for (const name of declares) this.#options.declare(name)
      value = result
    } else {
      const { result, exceptionDetails } = await this.#runIdle(expression)
      if (exceptionDetails) throw new Thrown(messageOf(exceptionDetails))
      value = result
    }
    const told: Variable = await main.call('describe', new Remote(value), '', this.#view)
    const { value: result, name: _, evaluateName: __, ...more } = told
    return { result, ...more }
  }

  /** Runs TypeScript as a cell would, beside the cells. */
  async #runIdle(text: string, method?: string): Promise<any> {
    const { program, declares } = compileCell({ number: 0, text })
    for (const name of declares) this.#options.declare(name)
    const give = method === undefined ? 'value' : `${agent}.${method}(value)`
    // A stop in here could be answered by nobody: this request is still waited for.
    await this.letGo()
    try {
      return await this.#connect().post(
        'Runtime.evaluate',
        {
          expression: `(${program})(${agent}.scope, ${agent}.runtime).then(({ value }) => ${give})`,
          awaitPromise: true,
          returnByValue: method !== undefined,
          silent: true,
        },
        evaluatesFor,
      )
    } catch (error) {
      if (!(error instanceof NoAnswer) || this.#options.isBusy()) throw error
      const termination = terminateMainThread()
      await Promise.race([termination.ended, sleep(500)])
      termination.close()
      throw new Thrown(`there was no result after ${evaluatesFor / 1_000} s`)
    } finally {
      await this.takeBack()
    }
  }

  /** The variables of the cells. While a cell runs it is looked at between two instructions, and not too often. */
  async #listNotebook(): Promise<Variable[]> {
    const isRunning = this.#options.isBusy() && !this.#stop
    const { at, variables } = this.#listed
    if (isRunning && performance.now() - at < listedFor) return variables
    const main = this.#connect()
    try {
      const reference: number = await Promise.race([main.call('openNotebook'), refuseAfter(500)])
      const listed: Variable[] = await main.call('list', reference, this.#view)
      // Those of the list before are still on the user's screen.
      if (!this.#stop) void main.call('release', this.#previousList).catch(() => {})
      this.#previousList = reference
      this.#listed = { at: performance.now(), variables: listed }
      return listed
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error
      // Nor will it answer the next of many such questions.
      this.#listed = { at: performance.now(), variables }
      return variables
    }
  }
}

async function refuseAfter(milliseconds: number): Promise<never> {
  await sleep(milliseconds)
  throw new NoAnswer()
}

function ignoreNoAnswer(error: unknown): void {
  if (!(error instanceof NoAnswer)) throw error
}

/** Requests that need no debugger that is started. */
const alwaysAnswered = new Set([
  'debugInfo',
  'initialize',
  'disconnect',
  'inspectVariables',
  'richInspectVariables',
  'variables',
  'modules',
  'source',
  'dumpCell',
])

const emptyBodies: Record<string, object> = {
  stackTrace: { stackFrames: [] },
  scopes: { scopes: [] },
  variables: { variables: [] },
  inspectVariables: { variables: [] },
  modules: { modules: [] },
  richInspectVariables: { data: {}, metadata: {} },
  setBreakpoints: { breakpoints: [] },
}
