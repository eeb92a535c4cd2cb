/**
 * What Node and this process have to be told when Stop ends JavaScript in the middle: by the protocol thread, which knows this
 * object by its name, while the main thread is paused (`before`); and by the engine, once it is over (`after`).
 */
export interface AroundTermination {
  readonly before: (() => void)[]
  readonly after: (() => void)[]
}

const key = 'gradbook.termination'
const place = globalThis as { [key: symbol]: AroundTermination | undefined }

/** The one of this process: the main thread's program consists of two bundles. */
export const aroundTermination: AroundTermination = (place[Symbol.for(key)] ??= { before: [], after: [] })

/** JavaScript that calls `before`. */
export const callBefore = `globalThis[Symbol.for('${key}')].before.forEach((tell) => tell())`
