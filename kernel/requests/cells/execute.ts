/** `execute_request`: cells run one after the other, in the order in which they came. */
import { Shared, type Problem, type Program, type ToMain } from '../../port.js'
import type { CellSource, CompiledCell, Diagnostic } from '../../cell/types.js'
import type { Language } from '../../language/types.js'
import type { Message, Wire } from '../../wire/index.js'
import type { Debugging } from '../debug.js'
import type { History } from '../history.js'
import { toWireBundle } from '../wire-bundle.js'
import type { Causes } from './causes.js'
import type { Compiler } from './compiler.js'
import type { CellQueue, RunningCell } from './queue.js'
import type { Stopper } from './stop.js'
import type { Subshells } from './subshells.js'

export interface ExecutorUses {
  wire: Wire
  log(line: string): void
  /** To the main thread. */
  post(message: ToMain): void
  shared: Int32Array
  causes: Causes
  subshells: Subshells
  stopper: Stopper
  history: History
  debugging: Debugging
  language: Promise<Language>
  compiler: Promise<Compiler>
  /** Called when the cells of a queue have all been answered. */
  onRest(): void
}

/** Whether a problem is about a file beside the cell. */
const isElsewhere = ({ file }: Diagnostic): boolean => file !== undefined

/** Runs the cells of all queues. */
export class Executor {
  readonly #uses: ExecutorUses

  constructor(uses: ExecutorUses) {
    this.#uses = uses
  }

  push(queue: CellQueue, message: Message): void {
    queue.add(message)
    if (!queue.isBusy) void this.#work(queue)
  }

  /** Answers a request that no queue takes. */
  refuse(message: Message, problem: Problem): void {
    const { wire, subshells } = this.#uses
    const parent = message.header
    wire.publish(parent, 'status', { execution_state: 'busy' })
    wire.publish(parent, 'error', problem)
    const content = {
      status: 'error',
      ...problem,
      execution_count: subshells.count,
      user_expressions: {},
      payload: [],
    }
    wire.reply('shell', message, content)
    wire.publish(parent, 'status', { execution_state: 'idle' })
  }

  async #work(queue: CellQueue): Promise<void> {
    queue.wake()
    const { wire, log, stopper, subshells, onRest } = this.#uses
    while (!queue.isEmpty) {
      // Still in the queue, so that a Stop that comes while it waits aborts it.
      await stopper.settled()
      const next = queue.take()
      const parent = next.message.header
      // Front ends that measure cells take their beginning from here.
      const metadata = { started: new Date().toISOString() }
      wire.publish(parent, 'status', { execution_state: 'busy' })
      let content: object
      try {
        content = next.aborted
          ? { status: 'aborted', execution_count: subshells.count }
          : await this.#execute(queue, next.message)
      } catch (error) {
        log(`execute_request failed: ${(error as Error).stack}`)
        content = { status: 'error', ...faultOf(error), execution_count: subshells.count }
      }
      wire.reply('shell', next.message, content, { metadata })
      wire.publish(parent, 'status', { execution_state: 'idle' })
    }
    queue.rest()
    onRest()
  }

  async #execute(queue: CellQueue, message: Message): Promise<object> {
    const { wire, history, shared, causes, subshells } = this.#uses
    const content = message.content
    const source = String(content.code ?? '')
    const silent = content.silent === true
    const store = !silent && content.store_history !== false
    const number = store ? subshells.countCell() : subshells.count + 1
    const execution_count = subshells.count
    const parent = message.header
    const cause = causes.add(message)
    if (silent) causes.silence(cause)
    if (store) history.add(number, source)
    if (!silent) wire.publish(parent, 'execute_input', { code: source, execution_count })

    const cell = queue.begin(cause, message)
    Atomics.store(shared, Shared.interrupted, 0)
    // Beside `finished`, so that Stop ends a cell that is still being checked.
    this.#start(queue, cell, { number, text: source }).catch((error: unknown) =>
      cell.finish({ status: 'error', problem: faultOf(error) }),
    )
    const outcome = await cell.finished
    queue.running = undefined
    if (outcome.status === 'error') {
      if (content.stop_on_error !== false) {
        // What was sent before this reply was sent without knowing of the error: a turn of the loop brings it in.
        await new Promise((resolve) => setImmediate(resolve))
        queue.abortWaiting()
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
  async #start(queue: CellQueue, cell: RunningCell, source: CellSource): Promise<void> {
    const { message, cause } = cell
    const { debugging, post } = this.#uses
    const [language, compiler] = await Promise.all([this.#uses.language, this.#uses.compiler])
    const checked = language.check(source)
    // One turn, so that TypeScript has the question before this thread compiles.
    await new Promise((resolve) => setImmediate(resolve))
    let compiled: CompiledCell
    try {
      compiled = compiler.compile(source)
    } catch (error) {
      this.#warn(queue, cell, compiler.warningsOf(source, (await checked).filter(isElsewhere)))
      return cell.finish({ status: 'error', problem: compiler.problemOfError(source, error) })
    }
    const diagnostics = await checked
    const problem = compiler.problemOf(source, compiled, diagnostics)
    // What is not about the cell is said whether or not it runs.
    this.#warn(
      queue,
      cell,
      compiler.warningsOf(source, problem ? diagnostics.filter(isElsewhere) : diagnostics),
    )
    if (problem) return cell.finish({ status: 'error', problem })
    if (queue.running !== cell) return
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
    await debugging.beforeCell({ ...source, program: compiled.program, map: compiled.map })
    if (queue.running !== cell) return
    cell.onMainThread = true
    post({
      type: 'run',
      cause,
      number: source.number,
      source: source.text,
      cellId: typeof message.metadata.cellId === 'string' ? message.metadata.cellId : undefined,
      program: { program: compiled.program, map: compiled.map },
      expressions,
      canAsk: message.content.allow_stdin === true,
    })
    // While it runs.
    language.commit(source)
  }

  #warn(queue: CellQueue, cell: RunningCell, warnings: string): void {
    const { wire, causes } = this.#uses
    const isHeard = queue.running === cell && !causes.isSilent(cell.cause)
    if (warnings && isHeard) wire.stream(cell.message.header, 'stderr', warnings)
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
