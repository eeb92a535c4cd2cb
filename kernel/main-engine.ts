/** The other half of the main thread: loaded, as one file, while the protocol thread starts. */
import type { MessagePort, Worker } from 'node:worker_threads'
import { offerAgent } from './debug/agent/offer.js'
import { runBeside } from './engine/running/cause.js'
import { postSafely } from './engine/crossing.js'
import { createEngine } from './engine/engine.js'
import { handleSignal, keepListeners } from './engine/running/handlers.js'
import { createCellEnvironment } from './engine/cell-environment.js'
import { createQuestions } from './engine/io/questions.js'
import { show } from './engine/io/values.js'
import { Shared, type ToMain, type ToProtocol } from './port.js'

export interface EngineData {
  protocol: Worker
  shared: Int32Array
  /** Answers to blocking questions. */
  answers: MessagePort
  folder: string
  home: string
  /** Ends the process at once. */
  exit(code: number): never
}

export function startEngine({ protocol, shared, answers, folder, home, exit }: EngineData): void {
  const post = postSafely((message: ToProtocol): void => protocol.postMessage(message))
  const questions = createQuestions(post, shared, answers)
  const environment = createCellEnvironment(folder, home)
  const engine = createEngine(post, shared, questions, environment)
  offerAgent({ scope: engine.scope, runtime: environment.runtime, show, within: runBeside })
  protocol.on('message', (message: ToMain) => engine.receive(message))

  /** Lets all that was said be sent before the process ends. */
  process.exit = (code?: number | string | null): never => {
    const status = Number(code ?? process.exitCode ?? 0)
    post({ type: 'exiting', code: status })
    Atomics.wait(shared, Shared.exit, 0, 3_000)
    return exit(status)
  }
  handleSignal('SIGINT', () => post({ type: 'interrupt' }))
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) handleSignal(signal, () => process.exit(0))
  keepListeners()

  post({ type: 'ready' })
}
