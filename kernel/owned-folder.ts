/** Temporary folders that know whose they are, so that those of processes that were killed can be removed by the next one. */
import { readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isRunning, thisProcess, type ProcessName } from '../src/store/process.js'

const day = 24 * 3_600_000

/** Says in a folder whose it is. */
const ownerFile = 'owner.json'

function maybeOwner(folder: string): ProcessName | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, ownerFile), 'utf8')) as ProcessName
  } catch {
    return undefined
  }
}

/**
 * Removes what kernels left behind that were ended by force. Of a kernel in another container or on another machine with the
 * same temporary folder nothing can be known but that it has not been heard of for a day.
 */
function removeAbandoned(place: string, prefix: string): void {
  for (const name of readdirSync(place)) {
    if (!name.startsWith(prefix)) continue
    const folder = join(place, name)
    try {
      const owner = maybeOwner(folder)
      const runs = owner && isRunning(owner)
      if (runs === true) continue
      if (runs === undefined && Date.now() - statSync(folder).mtimeMs < day) continue
      rmSync(folder, { recursive: true, force: true })
    } catch {
      // Somebody else's, or just being removed.
    }
  }
}

/**
 * Takes a folder for this process, as long as it lives, and removes those beside it, with the same beginning of their name, of
 * processes that do not live any more. Gives what ends the claim.
 */
export function ownFolder(root: string, prefix: string): () => void {
  writeFileSync(join(root, ownerFile), JSON.stringify(thisProcess()))
  removeAbandoned(dirname(root), prefix)
  const hour = 3_600_000
  const timer = setInterval(() => {
    try {
      utimesSync(root, new Date(), new Date())
    } catch {
      // It was removed by hand.
    }
  }, hour)
  timer.unref()
  return () => clearInterval(timer)
}
