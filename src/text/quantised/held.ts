import { InputError } from '../../errors.js'
import type { GptParameters } from '../models/gpt.js'
import { Reader, type ReadingSession } from './reader.js'

/**
 * The weights of a model as its file has them, of few bits: enough to write with. They become float32 when they are asked for as
 * parameters, which is what training does, and are no longer held then: there is one set of weights at any time.
 */
export class Held {
  readonly #open: () => ReadingSession
  readonly #floats: () => GptParameters
  readonly #close: () => void
  #session: ReadingSession | undefined
  /** Readers that are reading, which an end waits for. */
  #readers = 0
  #isOver = false

  /**
   * @param of.open makes the session; called when something is first read.
   * @param of.floats the weights as float32.
   * @param of.close the file is no longer needed.
   */
  constructor(of: { open(): ReadingSession; floats(): GptParameters; close(): void }) {
    this.#open = () => of.open()
    this.#floats = () => of.floats()
    this.#close = () => of.close()
  }

  /** Reads `rows` texts at once. It must be disposed of. */
  reader(rows: number): Reader {
    this.#check()
    const engine = (this.#session ??= this.#open())
    this.#readers++
    return new Reader(engine, rows, () => {
      this.#readers--
      this.#maybeEnd()
    })
  }

  /** The weights as float32, of the same values. */
  floats(): GptParameters {
    this.#check()
    return this.#floats()
  }

  #check(): void {
    if (this.#isOver)
      throw new InputError({
        where: 'a GPT',
        received: 'a model that was disposed of',
        expected: 'one that is in use',
      })
  }

  /** Lets go of what is held, when those that read have finished. */
  dispose(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#maybeEnd()
  }

  #maybeEnd(): void {
    if (!this.#isOver || this.#readers > 0) return
    this.#session?.session.dispose()
    this.#session = undefined
    this.#close()
  }
}
