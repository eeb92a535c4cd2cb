/**
 * The one door to files for what trains. Everything is synchronous, as an event or a snapshot is written between two
 * iterations, and where there is no file system (a browser) there is no door.
 */
export interface Files {
  /** What paths are relative to. */
  readonly folder: string
  /** The path from the root of the file system. */
  at(path: string): string
  join(...parts: string[]): string
  exists(path: string): boolean
  /** Makes the folder; false when it was there. */
  claim(path: string): boolean
  read(path: string): Uint8Array
  /** For files of which parts are read. */
  open(path: string): { read(from: number, bytes: number): Uint8Array; close(): void }
  readText(path: string): string
  /** All or nothing: a reader, or a crash at any moment, sees the old content or the new. */
  write(path: string, content: string | Uint8Array): void
  append(path: string, text: string): void
  /** Names in a folder, sorted; none where there is no folder. */
  list(path: string): string[]
  modified(path: string): number
  /** In bytes. */
  size(path: string): number
  move(from: string, to: string): void
  remove(path: string): void
}

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
  return {
    folder,
    at,
    join: (...parts) => path.join(...parts),
    exists: (file) => fs.existsSync(at(file)),
    claim(name) {
      fs.mkdirSync(path.dirname(at(name)), { recursive: true })
      try {
        fs.mkdirSync(at(name))
        return true
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
        throw error
      }
    },
    read: (file) => fs.readFileSync(at(file)),
    open(file) {
      const handle = fs.openSync(at(file), 'r')
      return {
        read(from, length) {
          const bytes = new Uint8Array(length)
          let done = 0
          while (done < length) {
            const got = fs.readSync(handle, bytes, done, length - done, from + done)
            if (got === 0) break
            done += got
          }
          return bytes.subarray(0, done)
        },
        close: () => fs.closeSync(handle),
      }
    },
    readText: (file) => fs.readFileSync(at(file), 'utf8'),
    write(name, content) {
      const file = at(name)
      fs.mkdirSync(path.dirname(file), { recursive: true })
      const unfinished = `${file}.${process.pid}.tmp`
      const handle = fs.openSync(unfinished, 'w')
      try {
        fs.writeFileSync(handle, content)
        fs.fsyncSync(handle)
      } finally {
        fs.closeSync(handle)
      }
      fs.renameSync(unfinished, file)
    },
    append: (file, text) => fs.appendFileSync(at(file), text),
    list(name) {
      try {
        return fs.readdirSync(at(name)).toSorted()
      } catch {
        return []
      }
    },
    modified: (file) => fs.statSync(at(file)).mtimeMs,
    size: (file) => fs.statSync(at(file)).size,
    move: (from, to) => fs.renameSync(at(from), at(to)),
    remove: (file) => fs.rmSync(at(file), { recursive: true, force: true }),
  }
}

/** Whether a process with this id runs on this machine. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
