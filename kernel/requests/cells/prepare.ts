import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import {
  startService,
  type Place,
  type StartedFirst,
  type StartedService,
} from '../../language/typescript/start.js'
import type { Language } from '../../language/types.js'
import type { Compiler } from './compiler.js'

/** Milliseconds that a front end is given for its first question, which is answered at once, before what cells need is loaded. */
const patience = 20

function maybeStart(place: Place, first: StartedFirst | undefined): StartedService | undefined {
  try {
    return startService(place, first)
  } catch {
    // No room for its files, say: createLanguage tries again, and whoever asks it hears why.
    return undefined
  }
}

/**
 * What cells need, begun when the front end can be heard: its first question does not need it. First the files that TypeScript
 * will read, then what holds this thread up.
 *
 * @param first the TypeScript of the first cells
 * @param answered settles when the first request has been answered
 */
export async function prepareCells(
  place: Place,
  first: StartedFirst | undefined,
  answered: Promise<void>,
): Promise<{ language: Language; compiler: Compiler }> {
  await nextTurn()
  const started = maybeStart(place, first)
  await Promise.race([answered, sleep(patience)])
  const { createLanguage, createCompiler, withoutTypes } = await import('./load.js')
  let language: Language
  try {
    language = createLanguage({ ...place, ...(started ? { started } : {}) })
  } catch (error) {
    language = withoutTypes(error)
  }
  return { language, compiler: createCompiler(place.folder) }
}
