/**
 * What Node loads once: packages. One in whose loading JavaScript was ended is neither loaded nor can it be loaded again in
 * this process: Node waits for it without end, throws `null`, or gives out exports that are not there yet.
 */
import { createRequire } from 'node:module'
import { GradbookError } from '../../../src/errors.js'
import { aroundTermination } from '../../termination/around.js'
import { currentOrigin, runOutliving, type Origin } from '../running/cause.js'

/** A package that Stop has left half loaded. */
export class StoppedWhileLoading extends GradbookError {
  override name = 'StoppedWhileLoading'
  readonly packageName: string
  constructor(packageName: string) {
    super(
      `the package '${packageName}' was stopped in the middle of its loading, and Node loads a package once. If running the cell again in a while says the same, restart the kernel.`,
    )
    this.packageName = packageName
  }
}

/** Milliseconds in which what was being loaded may still come to its end: only something beside it may have been stopped. */
const patience = 2_000

interface Load {
  by: Origin
  /** Resolves to true; of what is required there is no such moment. */
  settled?: Promise<true>
}

/** What is being loaded, by its specifier. */
const pending = new Map<string, Load>()
/** What was being loaded when JavaScript was ended. */
const stopped = new Map<string, Load>()
let hasEnded = false
const { cache } = createRequire(import.meta.url)

aroundTermination.after.push(() => {
  hasEnded = true
  for (const [specifier, load] of pending) stopped.set(specifier, load)
  // Nothing is on the stack: whoever requires one of these again shall have it whole.
  for (const [file, module] of Object.entries(cache)) if (module?.loaded === false) delete cache[file]
})

const sleep = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds))

/** Whether all that a module exports is there. */
function isWhole(namespace: object): boolean {
  try {
    for (const name of Object.keys(namespace)) void (namespace as Record<string, unknown>)[name]
    return true
  } catch (error) {
    return !(error instanceof ReferenceError)
  }
}

/** Imports a package. `name`: what an error calls it. */
export async function importOnce<Module extends object>(
  name: string,
  specifier: string,
  load: () => Promise<Module>,
): Promise<Module> {
  const before = stopped.get(specifier) ?? pending.get(specifier)
  if (before && (stopped.has(specifier) || before.by.stopped)) {
    const isSettled = await Promise.race([before.settled, sleep(patience)])
    if (isSettled !== true) throw new StoppedWhileLoading(name)
  }
  const by = currentOrigin()
  const loading = runOutliving(load)
  const settled = loading.then(
    () => true as const,
    () => true as const,
  )
  const entry: Load = { by, settled }
  pending.set(specifier, entry)
  try {
    const found = await loading
    if (hasEnded && !isWhole(found)) throw new StoppedWhileLoading(name)
    return found
  } catch (error) {
    // What V8 says of a module in which it was ended.
    if (hasEnded && error === null) throw new StoppedWhileLoading(name)
    throw error
  } finally {
    if (pending.get(specifier) === entry) pending.delete(specifier)
    if (stopped.get(specifier) === entry) stopped.delete(specifier)
  }
}

/** Requires a package. */
export function requireOnce<Result>(name: string, specifier: string, load: () => Result): Result {
  const key = `require ${specifier}`
  if (stopped.has(key)) throw new StoppedWhileLoading(name)
  pending.set(key, { by: currentOrigin() })
  try {
    return runOutliving(load)
  } finally {
    pending.delete(key)
  }
}
