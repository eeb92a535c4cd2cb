import { fitLine } from '../show/values/progress.js'

/** What is used of a stream. */
export interface Stream {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
  readonly bytesWritten?: number
}

/**
 * Lines on a terminal, the last of which may be drawn over. Where nothing can be drawn over (a file, a pipe), progress
 * is a line now and then.
 */
export class Ink {
  readonly #stream: Stream
  readonly #every: number
  #owner: object | undefined
  #written = 0
  readonly #last = new WeakMap<object, number>()

  constructor(stream: Stream, every: number) {
    this.#stream = stream
    this.#every = every
  }

  /** The progress of `owner`, in the place of its last if that is still the last line. */
  progress(owner: object, text: string): void {
    if (!this.#stream.isTTY) {
      const now = performance.now()
      const last = this.#last.get(owner)
      if (last !== undefined && now - last < this.#every) return
      this.#last.set(owner, now)
      this.#write(`${text}\n`)
      return
    }
    // A line that wraps could not be drawn over. A terminal that does not know its width says 0.
    const line = fitLine(text.split('\n')[0]!, (this.#stream.columns || 80) - 1)
    this.#write(`${this.#over(owner)}${line}\n`)
    this.#owner = owner
    this.#written = written(this.#stream)
  }

  /** A text that stays; it takes the place of the owner's progress. */
  final(owner: object, text: string): void {
    this.#write(`${this.#over(owner)}${text}\n`)
    this.#owner = undefined
  }

  /** Takes away the line of progress, if one is the last. */
  clear(): void {
    if (this.#owner) this.#write(this.#over(this.#owner))
    this.#owner = undefined
  }

  /** The codes that go up and erase, if nobody else has written since. */
  #over(owner: object): string {
    return this.#stream.isTTY && this.#owner === owner && this.#written === written(this.#stream)
      ? '\u001b[1A\u001b[2K'
      : ''
  }

  #write(text: string): void {
    try {
      this.#stream.write(text)
    } catch {
      // The other end of a pipe is gone: training goes on without being watched.
    }
  }
}

/** All that went to the terminal: a script's own prints must not be drawn over. */
function written(stream: Stream): number {
  return (stream.bytesWritten ?? 0) + (process.stdout.isTTY ? (process.stdout.bytesWritten ?? 0) : 0)
}
