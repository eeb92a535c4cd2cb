/** What the handlers of requests share: one object, made in protocol.ts. */
import type { Language } from '../language/types.js'
import type { StandIn, ToMain } from '../port.js'
import type { Header, Message, Wire } from '../wire/index.js'
import type { Compiler } from './compile.js'
import type { Comms } from './comms.js'
import type { Debugging } from './debug.js'
import type { Executor } from './execute.js'
import type { History } from './history.js'
import type { Causes } from './causes.js'
import type { OutputComms } from './outputs.js'
import type { Questions } from './questions.js'
import type { Stopper } from './stop.js'
import type { Subshells } from './subshells.js'

export interface Kernel {
  wire: Wire
  /** To the main thread. */
  post(message: ToMain): void
  shared: Int32Array
  /** The kernel that it stands in for. */
  as?: StandIn | undefined
  /** The type service: it is loaded while the first messages are answered already. */
  language: Promise<Language>
  compiler: Promise<Compiler>
  causes: Causes
  executor: Executor
  subshells: Subshells
  history: History
  comms: Comms
  debugging: Debugging
  /** What cells have shown, for front ends that missed it. */
  outputs: OutputComms
  questions: Questions
  stopper: Stopper
  /** Ends the kernel once everything has been sent. */
  exit(): void
  log(line: string): void
}

/** Answers a request with the content of its reply; `undefined` where the protocol has none. */
export type Handler = (request: Request, kernel: Kernel) => object | undefined | Promise<object | undefined>

export interface Request {
  channel: 'shell' | 'control'
  message: Message
  parent: Header
}
