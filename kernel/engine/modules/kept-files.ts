/** Files beside the notebook that were required: once, as Node has it, until they or what they require is edited. */
import { statSync } from 'node:fs'

interface Kept {
  stamp: string
  /** The local files that it requires. */
  requires: Set<string>
  exports: unknown
}

export class KeptFiles {
  readonly #files = new Map<string, Kept>()
  /** What is being loaded, and what it has required by then. */
  readonly #loading = new Map<string, Set<string>>()
  readonly #says: () => string

  /** `says`: what else a file that was loaded depends on. */
  constructor(says: () => string) {
    this.#says = says
  }

  #stampOf(path: string): string {
    const stat = statSync(path, { throwIfNoEntry: false })
    return stat ? `${stat.mtimeMs} ${stat.size} ${this.#says()}` : 'gone'
  }

  #isFresh(path: string, seen = new Set<string>()): boolean {
    if (seen.has(path)) return true
    seen.add(path)
    const kept = this.#files.get(path)
    if (!kept || kept.stamp !== this.#stampOf(path)) return false
    return [...kept.requires].every((next) => this.#isFresh(next, seen))
  }

  /** From now on `path` is loaded anew when `next` was edited. */
  note(path: string, next: string): void {
    this.#files.get(path)?.requires.add(next)
    this.#loading.get(path)?.add(next)
  }

  /** What a file exports: what it did, or what `load` gives. */
  get(path: string, load: () => unknown): unknown {
    const kept = this.#files.get(path)
    if (kept && this.#isFresh(path)) return kept.exports
    this.#files.delete(path)
    const stamp = this.#stampOf(path)
    const requires = new Set<string>()
    this.#loading.set(path, requires)
    const exports = load()
    this.#loading.delete(path)
    this.#files.set(path, { stamp, requires, exports })
    return exports
  }
}
