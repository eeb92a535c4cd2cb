/** `execute_request`: cells run one after the other, in the order in which they came. */
import { Shared, type Cause, type Outcome, type Problem, type Program } from '../port.js'
import type { CellSource, CompiledCell, Diagnostic } from '../cell/types.js'
import type { Message } from '../wire/index.js'
import type { Kernel } from './kernel.js'
import { toWireBundle } from './values.js'

interface Waiting {
  message: Message
  /** Stop or a failed cell came after it was queued: it does not run. */
  aborted: boolean
}

export interface RunningCell {
  readonly cause: Cause
  readonly message: Message
  /** Whether the main thread has it; before that it is being checked. */
  onMainThread: boolean
  /** Ends the cell, once: who comes second (the cell itself, or Stop) is not heard. */
  finish(outcome: Outcome): void
  readonly finished: Promise<Outcome>
}

/** Whether a problem is about a file beside the cell. */
const isElsewhere = ({ file }: Diagnostic): boolean => file !== undefined

export class Executor {
  readonly #kernel: Kernel
  readonly #queue: Waiting[] = []
  #busy = false
  readonly #counter: { count: number }
  readonly #waitingForRest: (() => void)[] = []
  running: RunningCell | undefined
  /** The cell that ran last. */
  latest: Cause = 0

  /** @param parent the main queue, of which this is a subshell: cells are counted through all of them. */
  constructor(kernel: Kernel, parent?: Executor) {
    this.#kernel = kernel
    this.#counter = parent ? parent.#counter : { count: 0 }
  }

  /** The number of the last cell that was counted. */
  get count(): number {
    return this.#counter.count
  }

  /** Whether a cell runs or waits to run. */
  get busy(): boolean {
    return this.#busy
  }

  push(message: Message): void {
    this.#queue.push({ message, aborted: false })
    if (!this.#busy) void this.#work()
  }

  /** Answers a request that no queue takes. */
  refuse(message: Message, problem: Problem): void {
    const { wire } = this.#kernel
    const parent = message.header
    wire.publish(parent, 'status', { execution_state: 'busy' })
    wire.publish(parent, 'error', problem)
    const content = {
      status: 'error',
      ...problem,
      execution_count: this.count,
      user_expressions: {},
      payload: [],
    }
    wire.reply('shell', message, content)
    wire.publish(parent, 'status', { execution_state: 'idle' })
  }

  /** Resolves when all cells have been answered. */
  rest(): Promise<void> {
    return this.#busy ? new Promise((resolve) => this.#waitingForRest.push(resolve)) : Promise.resolve()
  }

  /** What is queued now will be answered 'aborted'; what comes later runs. */
  abortQueued(): void {
    for (const waiting of this.#queue) waiting.aborted = true
  }

  async #work(): Promise<void> {
    this.#busy = true
    const { wire, log, stopper } = this.#kernel
    while (this.#queue.length > 0) {
      // Still in the queue, so that a Stop that comes while it waits aborts it.
      await stopper.settled()
      const next = this.#queue.shift()!
      const parent = next.message.header
      // Front ends that measure cells take their beginning from here.
      const metadata = { started: new Date().toISOString() }
      wire.publish(parent, 'status', { execution_state: 'busy' })
      let content: object
      try {
        content = next.aborted
          ? { status: 'aborted', execution_count: this.count }
          : await this.#execute(next.message)
      } catch (error) {
        log(`execute_request failed: ${(error as Error).stack}`)
        content = { status: 'error', ...faultOf(error), execution_count: this.count }
      }
      wire.reply('shell', next.message, content, { metadata })
      wire.publish(parent, 'status', { execution_state: 'idle' })
    }
    this.#busy = false
    this.#kernel.comms.cellsEnded()
    for (const resolve of this.#waitingForRest.splice(0)) resolve()
  }

  async #execute(message: Message): Promise<object> {
    const { wire, history, shared, causes } = this.#kernel
    const content = message.content
    const source = String(content.code ?? '')
    const silent = content.silent === true
    const store = !silent && content.store_history !== false
    const number = store ? ++this.#counter.count : this.count + 1
    const execution_count = this.count
    const parent = message.header
    const cause = causes.add(message)
    if (silent) causes.silence(cause)
    if (store) history.add(number, source)
    if (!silent) wire.publish(parent, 'execute_input', { code: source, execution_count })

    const cell = this.#begin(cause, message)
    Atomics.store(shared, Shared.interrupted, 0)
    // Beside `finished`, so that Stop ends a cell that is still being checked.
    this.#start(cell, { number, text: source }).catch((error: unknown) =>
      cell.finish({ status: 'error', problem: faultOf(error) }),
    )
    const outcome = await cell.finished
    this.running = undefined
    if (outcome.status === 'error') {
      if (content.stop_on_error !== false) {
        // What was sent before this reply was sent without knowing of the error: a turn of the loop brings it in.
        await new Promise((resolve) => setImmediate(resolve))
        this.abortQueued()
      }
      if (!silent) wire.publish(parent, 'error', outcome.problem)
      return { status: 'error', ...outcome.problem, execution_count, user_expressions: {}, payload: [] }
    }
    if (outcome.result && !silent) {
      wire.publishLater(
        parent,
        'execute_result',
        toWireBundle(outcome.result).then((shown) => ({ ...shown, execution_count })),
      )
    }
    const user_expressions: Record<string, object> = {}
    for (const [name, value] of Object.entries(outcome.expressions))
      user_expressions[name] =
        'ename' in value
          ? { status: 'error', ...value }
          : { status: 'ok', ...(await toWireBundle(value, { picture: false })) }
    return { status: 'ok', execution_count, user_expressions, payload: [] }
  }

  /** Checks and compiles a cell and hands it to the main thread, or ends it with what is wrong with it. */
  async #start(cell: RunningCell, source: CellSource): Promise<void> {
    const { message, cause } = cell
    const [language, compiler] = await Promise.all([this.#kernel.language, this.#kernel.compiler])
    const checked = language.check(source)
    // One turn, so that TypeScript has the question before this thread compiles.
    await new Promise((resolve) => setImmediate(resolve))
    let compiled: CompiledCell
    try {
      compiled = compiler.compile(source)
    } catch (error) {
      this.#warn(cell, compiler.warningsOf(source, (await checked).filter(isElsewhere)))
      return cell.finish({ status: 'error', problem: compiler.problemOfError(source, error) })
    }
    const diagnostics = await checked
    const problem = compiler.problemOf(source, compiled, diagnostics)
    // What is not about the cell is said whether or not it runs.
    this.#warn(cell, compiler.warningsOf(source, problem ? diagnostics.filter(isElsewhere) : diagnostics))
    if (problem) return cell.finish({ status: 'error', problem })
    if (this.running !== cell) return
    compiler.commit(compiled)
    const expressions: Record<string, Program | Problem> = {}
    for (const [name, text] of Object.entries(namedExpressions(message))) {
      const expression = { number: source.number, text: String(text) }
      try {
        expressions[name] = compiler.compile(expression)
      } catch (error) {
        expressions[name] = compiler.problemOfError(expression, error)
      }
    }
    await this.#kernel.debugging.beforeCell({ ...source, program: compiled.program, map: compiled.map })
    if (this.running !== cell) return
    cell.onMainThread = true
    this.#kernel.post({
      type: 'run',
      cause,
      number: source.number,
      source: source.text,
      cellId: typeof message.metadata.cellId === 'string' ? message.metadata.cellId : undefined,
      compiled: { program: compiled.program, map: compiled.map },
      expressions,
      canAsk: message.content.allow_stdin === true,
    })
    // While it runs.
    language.commit(source)
  }

  #warn(cell: RunningCell, warnings: string): void {
    const isHeard = this.running === cell && !this.#kernel.causes.isSilent(cell.cause)
    if (warnings && isHeard) this.#kernel.wire.stream(cell.message.header, 'stderr', warnings)
  }

  #begin(cause: Cause, message: Message): RunningCell {
    let finish!: (outcome: Outcome) => void
    const finished = new Promise<Outcome>((resolve) => (finish = resolve))
    const cell: RunningCell = { cause, message, onMainThread: false, finish, finished }
    this.running = cell
    this.latest = cause
    return cell
  }
}

/** The expressions that a request asks for by name. */
function namedExpressions({ content }: Message): object {
  const asked = content.user_expressions as unknown
  return typeof asked === 'object' && asked !== null && !Array.isArray(asked) ? asked : {}
}

/** A fault of the kernel itself, which is shown where its consequence is seen. */
function faultOf(error: unknown): Problem {
  const { name = 'Error', message = String(error), stack = '' } = error as Error
  return { ename: name, evalue: message, traceback: stack.split('\n') }
}
