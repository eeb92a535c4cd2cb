/**
 * A cell that is stopped while it waits cannot be unwound: it must not wake up. So timers remember who set them, and do
 * nothing once their cell is stopped. Nor do the ticks and microtasks of a loop of them, while Stop breaks it.
 */
import timers from 'node:timers'
import { syncBuiltinESMExports } from 'node:module'
import { aroundTermination } from '../../termination/around.js'
import { currentOrigin } from './cause.js'
import { isBroken } from './waiting.js'

type Callback = (...args: unknown[]) => void
type SetTimer = (callback: Callback, ...args: unknown[]) => unknown

/** Makes `watched` look from outside as what it stands for. */
function standFor(watched: Function, original: Function): void {
  Object.defineProperty(watched, 'name', { value: original.name })
  // util.promisify(setTimeout) finds its own version of the function under a symbol.
  for (const symbol of Object.getOwnPropertySymbols(original))
    Object.defineProperty(watched, symbol, Object.getOwnPropertyDescriptor(original, symbol)!)
}

function watch(original: SetTimer): SetTimer {
  const watched: SetTimer = (callback, ...args) => {
    // Wrong arguments are Node's to complain about.
    if (typeof callback !== 'function') return original(callback, ...args)
    const origin = currentOrigin()
    const timer = original(
      function (this: unknown, ...given: unknown[]) {
        if (origin.stopped) clearInterval(timer as NodeJS.Timeout)
        else if (!isBroken(origin)) callback.apply(this, given)
      },
      ...args,
    )
    return timer
  }
  standFor(watched, original)
  return watched
}

/** What Node keeps in an immediate (lib/internal/timers.js, the same in 20, 22 and 24). */
interface Listed {
  _idleNext: Listed | null
  _onImmediate: (() => void) | null | undefined
  _destroyed: boolean
  unref(): void
}

/** The immediate whose callback runs. */
let current: Listed | undefined

function watchImmediates(original: SetTimer): SetTimer {
  const watched: SetTimer = (callback, ...args) => {
    if (typeof callback !== 'function') return original(callback, ...args)
    const origin = currentOrigin()
    const immediate = original(function (this: unknown) {
      if (origin.stopped || isBroken(origin)) return
      current = immediate as Listed
      try {
        callback.apply(this, args)
      } finally {
        current = undefined
      }
    })
    return immediate
  }
  standFor(watched, original)
  const set = (callback: () => void): Listed => original(callback) as Listed
  aroundTermination.before.push(beforeTermination)
  aroundTermination.after.push(() => afterTermination(set))
  return watched
}

/**
 * Node takes all immediates that are due from its list, and marks each as done before it calls it. One that is ended, and
 * was not the first of them, it takes up again, and then falls over its mark, for ever. Without the mark it calls it again:
 * nothing.
 */
function beforeTermination(): void {
  if (!current) return
  current._destroyed = false
  current._onImmediate = () => {}
}

function afterTermination(set: (callback: () => void) => Listed): void {
  const ended = current
  current = undefined
  if (!ended) return
  const { _idleNext: next } = ended
  if (!ended._onImmediate) {
    // Called again, and so counted twice among those that are done. One that is never done makes up for that: it is cut out
    // of the list before its turn.
    const before = set(() => {
      before._idleNext = uncounted._idleNext
    })
    const uncounted = set(() => {})
    uncounted.unref()
  } else if (next) {
    // The first: those that came after it, whosever they are, are in no list any more. They come after another one now.
    const before = set(() => {
      let last = next
      while (last._idleNext) last = last._idleNext
      last._idleNext = before._idleNext
      before._idleNext = next
    })
  }
  ended._destroyed = true
}

function watchTick(original: SetTimer): SetTimer {
  const call = (callback: Callback, args: unknown[]): void => {
    if (!isBroken()) callback(...args)
  }
  const nextTick: SetTimer = (callback, ...args) =>
    typeof callback === 'function' ? original(call as Callback, callback, args) : original(callback, ...args)
  standFor(nextTick, original)
  return nextTick
}

function watchMicrotask(original: SetTimer): SetTimer {
  const watched: SetTimer = (callback, ...args) =>
    original(
      typeof callback === 'function'
        ? () => {
            if (!isBroken()) callback()
          }
        : callback,
      ...args,
    )
  standFor(watched, original)
  return watched
}

/** Makes the timer functions, global and of `node:timers`, remember who set a timer; and those of ticks and microtasks look. */
export function watchTimers(): void {
  for (const [name, watching] of [
    ['setTimeout', watch],
    ['setInterval', watch],
    ['setImmediate', watchImmediates],
  ] as const) {
    const watched = watching(globalThis[name] as SetTimer) as never
    globalThis[name] = watched
    timers[name] = watched
  }
  process.nextTick = watchTick(process.nextTick as SetTimer) as never
  globalThis.queueMicrotask = watchMicrotask(queueMicrotask as SetTimer) as never
  syncBuiltinESMExports()
}
