/** Folders and files for tests. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll } from 'vitest'

const home = process.cwd()
const folders: string[] = []
afterAll(() => {
  process.chdir(home)
  // What was ended a moment ago may still write its last file.
  for (const folder of folders.splice(0))
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
})

/**
 * An empty folder, by its real path, that vanishes after the tests of this file. It lies in a folder of this run of vitest
 * (setup/temporary.ts), which vanishes with all that anything else left there.
 */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'test-')))
  folders.push(folder)
  return folder
}

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
