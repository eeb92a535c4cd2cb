/**
 * The one door to files for what trains. Everything is synchronous, as an event or a snapshot is written between two
 * iterations, and where there is no file system (a browser) there is no door.
 */
export interface Files {
  readonly folder: string
  join(...parts: string[]): string
  exists(path: string): boolean
  /** Makes the folder; false when it was there. */
  claim(path: string): boolean
  read(path: string): Uint8Array
  readText(path: string): string
  /** All or nothing: a reader, or a crash at any moment, sees the old content or the new. */
  write(path: string, content: string | Uint8Array): void
  append(path: string, text: string): void
  /** Names in a folder, sorted; none where there is no folder. */
  list(path: string): string[]
  modified(path: string): number
  /** In bytes. */
  size(path: string): number
  remove(path: string): void
}

/** The file system of this process; undefined in a browser. Paths are relative to the working folder. */
export function maybeFiles(): Files | undefined {
  const builtin = (globalThis as { process?: NodeJS.Process }).process?.getBuiltinModule
  if (!builtin) return undefined
  const fs = builtin('node:fs')
  const path = builtin('node:path')
  return {
    folder: process.cwd(),
    join: (...parts) => path.join(...parts),
    exists: (file) => fs.existsSync(file),
    claim(folder) {
      fs.mkdirSync(path.dirname(folder), { recursive: true })
      try {
        fs.mkdirSync(folder)
        return true
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
        throw error
      }
    },
    read: (file) => fs.readFileSync(file),
    readText: (file) => fs.readFileSync(file, 'utf8'),
    write(file, content) {
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
    append: (file, text) => fs.appendFileSync(file, text),
    list(folder) {
      try {
        return fs.readdirSync(folder).toSorted()
      } catch {
        return []
      }
    },
    modified: (file) => fs.statSync(file).mtimeMs,
    size: (file) => fs.statSync(file).size,
    remove: (file) => fs.rmSync(file, { recursive: true, force: true }),
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
