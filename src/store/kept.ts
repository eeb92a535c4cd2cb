import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { cacheFolder } from '../cache-folder.js'
import type { Files } from './files.js'
import { maybeUnfinished, unfinishedName, writeAll } from '../whole-file.js'

/** Of what is kept: another number where what is written changes. */
const format = 2

/** A smaller file is read as quickly as what would be kept of it. */
const least = 32e6

/** Milliseconds after which what is unfinished has nobody any more who finishes it. */
const abandoned = 600_000

/** Places of constants are whole multiples of it, so that they can be mapped into memory. */
const page = 4096

/** A file that large constants of a graph are written to. */
export interface Outside {
  /** Its name, in the folder of the graph's own. */
  name: string
  /** Where the values lie in it, in bytes. */
  put(values: ArrayBufferView): { offset: number; length: number }
}

/**
 * What was made of a model's file when it was first opened, in gradbook's cache: what stands in its head, and its weights as ONNX
 * Runtime reads them. Opened again they are mapped from there; nothing is read or copied before it is used. A folder for each
 * file, of which one holds what was made of it as it is now; may be deleted at will.
 */
export class Kept {
  readonly #files: Files
  readonly #parent: string
  readonly #folder: string

  private constructor(files: Files, parent: string, folder: string) {
    this.#files = files
    this.#parent = parent
    this.#folder = folder
  }

  /**
   * `undefined` for a small file, of which nothing is kept.
   *
   * @param from bytes from which on a file is no small one.
   */
  static maybeOf(files: Files, path: string, from = least): Kept | undefined {
    const size = files.size(path)
    if (size < from) return undefined
    const hash = (text: string | Uint8Array) => createHash('sha256').update(text).digest('hex').slice(0, 20)
    const whole = files.real(path)
    const parent = files.join(cacheFolder(), 'opened', hash(whole))
    // Its ends too: a file may be written anew within the clock's grain.
    const ends = hash(files.readPart(path, 0, page)) + hash(files.readPart(path, size - page, page))
    const identity = hash(`${format} ${size} ${files.modified(path)} ${ends}`)
    return new Kept(files, parent, files.join(parent, identity))
  }

  /** What was kept with `keepHead`; `undefined` where there is nothing, or not all of `parts`. */
  head<T extends object>(parts: readonly (keyof T)[]): T | undefined {
    try {
      const found = JSON.parse(this.#files.readText(this.#files.join(this.#folder, 'head.json'))) as T
      return parts.every((part) => typeof found[part] === 'object' || Number.isInteger(found[part]))
        ? found
        : undefined
    } catch {
      return undefined
    }
  }

  keepHead(head: object): void {
    this.#write(() => {
      this.#removeOthers()
      this.#files.write(this.#files.join(this.#folder, 'head.json'), JSON.stringify(head))
    })
  }

  /**
   * The file of a graph, which is made where there is none yet.
   *
   * @param make its bytes, given where large constants go.
   * @returns `undefined` where nothing can be written.
   */
  graph(name: string, make: (outside: Outside) => Uint8Array): string | undefined {
    const path = this.#files.join(this.#folder, `${name}.onnx`)
    // Written last: where it is there, what it reads is too.
    if (this.#files.exists(path)) return this.#files.at(path)
    const isMade = this.#write(() => {
      const data = `${name}.bin`
      const whole = this.#files.at(this.#files.join(this.#folder, data))
      const unfinished = unfinishedName(whole)
      this.#files.claim(this.#folder)
      this.#removeAbandoned(data)
      try {
        const handle = openSync(unfinished, 'wx')
        let graph: Uint8Array
        try {
          let end = 0
          const put = (values: ArrayBufferView) => {
            const offset = end
            const length = values.byteLength
            const rest = (page - (length % page)) % page
            writeAll(handle, new Uint8Array(values.buffer, values.byteOffset, length))
            if (rest > 0) writeAll(handle, new Uint8Array(rest))
            end += length + rest
            return { offset, length }
          }
          graph = make({ name: data, put })
          fsyncSync(handle)
        } finally {
          closeSync(handle)
        }
        renameSync(unfinished, whole)
        this.#files.write(path, graph)
      } catch (error) {
        rmSync(unfinished, { force: true })
        throw error
      }
    })
    return isMade ? this.#files.at(path) : undefined
  }

  /** Takes back a graph that cannot be used. */
  forget(name: string): void {
    for (const file of [`${name}.onnx`, `${name}.bin`])
      this.#write(() => this.#files.removeFile(this.#files.join(this.#folder, file)))
  }

  /** What a process left behind that was stopped while it wrote. */
  #removeAbandoned(data: string): void {
    for (const file of this.#files.list(this.#folder)) {
      const path = this.#files.join(this.#folder, file)
      if (maybeUnfinished(file) === data && Date.now() - this.#files.modified(path) > abandoned)
        this.#files.removeFile(path)
    }
  }

  /** What was made of the file as it was before. */
  #removeOthers(): void {
    for (const name of this.#files.list(this.#parent)) {
      const folder = this.#files.join(this.#parent, name)
      if (folder === this.#folder) continue
      for (const file of this.#files.list(folder))
        if (/^(head\.json|\w+\.(onnx|bin))$/.test(maybeUnfinished(file) ?? file))
          this.#files.removeFile(this.#files.join(folder, file))
      this.#files.removeEmpty(folder)
    }
  }

  /** A cache that cannot be written (no room, no right) is no reason not to go on. */
  #write(work: () => void): boolean {
    try {
      work()
      return true
    } catch (error) {
      if (typeof (error as NodeJS.ErrnoException).code !== 'string') throw error
      return false
    }
  }
}
