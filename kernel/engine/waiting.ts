/**
 * What every `await` of a cell goes through. Nothing can unwind a cell that is stopped while it waits; so its next `await`
 * waits for good, whatever it is that woke it up.
 */
import { currentOrigin } from './cause.js'

const never = new Promise<never>(() => {})

/** `await x` is compiled to `await resume(x)`: no promise more and no turn later than without it. */
export function resume<Value>(value: Value): Value | Promise<never> {
  return currentOrigin().stopped ? never : value
}

/** `for await (… of x)` is compiled to `for await (… of each(x))`. */
export function each<Item>(items: AsyncIterable<Item> | Iterable<Item>): AsyncIterable<Item> {
  const asynchronous = (items as AsyncIterable<Item>)[Symbol.asyncIterator]
  // What cannot be iterated is the loop's to complain about.
  if (typeof asynchronous !== 'function') return items as unknown as AsyncIterable<Item>
  return {
    [Symbol.asyncIterator]() {
      const iterator = asynchronous.call(items)
      return {
        next: () => (currentOrigin().stopped ? never : iterator.next()),
        ...(iterator.return ? { return: (value?: unknown) => iterator.return!(value) } : {}),
      }
    },
  }
}
