/**
 * What every `await` of a cell goes through. Nothing can unwind a cell that is stopped while it waits; so its next `await`
 * waits for good, whatever it is that woke it up.
 *
 * A loop that awaits nothing but settled promises never comes to the message that says so: V8 goes from one microtask to the
 * next. It could be terminated as any other loop, but in a microtask that is not safe: one in some hundred went on or took
 * the process with it (Node 20 and 22). So what is being ended can be read from shared memory as well.
 */
import { endingsOf, Shared } from '../../port.js'
import { currentOrigin, type Origin } from './cause.js'

const never = new Promise<never>(() => {})
let memory: Int32Array = new Int32Array(Shared.ending + 1)
let endings: Int32Array = endingsOf(memory)

/** From now on what Stop ends is read here too. */
export function watchEndings(shared: Int32Array): void {
  memory = shared
  endings = endingsOf(shared)
}

function isStopped({ stopped, cause }: Origin = currentOrigin()): boolean {
  return stopped || (cause !== 0 && Atomics.load(endings, 0) !== 0 && endings.includes(cause))
}

/**
 * Whether a callback of the running code is one of a loop of callbacks that Stop breaks: of ticks, microtasks, immediates, each
 * of which sets the next. They end when one of them is not called.
 */
export function isBroken(origin?: Origin): boolean {
  return Atomics.load(memory, Shared.breaking) !== 0 && isStopped(origin)
}

/** `await x` is compiled to `await resume(x)`: no promise more and no turn later than without it. */
export function resume<Value>(value: Value): Value | Promise<never> {
  return isStopped() ? never : value
}

/** What an iterator has promised, unless its cell is stopped by then: the body of the loop does not run once more. */
const unlessStopped = <Value>(promised: Value): Promise<Awaited<Value>> =>
  Promise.resolve(promised).then(resume, async (error: unknown) => {
    await resume(undefined)
    throw error
  }) as Promise<Awaited<Value>>

/** `for await (… of x)` is compiled to `for await (… of each(x))`. */
export function each<Item>(
  items: AsyncIterable<Item> | Iterable<Item>,
): AsyncIterable<Item> | Iterable<Item | Promise<Item>> {
  const asynchronous = (items as AsyncIterable<Item> | undefined)?.[Symbol.asyncIterator]
  if (typeof asynchronous === 'function')
    return {
      [Symbol.asyncIterator]() {
        const iterator = asynchronous.call(items)
        return {
          next: () => (isStopped() ? never : unlessStopped(iterator.next())),
          ...(iterator.return ? { return: (value?: unknown) => iterator.return!(value) } : {}),
        }
      },
    }
  const synchronous = (items as Iterable<Item> | undefined)?.[Symbol.iterator]
  // What cannot be iterated is the loop's to complain about.
  if (typeof synchronous !== 'function') return items as Iterable<Item>
  return {
    [Symbol.iterator]() {
      const iterator = synchronous.call(items)
      return {
        next: () => {
          if (isStopped()) return { done: false, value: never }
          const next = iterator.next()
          return next.done ? next : { done: false, value: unlessStopped(next.value) as Promise<Item> }
        },
        ...(iterator.return ? { return: (value?: unknown) => iterator.return!(value) } : {}),
      }
    },
  }
}
