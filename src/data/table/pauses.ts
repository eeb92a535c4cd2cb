/** Milliseconds after which others have their turn. */
const most = 15

/**
 * Lets others have their turns while much is done one after the other: what comes from memory, as the records of a group of
 * rows, never waits by itself.
 */
export class Pauses {
  #began = performance.now()

  async give(): Promise<void> {
    if (performance.now() - this.#began < most) return
    await new Promise<void>((resolve) =>
      typeof setImmediate === 'function' ? setImmediate(resolve) : setTimeout(resolve),
    )
    this.#began = performance.now()
  }
}
