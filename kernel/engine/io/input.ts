/**
 * `process.stdin`: what reads from it asks the user, as `prompt` does, but without holding the thread. `question` and `prompt`
 * of Node's readline ask with their text, line by line; who reads lines from readline without a prompt is asked until a line
 * is empty; who reads the stream itself gets one answer, and its end.
 */
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { Readable } from 'node:stream'
import { currentOrigin, runAs, type Origin } from '../running/cause.js'
import { NobodyToAsk, type Questions } from './questions.js'

interface Wanted {
  prompt: string
  by: Origin
}

/** What is used of an interface of node:readline. */
interface Interface {
  readonly input?: unknown
  readonly closed: boolean
  listenerCount(event: string): number
  getPrompt(): string
  setPrompt(prompt: string): void
  prompt(preserveCursor?: boolean): void
  close(): void
}

/** The listener of readline, which wants nothing by itself. */
const isReadlines = (listener: unknown): boolean =>
  typeof listener === 'function' &&
  /^ondata$/i.test(listener.name) &&
  /kNormalWrite|KEYPRESS/.test(String(listener))

class CellInput extends Readable {
  readonly fd = 0
  readonly isTTY = false
  readonly #questions: Questions
  /** Prompts of readline that wait for their line. */
  readonly #wanted: Wanted[] = []
  /** Interfaces of readline that want lines of which nobody says what they are. */
  readonly #readers = new Set<Interface>()
  #isHungry = false
  #isAsking = false
  /** The question that is open. */
  asking: { by: Origin; answered: Promise<void> } | undefined
  /** The cell that has touched it last. */
  touched: Origin | undefined

  constructor(questions: Questions) {
    super()
    this.#questions = questions
  }

  override _read(): void {
    this.#isHungry = true
    this.#askSoon()
  }

  // Who comes later, or goes on, finds that it has been asked to read before.
  override on(event: string | symbol, listener: (...args: any[]) => void): this {
    super.on(event, listener)
    this.#askSoon()
    return this
  }

  override resume(): this {
    super.resume()
    this.#askSoon()
    return this
  }

  wantLine(prompt: string): void {
    const by = currentOrigin()
    if (!by.canAsk) throw new NobodyToAsk(prompt)
    this.#wanted.push({ prompt, by })
    this.#askSoon()
  }

  wantLines(reader: Interface): void {
    this.#readers.add(reader)
    this.#askSoon()
  }

  /** A turn later: an interface is made, or a listener added, before the prompt comes. */
  #askSoon(): void {
    this.touched = currentOrigin()
    setImmediate(() => {
      if (!this.#isHungry || this.#isAsking || this.destroyed || this.readableEnded) return
      const isTaken = this.listenerCount('readable') > 0
      if (this.isPaused() && !isTaken) return
      const wanted = this.#wanted.shift()
      if (wanted) return void this.#ask(wanted, 'line')
      for (const reader of this.#readers)
        if (reader.closed || reader.listenerCount('line') === 0) this.#readers.delete(reader)
      if (this.#readers.size > 0) return void this.#ask({ prompt: '', by: currentOrigin() }, 'lines')
      const isRead = isTaken || this.listeners('data').some((listener) => !isReadlines(listener))
      if (isRead) void this.#ask({ prompt: '', by: currentOrigin() }, 'all')
    })
  }

  async #ask({ prompt, by }: Wanted, what: 'line' | 'lines' | 'all'): Promise<void> {
    this.#isAsking = true
    let done!: () => void
    this.asking = { by, answered: new Promise((resolve) => (done = resolve)) }
    try {
      const answer = await runAs(by, () => this.#questions.ask(prompt))
      if (by.stopped) return this.#end()
      this.#isHungry = false
      if (what === 'lines' && answer === '') return this.#end()
      this.push(`${answer}\n`)
      if (what === 'all') this.#end()
    } catch (error) {
      // Given up by Stop, or nobody is there.
      if (by.stopped) this.#end()
      else this.destroy(error as Error)
    } finally {
      this.#isAsking = false
      this.asking = undefined
      done()
      if (this.#wanted.length > 0) this.#askSoon()
    }
  }

  #end(): void {
    this.push(null)
  }
}

/** Lets the interfaces of readline say to the stream what they want of it. */
function teachReadline(): void {
  const require = createRequire(import.meta.url)
  const readline = require('node:readline') as { Interface: { prototype: object } }
  // Both node:readline and node:readline/promises extend this one.
  const prototype = Object.getPrototypeOf(readline.Interface.prototype) as Interface &
    Record<'on' | 'once' | 'addListener', (event: unknown, listener: unknown) => unknown>
  const { prompt } = prototype
  prototype.prompt = function (this: Interface, preserveCursor) {
    const { input } = this
    if (!(input instanceof CellInput)) return prompt.call(this, preserveCursor)
    const text = this.getPrompt()
    try {
      input.wantLine(text)
    } catch (error) {
      // Whose question nobody answers takes no second one.
      this.close()
      throw error
    }
    // The front end shows the text where it asks.
    this.setPrompt('')
    prompt.call(this, preserveCursor)
    this.setPrompt(text)
  }
  for (const name of ['on', 'once', 'addListener'] as const) {
    const add = prototype[name]
    prototype[name] = function (this: Interface, event, listener) {
      if (event === 'line' && this.input instanceof CellInput) this.input.wantLines(this)
      return add.call(this, event, listener)
    }
  }
  syncBuiltinESMExports()
}

export interface Input {
  /** Resolves when a cell has no question open: what it asks by a callback nobody could answer after its end. */
  settled(cell: Origin): Promise<void>
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Puts a stream that asks in place of the process's own input: another one once it has ended, for the cells after that. */
export function captureInput(questions: Questions): Input {
  let input: CellInput | undefined
  Object.defineProperty(process, 'stdin', {
    configurable: true,
    enumerable: true,
    get() {
      if (!input) teachReadline()
      if (!input || input.destroyed || input.readableEnded || input.readable === false)
        input = new CellInput(questions)
      return input
    },
  })
  return {
    async settled(cell) {
      while (input?.touched === cell) {
        // The first turn brings the question, if there is to be one; what is answered may ask the next.
        input.touched = undefined
        await turn()
        await turn()
        if (input.asking?.by === cell) {
          await input.asking.answered
          input.touched = cell
        }
      }
    },
  }
}
