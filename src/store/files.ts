import { atomically } from '../settle.js'
import { writeAll, writeWhole } from '../whole-file.js'

/**
 * The one door to files for what trains. Everything is synchronous, as an event or a snapshot is written between two
 * iterations, and where there is no file system (a browser) there is no door.
 *
 * Nothing here removes more than one file, or a folder that is empty: what is to go is named, file by file.
 */
export interface Files {
  /** What paths are relative to. */
  readonly folder: string
  /** The path from the root of the file system. */
  at(path: string): string
  join(...parts: string[]): string
  /** The folder that a path lies in, and its name there. */
  split(path: string): { parent: string; name: string }
  /** The path with links followed; of what is not there, as it is. */
  real(path: string): string
  exists(path: string): boolean
  /** What lies at the path, links not followed; undefined where there is nothing. */
  kind(path: string): Kind | undefined
  /** Makes the folder; false when something was there. */
  claim(path: string): boolean
  /** Writes a file that must not be there yet; false when something is. Of many that try at once one makes it. */
  create(path: string, text: string): boolean
  /** The bytes of a file. @throws for what is no regular file: reading a pipe would wait for ever. */
  read(path: string): Uint8Array
  /** For files of which parts are read. */
  open(path: string): { read(from: number, bytes: number): Uint8Array; close(): void }
  readText(path: string): string
  /** A part of a file, or what of it there is. */
  readPart(path: string, from: number, length: number): Uint8Array
  /** All or nothing: a reader, or a crash at any moment, sees the old content or the new. */
  write(path: string, content: string | Uint8Array): void
  append(path: string, text: string): void
  /** Cuts a file down to its first bytes. */
  cut(path: string, length: number): void
  /** Writes the same text into the file where it lies, so that it counts as written now. */
  renew(path: string, text: string): void
  /** Names in a folder, sorted; none where there is no folder. */
  list(path: string): string[]
  /** In milliseconds since 1970, by the clock of whoever keeps the file; -Infinity where it cannot be told. */
  modified(path: string): number
  /** In bytes; 0 where it cannot be told. */
  size(path: string): number
  move(from: string, to: string): void
  /** One file, or a link itself. Nothing happens where there is none, a folder, or no right to remove it. */
  removeFile(path: string): void
  /** A folder without anything in it; says whether it is gone. */
  removeEmpty(path: string): boolean
}

export type Kind = 'file' | 'folder' | 'link' | 'other'

/** How much is read at once: Node takes at most 2 GiB. */
const piece = 2 ** 30

/**
 * The file system of this process; undefined in a browser. Paths are relative to the folder that is the working folder now,
 * also when the program works elsewhere later.
 */
export function maybeFiles(): Files | undefined {
  const builtin = (globalThis as { process?: NodeJS.Process }).process?.getBuiltinModule
  if (!builtin) return undefined
  const fs = builtin('node:fs')
  const path = builtin('node:path')
  const folder = process.cwd()
  const at = (name: string): string => path.resolve(folder, name)
  const stat = (name: string, look: (path: string) => import('node:fs').Stats = fs.statSync) => {
    try {
      return look(at(name))
    } catch {
      return undefined
    }
  }

  function within<T>(name: string, flags: string | number, work: (handle: number) => T): T {
    const handle = fs.openSync(at(name), flags)
    try {
      return work(handle)
    } finally {
      fs.closeSync(handle)
    }
  }

  function read(name: string, from = 0, most = Infinity): Uint8Array {
    // Of a pipe that nobody writes to, opening it would wait too.
    return within(name, fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0), (handle) => {
      const found = fs.fstatSync(handle)
      if (!found.isFile()) throw new Error(`${name} is ${found.isDirectory() ? 'a folder' : 'no file'}`)
      const bytes = new Uint8Array(Math.max(0, Math.min(found.size - from, most)))
      let done = 0
      while (done < bytes.length) {
        const count = fs.readSync(handle, bytes, done, Math.min(piece, bytes.length - done), from + done)
        if (count === 0) return bytes.subarray(0, done)
        done += count
      }
      return bytes
    })
  }

  return {
    folder,
    at,
    join: (...parts) => path.join(...parts),
    split: (name) => ({ parent: path.dirname(at(name)), name: path.basename(at(name)) }),
    real(name) {
      try {
        return fs.realpathSync(at(name))
      } catch {
        return at(name)
      }
    },
    exists: (name) => fs.existsSync(at(name)),
    kind(name) {
      const found = stat(name, fs.lstatSync)
      if (!found) return undefined
      if (found.isFile()) return 'file'
      if (found.isDirectory()) return 'folder'
      return found.isSymbolicLink() ? 'link' : 'other'
    },
    claim(name) {
      fs.mkdirSync(path.dirname(at(name)), { recursive: true })
      return unlessThere(() => fs.mkdirSync(at(name)))
    },
    create: (name, text) =>
      unlessThere(() =>
        within(name, 'wx', (handle) => {
          try {
            writeAll(handle, text)
            fs.fsyncSync(handle)
          } catch (error) {
            fs.rmSync(at(name), { force: true })
            throw error
          }
        }),
      ),
    read: (name) => read(name),
    open(file) {
      const handle = fs.openSync(at(file), 'r')
      return {
        read(from, length) {
          const bytes = new Uint8Array(length)
          let done = 0
          while (done < length) {
            const got = fs.readSync(handle, bytes, done, Math.min(piece, length - done), from + done)
            if (got === 0) break
            done += got
          }
          return bytes.subarray(0, done)
        },
        close: () => fs.closeSync(handle),
      }
    },
    readText: (name) => new TextDecoder('utf-8', { fatal: true }).decode(read(name)),
    readPart: (name, from, length) => read(name, from, length),
    write(name, content) {
      const file = at(name)
      fs.mkdirSync(path.dirname(file), { recursive: true })
      writeWhole(file, content)
    },
    append(name, text) {
      const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK = 0 } = fs.constants
      atomically(() =>
        within(name, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, (handle) => {
          if (!fs.fstatSync(handle).isFile()) throw new Error(`${name} is no file`)
          writeAll(handle, text)
        }),
      )
    },
    cut: (name, length) => fs.truncateSync(at(name), length),
    renew: (name, text) => within(name, 'r+', (handle) => writeAll(handle, text)),
    list(name) {
      try {
        return fs.readdirSync(at(name)).toSorted()
      } catch {
        return []
      }
    },
    modified: (name) => stat(name)?.mtimeMs ?? -Infinity,
    size: (name) => stat(name)?.size ?? 0,
    move: (from, to) => fs.renameSync(at(from), at(to)),
    removeFile(name) {
      try {
        fs.unlinkSync(at(name))
      } catch (error) {
        // On Windows also a file that somebody reads stays.
        if (!isCode(error, 'ENOENT', 'EISDIR', 'ENOTDIR', 'EPERM', 'EACCES', 'EBUSY')) throw error
      }
    },
    removeEmpty(name) {
      try {
        fs.rmdirSync(at(name))
        return true
      } catch (error) {
        if (isCode(error, 'ENOENT')) return true
        if (isCode(error, 'ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'EBUSY', 'EPERM', 'EACCES')) return false
        throw error
      }
    },
  }
}

function unlessThere(work: () => void): boolean {
  try {
    work()
    return true
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false
    throw error
  }
}

function isCode(error: unknown, ...codes: string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException).code ?? '')
}
