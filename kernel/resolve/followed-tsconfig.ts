import type { Emit } from '../cell/strip.js'
import { emitOf } from './tsconfig-emit.js'
import {
  hasTsconfig,
  maybeStat,
  readAll,
  type ReadTsconfig,
  type Tsconfig,
  type TsconfigProblem,
} from './tsconfig.js'

function stampOf(files: Iterable<string>): string {
  let stamp = ''
  for (const file of files) {
    const stat = maybeStat(file)
    stamp += stat ? `${stat.mtimeMs} ${stat.size};` : ';'
  }
  return stamp
}

/** The notebook's tsconfig.json as it is now: read again when it, or one that it builds on, has changed. */
export class FollowedTsconfig {
  readonly #folder: string
  #read: ReadTsconfig
  #stamp: string
  #good: Tsconfig | undefined

  constructor(folder: string) {
    this.#folder = folder
    this.#read = readAll(folder)
    this.#stamp = stampOf(this.#read.files)
    this.#good = this.#read.config
  }

  /** Looks whether it has changed: a `stat` for each of its files. */
  look(): boolean {
    const stamp = stampOf(this.#read.files)
    if (stamp === this.#stamp) return false
    this.#read = readAll(this.#folder)
    this.#stamp = stampOf(this.#read.files)
    // One that is broken is being edited: what it said before still holds.
    if (this.#read.config || !hasTsconfig(this.#folder)) this.#good = this.#read.config
    return true
  }

  get config(): Tsconfig | undefined {
    return this.#good
  }

  get problems(): readonly TsconfigProblem[] {
    return this.#read.problems
  }

  get paths(): unknown {
    return this.#good?.options.paths
  }

  get emit(): Emit {
    return emitOf(this.#good)
  }
}
