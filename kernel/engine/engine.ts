/** Runs compiled cells on the main thread and reports what they show. Knows nothing of messages on a wire. */
import vm from 'node:vm'
import { setHost } from '../../src/host.js'
import { setOwner, settle, settleOf } from '../../src/settle.js'
import { messageOf } from '../../src/untrusted.js'
import { aroundTermination } from '../termination/around.js'
import { createScope } from '../cell/scope.js'
import type { Runtime } from '../cell/types.js'
import {
  Shared,
  type Cause,
  type Looked,
  type Outcome,
  type Problem,
  type Program,
  type Shown,
  type ToMain,
  type ToProtocol,
} from '../port.js'
import { createOrigin, currentOrigin, latestOrigin, runAs, runBeside, type Origin } from './running/cause.js'
import { watchChildren } from './running/child-processes.js'
import { createComms } from './comms.js'
import { installGlobals } from './globals.js'
import { isInterrupted } from './running/interrupted.js'
import { markGroups } from './io/groups.js'
import { captureInput } from './io/input.js'
import { handleErrors } from './running/handlers.js'
import { createHost, isDisplay } from './notebook-host.js'
import { reported } from './modules/node-test.js'
import { captureStreams, createOutput } from './io/output.js'
import { LateErrors } from './running/late-errors.js'
import { limited } from './running/limited.js'
import type { CellEnvironment } from './cell-environment.js'
import { printResources } from './io/printing.js'
import type { Questions } from './io/questions.js'
import { isOpen, isPassive, lookUp, membersOf, typeOf } from './live-values.js'
import { restTensors, settleTensors } from './tensors.js'
import { watchTimers } from './running/timers.js'
import { isTermination } from './running/termination.js'
import { UncaughtEnds } from './running/uncaught.js'
import { prepareToShow, show, showInTime, showText } from './io/values.js'
import { watchEndings } from './running/waiting.js'

export interface Engine {
  /** The names of the cells. */
  readonly scope: Record<string, unknown>
  receive(message: ToMain): void
}

/** Milliseconds that a value may take to be shown beside its type. */
const lookAtMost = 1_000

type CellFunction = (scope: object, runtime: Runtime) => Promise<{ value?: unknown }>

export function createEngine(
  post: (message: ToProtocol) => void,
  shared: Int32Array,
  questions: Questions,
  environment: CellEnvironment,
): Engine {
  const scope = createScope()
  const output = createOutput(post, shared)
  const comms = createComms(post)
  const running = new Map<Cause, { origin: Origin; unwind: () => void }>()
  const uncaught = new UncaughtEnds()
  const lateErrors = new LateErrors()
  const closeAllGroups = markGroups()
  watchEndings(shared)
  const streams = captureStreams(output)
  const input = captureInput(questions)
  printResources()
  watchTimers()
  watchChildren(
    (pid, alive) => post({ type: 'child', pid, alive }),
    () => {
      const seen = Atomics.load(shared, Shared.drained)
      post({ type: 'drain' })
      // What the child wrote comes before what this thread says next.
      Atomics.wait(shared, Shared.drained, seen, 1_000)
    },
  )
  const host = createHost(post, shared, comms, questions, problemOf, scope)
  setHost(host)
  setOwner(() => currentOrigin().controller.signal)
  installGlobals(host)

  function evaluate({ program }: Program, filename: string): Promise<{ value?: unknown }> {
    const cell = vm.runInThisContext(program, { filename }) as CellFunction
    return cell(scope, environment.runtime)
  }

  /** A stopped run says all there is to say in its own message; any other error gets its frame and its causes. */
  function problemOf(error: unknown): Problem {
    if (isInterrupted(error)) {
      const evalue = messageOf(error)
      return { ename: 'Interrupted', evalue, traceback: [`Interrupted: ${evalue}`] }
    }
    return environment.formatError(error)
  }

  async function evaluateExpressions(
    expressions: Record<string, Program | Problem>,
    file: string,
  ): Promise<Record<string, Shown | Problem>> {
    const results: Record<string, Shown | Problem> = {}
    for (const [name, expression] of Object.entries(expressions)) {
      if ('ename' in expression) results[name] = expression
      else
        try {
          results[name] = await showInTime((await evaluate(expression, file)).value)
        } catch (error) {
          results[name] = problemOf(error)
        }
    }
    return results
  }

  async function run(message: Extract<ToMain, { type: 'run' }>): Promise<void> {
    const { cause, number, source, cellId, program, expressions, canAsk } = message
    const cell = cellId === undefined ? { number, source } : { number, source, id: cellId }
    const origin = createOrigin(cause, { cell, canAsk })
    const closeGroups = markGroups()
    const unwind = () => {
      closeGroups()
      streams.letGo()
    }
    settle()
    restTensors()
    running.set(cause, { origin, unwind })
    environment.remember(number, source, program)
    const file = environment.fileOf(number)
    const outcome = await runAs(origin, async (): Promise<Outcome> => {
      try {
        const evaluated = evaluate(program, file)
        const isDebugged = Atomics.load(shared, Shared.debugged) === 1
        const ended = await (isDebugged ? uncaught.settle(evaluated) : evaluated)
        await input.settled(origin)
        const isShown = ended.value === undefined || isDisplay(ended.value)
        const shown = isShown ? undefined : await showInTime(ended.value)
        // A value that draws nothing has nothing to show, as in IPython.
        const result = shown && Object.keys(shown.data).length > 0 ? shown : undefined
        return { status: 'ok', result, expressions: await evaluateExpressions(expressions, file) }
      } catch (error) {
        return { status: 'error', problem: problemOf(error) }
      }
    })
    restTensors()
    await reported()
    streams.letGo()
    if (outcome.status === 'error') closeGroups()
    // Abandoned: the protocol thread has answered already.
    if (running.delete(cause)) post({ type: 'done', cause, outcome })
  }

  /**
   * JavaScript was ended in the middle of something, and none runs now: what is open on the stack was left by it, and what
   * Node and this process had begun is put right.
   */
  function terminated(): void {
    for (const tell of aroundTermination.after) tell()
    streams.restore()
    runBeside(() => {
      attempt(settle)
      settleTensors()
      attempt(host.terminated)
    })
  }

  /** Who listens to a cell's signal has the last word: under the cell, but not as what is stopped with it. */
  function interrupt({ cause, controller }: Origin): void {
    runAs(createOrigin(cause), () => controller.abort(new DOMException('The cell was stopped', 'AbortError')))
  }

  /** Waits no longer for a cell, and lets nothing of it go on. */
  function abandon(cause: Cause): void {
    const cell = running.get(cause)
    if (!cell) return
    const { origin, unwind } = cell
    running.delete(cause)
    origin.stopped = true
    unwind()
    runBeside(() => attempt(() => settleOf(origin.controller.signal)))
    interrupt(origin)
  }

  /** What cannot be put right is told; the protocol thread waits for the answer all the same. */
  function attempt(work: () => void): void {
    try {
      work()
    } catch (error) {
      onError(error)
    }
  }

  function onError(error: unknown): void {
    if (isTermination(error)) return
    const origin = currentOrigin()
    // What a stopped cell leaves behind fails because it was stopped.
    if (origin.stopped || isInterrupted(error)) return
    // Beside a cell that runs it cannot be told whose group is open.
    if (running.size === 0) closeAllGroups()
    const more = lateErrors.admit(origin.cause)
    if (!more) return
    const problem = problemOf(error)
    post({
      type: 'failed',
      cause: origin.cause,
      problem: { ...problem, traceback: [...problem.traceback, ...more] },
    })
  }
  handleErrors({
    uncaughtException: onError,
    unhandledRejection: (error, promise) => {
      if (!uncaught.take(promise, error)) onError(error)
    },
  })

  function look({ path, members }: Extract<ToMain, { type: 'look' }>): Looked | undefined {
    const found = lookUp(scope, path)
    if (!found) return undefined
    const { value } = found
    const type = typeOf(value)
    if (members)
      return { type, isOpen: isOpen(value), members: membersOf(value, members.prefix, members.keysOnly) }
    return { type, shown: isPassive(value) ? show(value) : showText(value) }
  }

  return {
    scope,
    receive(message) {
      switch (message.type) {
        case 'run':
          void run(message)
          break
        case 'stop':
          interrupt(running.get(message.cause)?.origin ?? latestOrigin())
          break
        case 'abandon':
          if (message.terminated) terminated()
          for (const cause of message.causes) abandon(cause)
          post({ type: 'abandoned' })
          break
        case 'comm': {
          const { cause, comm } = message
          const origin = createOrigin(cause)
          const known = runAs(origin, () => {
            try {
              return comms.receive(comm)
            } catch (error) {
              onError(error)
              return true
            }
          })
          post({ type: 'handled', cause, unknown: !known })
          break
        }
        case 'look': {
          prepareToShow()
          const found = limited(lookAtMost, () => look(message), terminated)
          post({ type: 'looked', id: message.id, ...(found && { found }) })
          break
        }
        case 'answer':
          questions.answer(message.id, message.value)
          break
        case 'exit':
          process.exit(0)
      }
    },
  }
}
