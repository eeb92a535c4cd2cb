import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Writes files into a folder as a user does, each a second after the one before: the clock of a file system may be coarse. */
export function writerIn(folder: string): (name: string, text: string) => void {
  let seconds = 1_000_000
  return (name, text) => {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    utimesSync(path, ++seconds, seconds)
  }
}
