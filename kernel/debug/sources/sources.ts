/** What front ends call a source by its path, and V8 by its address: the cells, and the files that they import. */
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, isAbsolute, join, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { cellFile, compileCell, compileModule, findSource } from '../../cell/index.js'
import { FollowedTsconfig } from '../../resolve/followed-tsconfig.js'
import { isReloaded, moduleKind } from '../../resolve/local-files.js'
import type { RanCell, RanCells } from './cells.js'
import { murmur2 } from './murmur2.js'
import { createCompiled, type Compiled } from './places.js'

/** A place in what the user wrote; counts from 1. */
export interface UserPlace {
  path: string
  /** `Cell [3]`, or the name of a file. */
  name: string
  line: number
  column: number
}

/** A program of the user's, as V8 runs it. */
export interface UserProgram {
  url: string
  compiled: Compiled
}

const cellUrl = /^gradbook:cell-(\d+)\.ts$/

export class Sources {
  /** How front ends make the path of a cell: prefix, hash of its text, suffix. */
  readonly hash = { method: 'Murmur2', seed: 0x67726164 } as const
  // JupyterLab shows `Cell [3]` in place of a path that has `ipykernel_` in it, and no other.
  readonly prefix: string = join(tmpdir(), `gradbook_ipykernel_${process.pid}`) + sep
  readonly suffix = '.ts'
  readonly #cells: RanCells
  readonly #folder: string
  /** Addresses that are not the user's begin with one of these. */
  readonly #ours: readonly string[]
  readonly #dumped = new Map<string, string>()
  readonly #compiled = new WeakMap<RanCell, Compiled>()
  readonly #files = new Map<string, Compiled>()
  readonly #tsconfig: FollowedTsconfig

  constructor(cells: RanCells, folder: string, home: string) {
    this.#cells = cells
    this.#folder = folder
    this.#tsconfig = new FollowedTsconfig(folder)
    this.#ours = [join(home, 'dist'), join(home, 'bin')].map((path) => `${pathToFileURL(path).href}/`)
  }

  /** The path that stands for a cell with this text. */
  pathOf(text: string): string {
    return `${this.prefix}${murmur2(text, this.hash.seed)}${this.suffix}`
  }

  /** Remembers a text, so that breakpoints can be set in it and front ends can show it. */
  dump(text: string): string {
    const path = this.pathOf(text)
    this.#dumped.set(path, text)
    return path
  }

  isCell(path: string): boolean {
    return path.startsWith(this.prefix)
  }

  /** A path as front ends give it. */
  resolve(path: string): string {
    return isAbsolute(path) ? path : join(this.#folder, path)
  }

  /** What the user wrote; `undefined` where there is nothing of that name. */
  textOf(path: string): string | undefined {
    if (this.isCell(path)) return this.#dumped.get(path)
    try {
      return readFileSync(this.resolve(path), 'utf8')
    } catch {
      return undefined
    }
  }

  #compiledCell(cell: RanCell): Compiled {
    let compiled = this.#compiled.get(cell)
    if (!compiled) this.#compiled.set(cell, (compiled = createCompiled(cell.text, cell.program, cell.map)))
    return compiled
  }

  #compiledFile(path: string): Compiled | undefined {
    if (this.#tsconfig.look()) this.#files.clear()
    const known = this.#files.get(path)
    const text = this.textOf(path)
    if (text === undefined || text === known?.text) return known
    try {
      const { program, map } = compileModule(path, text, moduleKind(path), this.#tsconfig.emit)
      const compiled = createCompiled(text, program, map)
      this.#files.set(path, compiled)
      return compiled
    } catch {
      // It cannot be loaded either: what was loaded before is still what runs.
      return known
    }
  }

  /** The programs that run under a path, or will: one for each time that a cell of this text ran, one for a file. */
  programsOf(path: string): UserProgram[] {
    if (this.isCell(path)) {
      const text = this.#dumped.get(path)
      if (text === undefined) return []
      return this.#cells.withText(text).map((cell) => this.programOf(cell))
    }
    const file = this.resolve(path)
    const compiled = isReloaded(file) ? this.#compiledFile(file) : undefined
    return compiled ? [{ url: pathToFileURL(file).href, compiled }] : []
  }

  programOf(cell: RanCell): UserProgram {
    return { url: cellFile(cell.number), compiled: this.#compiledCell(cell) }
  }

  /** A program by which the lines of a path can be known: also for a cell that has not run. Throws for text that is no TypeScript. */
  sampleOf(path: string): Compiled | undefined {
    const text = this.#dumped.get(path)
    const [program] = this.programsOf(path)
    if (program) return program.compiled
    if (text === undefined) return undefined
    const { program: made, map } = compileCell({ number: 0, text })
    return createCompiled(text, made, map)
  }

  /** Whether a script is the user's: a cell, or a file that is neither a package's nor the kernel's. */
  isUsers(url: string): boolean {
    if (cellUrl.test(url)) return true
    return (
      url.startsWith('file:') &&
      !url.includes('/node_modules/') &&
      !this.#ours.some((folder) => url.startsWith(folder))
    )
  }

  /** The place in what the user wrote; `undefined` for what only the compiler put there. Takes counts from 0. */
  locate(url: string, line: number, column: number): UserPlace | undefined {
    const number = cellUrl.exec(url)?.[1]
    if (number !== undefined) {
      const cell = this.#cells.at(Number(number))
      const at = cell && findSource(this.#compiledCell(cell).mappings, line, column)
      if (!at) return undefined
      const path = this.dump(cell.text)
      return { path, name: `Cell [${number}]`, line: at.line + 1, column: at.column + 1 }
    }
    const path = fileURLToPath(url)
    const name = basename(path)
    const compiled = isReloaded(path) ? this.#compiledFile(path) : undefined
    if (!compiled) return { path, name, line: line + 1, column: column + 1 }
    const at = findSource(compiled.mappings, line, column)
    return at && { path, name, line: at.line + 1, column: at.column + 1 }
  }
}
