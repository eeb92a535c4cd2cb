/** Questions between the threads and the front end: `input_request` to the user, and live values from the main thread. */
import type { MessagePort } from 'node:worker_threads'
import { Shared, type Cause, type Looked, type ToMain, type ToProtocol } from '../port.js'
import type { Message, Wire } from '../wire/index.js'
import type { Causes } from './cells/causes.js'

type Ask = Extract<ToProtocol, { type: 'ask' }>

interface Uses {
  wire: Wire
  log(line: string): void
  /** To the main thread. */
  post(message: ToMain): void
  shared: Int32Array
  causes: Causes
  /** To the main thread too, where it waits for an answer without an event loop. */
  answers: MessagePort
}

export class Questions {
  readonly #uses: Uses
  /** Front ends show one question at a time. */
  readonly #queue: Ask[] = []
  readonly #looks = new Map<number, (found: Looked | undefined) => void>()
  #lookCount = 0

  constructor(uses: Uses) {
    this.#uses = uses
  }

  ask(question: Ask): void {
    this.#queue.push(question)
    if (this.#queue.length === 1) this.#send()
  }

  #send(): void {
    const next = this.#queue[0]
    if (!next) return
    const message = this.#uses.causes.messageOf(next.cause)
    if (message) this.#uses.wire.ask(message, { prompt: next.question, password: next.password })
    else this.#answer(null)
  }

  /** The user's `input_reply`. */
  receive(message: Message): void {
    const [question] = this.#queue
    const { log, causes } = this.#uses
    if (message.header.msg_type !== 'input_reply' || !question)
      return log(`ignored a message on stdin: nothing was asked that '${message.header.msg_type}' answers`)
    // A client has one identity on shell and stdin. Who looks on, in a second window, cannot answer for the one who was asked.
    const asked = causes.messageOf(question.cause)?.identities ?? []
    const isTheirs =
      asked.length === message.identities.length &&
      asked.every((identity, index) => Buffer.compare(identity, message.identities[index]!) === 0)
    if (!isTheirs) return log('ignored an answer on stdin: it came from a front end that was not asked')
    const { value } = message.content
    this.#answer(typeof value === 'string' ? value : null)
  }

  #answer(value: string | null): void {
    const question = this.#queue.shift()
    if (!question) return
    this.#tell(question, value)
    this.#send()
  }

  #tell({ id, blocking }: Ask, value: string | null): void {
    if (!blocking) return this.#uses.post({ type: 'answer', id, value })
    this.#uses.answers.postMessage({ id, value })
    Atomics.add(this.#uses.shared, Shared.answers, 1)
    Atomics.notify(this.#uses.shared, Shared.answers)
  }

  /** The cell was stopped: what it asked is not waited for any more. */
  giveUp(cause: Cause): void {
    const wasFirst = this.#queue[0]?.cause === cause
    const given = this.#queue.filter((question) => question.cause === cause)
    this.#queue.splice(0, this.#queue.length, ...this.#queue.filter((question) => question.cause !== cause))
    for (const question of given) this.#tell(question, null)
    if (wasFirst) this.#send()
  }

  /** What is seen of a live value, unless the main thread takes longer than `wait` milliseconds to say. */
  look(
    path: string[],
    wait: number,
    members?: { prefix: string; keysOnly: boolean },
  ): Promise<Looked | undefined> {
    const id = ++this.#lookCount
    return new Promise((resolve) => {
      const done = (found: Looked | undefined): void => {
        clearTimeout(timer)
        this.#looks.delete(id)
        resolve(found)
      }
      const timer = setTimeout(done, wait, undefined)
      this.#looks.set(id, done)
      this.#uses.post({ type: 'look', id, path, ...(members && { members }) })
    })
  }

  looked(id: number, found: Looked | undefined): void {
    this.#looks.get(id)?.(found)
  }
}
