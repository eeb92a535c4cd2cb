/** Which request a cause stands for: what the main thread says later about it is published under that request. */
import type { Cause } from '../../port.js'
import type { Message } from '../../wire/index.js'

/** A cell that ran this many requests ago does no longer print; its header is forgotten. */
const remembered = 20_000

export class Causes {
  readonly #messages = new Map<Cause, Message>()
  readonly #silent = new Set<Cause>()
  #count = 0

  add(message: Message): Cause {
    const cause = ++this.#count
    // Only what publishing needs: code and buffers of old cells are let go.
    this.#messages.set(cause, { ...message, content: {}, buffers: [] })
    if (this.#messages.size > remembered) {
      const [oldest] = this.#messages.keys()
      this.#messages.delete(oldest!)
    }
    return cause
  }

  /** What this cell shows is not published. */
  silence(cause: Cause): void {
    this.#silent.add(cause)
  }

  isSilent(cause: Cause): boolean {
    return this.#silent.has(cause)
  }

  messageOf(cause: Cause): Message | undefined {
    return this.#messages.get(cause)
  }
}
