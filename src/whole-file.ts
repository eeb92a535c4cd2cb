/**
 * Files that are written whole or not at all: beside their place first, and then put there. The backend and what trains share
 * it; there is a file system wherever it is called.
 */
import { atomically } from './settle.js'

/** How much is written at once: Node takes at most 2 GiB. */
const piece = 2 ** 30
/** Milliseconds after which what is unfinished has nobody any more who finishes it. */
const abandoned = 600_000

/** What a file is called while it is written. A process that was killed leaves it behind. */
export const unfinishedName = (name: string): string =>
  `${name}.${process.pid}-${Math.random().toString(16).slice(2, 10)}.tmp`

/** The file that was to be written where this lies, of a write that was broken off; undefined for any other name. */
export function maybeUnfinished(name: string): string | undefined {
  return /^(.+)\.\d+(?:-[0-9a-f]+)?\.tmp$/.exec(name)?.[1]
}

/**
 * All or nothing: a reader, or a crash at any moment, sees the old content or the new. What an earlier write left behind that was
 * killed is removed. A link stays one, and a file keeps who may read it.
 */
export function writeWhole(path: string, content: string | Uint8Array): void {
  const fs = process.getBuiltinModule('node:fs')
  const file = targetOf(path)
  const { mode } = fs.statSync(file, { throwIfNoEntry: false }) ?? { mode: 0o666 }
  const unfinished = unfinishedName(file)
  atomically(() => {
    try {
      const handle = fs.openSync(unfinished, 'wx', mode)
      try {
        writeAll(handle, content)
        fs.fsyncSync(handle)
      } finally {
        fs.closeSync(handle)
      }
      fs.renameSync(unfinished, file)
    } catch (error) {
      // Half a file helps nobody, least of all on a disk that is full.
      fs.rmSync(unfinished, { force: true })
      throw error
    }
  })
  removeAbandoned(file)
}

/** Where a path leads: of a link to another file, there. */
function targetOf(path: string): string {
  try {
    return process.getBuiltinModule('node:fs').realpathSync(path)
  } catch {
    return path
  }
}

export function writeAll(handle: number, content: string | Uint8Array): void {
  const fs = process.getBuiltinModule('node:fs')
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  for (let done = 0; done < bytes.length;)
    done += fs.writeSync(handle, bytes, done, Math.min(piece, bytes.length - done), null)
}

/** Removes what was to become this file and never will. */
function removeAbandoned(file: string): void {
  const fs = process.getBuiltinModule('node:fs')
  const { basename, dirname, join } = process.getBuiltinModule('node:path')
  try {
    const now = fs.statSync(file).mtimeMs
    for (const name of fs.readdirSync(dirname(file))) {
      if (maybeUnfinished(name) !== basename(file)) continue
      const left = join(dirname(file), name)
      const found = fs.lstatSync(left)
      if (found.isFile() && now - found.mtimeMs > abandoned) fs.unlinkSync(left)
    }
  } catch {
    // Another process was quicker, or may not.
  }
}
