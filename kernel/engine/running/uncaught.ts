/**
 * The end of a cell while a debugger is attached. Whoever awaits a promise in a `try` has caught its errors in the eyes of a
 * debugger; so here nobody does, and the error is taken from what Node says of rejections that are not handled.
 */
export class UncaughtEnds {
  readonly #waiting = new Map<Promise<unknown>, (error: { error: unknown }) => void>()

  /** Settles as `promise` does, without being seen to handle its rejection. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    const end = await new Promise<{ value: T } | { error: unknown }>((resolve) => {
      const ended = promise.then((value) => {
        this.#waiting.delete(ended)
        resolve({ value })
      })
      this.#waiting.set(ended, resolve)
    })
    if ('error' in end) throw end.error
    return end.value
  }

  /** Takes the rejection of a promise if it is the end of a cell. */
  take(promise: Promise<unknown>, error: unknown): boolean {
    const resolve = this.#waiting.get(promise)
    if (!resolve) return false
    this.#waiting.delete(promise)
    resolve({ error })
    return true
  }
}
