/**
 * A cell that is stopped while it waits cannot be unwound: it must not wake up. So timers remember who set them, and do
 * nothing once their cell is stopped.
 */
import timers from 'node:timers'
import { syncBuiltinESMExports } from 'node:module'
import { currentOrigin } from './cause.js'

type Callback = (...args: unknown[]) => void
type SetTimer = (callback: Callback, ...args: unknown[]) => unknown

function watch(original: SetTimer): SetTimer {
  const watched: SetTimer = (callback, ...args) => {
    // Wrong arguments are Node's to complain about.
    if (typeof callback !== 'function') return original(callback, ...args)
    const origin = currentOrigin()
    const timer = original(
      function (this: unknown, ...given: unknown[]) {
        if (origin.stopped) clearInterval(timer as NodeJS.Timeout)
        else callback.apply(this, given)
      },
      ...args,
    )
    return timer
  }
  Object.defineProperty(watched, 'name', { value: original.name })
  // util.promisify(setTimeout) finds its own version of the function under a symbol.
  for (const symbol of Object.getOwnPropertySymbols(original))
    Object.defineProperty(watched, symbol, Object.getOwnPropertyDescriptor(original, symbol)!)
  return watched
}

/** Makes the timer functions, global and of `node:timers`, remember who set a timer. */
export function watchTimers(): void {
  for (const name of ['setTimeout', 'setInterval', 'setImmediate'] as const) {
    const watched = watch(globalThis[name] as SetTimer) as never
    globalThis[name] = watched
    timers[name] = watched
  }
  syncBuiltinESMExports()
}
