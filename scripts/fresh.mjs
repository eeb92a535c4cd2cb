// Whether what a build made is newer than all that it was made of.
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** A file, or a folder and all that is below it: a folder changes when something in it comes or goes. */
export function* filesBelow(path) {
  if (!statSync(path).isDirectory()) return void (yield path)
  yield path
  for (const name of readdirSync(path)) yield* filesBelow(join(path, name))
}

/** Whether the file `stamp` is newer than these files and folders. */
export function isFresh(stamp, sources) {
  if (!existsSync(stamp)) return false
  const built = statSync(stamp).mtimeMs
  return sources.every((source) => [...filesBelow(source)].every((file) => statSync(file).mtimeMs <= built))
}
