import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { startFirst, startService, type Place } from '../language/start.js'
import type { Language } from '../language/types.js'
import type { Compiler } from './compile.js'

/** Milliseconds that a front end is given for its first question, which is answered at once, before what cells need is loaded. */
const patience = 20

/** Where there is no room for its files, say: createLanguage tries again, and whoever asks it hears why. */
function attempt<T>(start: () => T): T | undefined {
  try {
    return start()
  } catch {
    return undefined
  }
}

/**
 * What cells need, begun when the front end can be heard: its first question does not need it. First the processes, which
 * work beside this thread, then what holds this thread up.
 *
 * @param answered settles when the first request has been answered
 */
export async function prepareCells(
  place: Place,
  answered: Promise<void>,
): Promise<{ language: Language; compiler: Compiler }> {
  await nextTurn()
  const first = attempt(() => startFirst(place))
  await nextTurn()
  const started = attempt(() => startService(place, first))
  await Promise.race([answered, sleep(patience)])
  const { createLanguage, createCompiler } = await import('./cells.js')
  return {
    language: createLanguage({ ...place, ...(started ? { started } : {}) }),
    compiler: createCompiler(place.folder),
  }
}
