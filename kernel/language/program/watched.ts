import { readFileSync, statSync } from 'node:fs'
import { dirname, extname } from 'node:path'
import { findSpecifiers, parseFile, syntaxOf } from '../../cell/index.js'
import { asPath, findFile, isReloaded } from '../../resolve/local-files.js'
import { mapPath } from '../../resolve/path-aliases.js'
import type { FollowedTsconfig } from '../../resolve/followed-tsconfig.js'

interface Watched {
  stamp: string
  imports: readonly string[]
}

const stampOf = (path: string): string => {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat ? `${stat.mtimeMs} ${stat.size}` : 'gone'
}

/** The local files that a file imports, as paths that may or may not be there. `paths`: those of the tsconfig.json. */
function importsOf(path: string, paths: unknown): string[] {
  const syntax = syntaxOf[extname(path)]
  if (!syntax) return []
  try {
    const { program } = parseFile(path, readFileSync(path, 'utf8'), syntax)
    return findSpecifiers(program).flatMap(
      (specifier) => asPath(specifier, dirname(path)) ?? mapPath(specifier, paths),
    )
  } catch {
    return []
  }
}

/**
 * The files beside the notebook that its cells import, and what those import. TypeScript is told what was edited, since it does
 * not look by itself; looking is a `stat` for each file.
 */
export class WatchedFiles {
  readonly #files = new Map<string, Watched>()
  /** Paths that imports name and where no file was. */
  readonly #missing = new Set<string>()

  readonly #folder: string
  readonly #tsconfig: FollowedTsconfig

  constructor(folder: string, tsconfig: FollowedTsconfig) {
    this.#folder = folder
    this.#tsconfig = tsconfig
  }

  /** Follows these imports of a cell from now on. */
  follow(specifiers: readonly string[]): void {
    for (const specifier of specifiers) {
      const path = asPath(specifier, this.#folder)
      for (const one of path === undefined ? mapPath(specifier, this.#tsconfig.paths) : [path])
        this.#follow(one)
    }
  }

  #follow(path: string): void {
    const file = findFile(path)
    if (file === undefined) {
      this.#missing.add(path)
      return
    }
    if (this.#files.has(file) || !isReloaded(file)) return
    const watched: Watched = { stamp: stampOf(file), imports: importsOf(file, this.#tsconfig.paths) }
    this.#files.set(file, watched)
    for (const next of watched.imports) this.#follow(next)
  }

  /** What has changed since the last look. */
  look(): { created: string[]; changed: string[]; deleted: string[] } {
    const news = { created: [] as string[], changed: [] as string[], deleted: [] as string[] }
    for (const path of this.#missing) {
      const file = findFile(path)
      if (file === undefined) continue
      this.#missing.delete(path)
      news.created.push(file)
      this.#follow(path)
    }
    for (const [path, watched] of this.#files) {
      const stamp = stampOf(path)
      if (stamp === watched.stamp) continue
      if (stamp === 'gone') {
        news.deleted.push(path)
        this.#files.delete(path)
        this.#missing.add(path)
        continue
      }
      news.changed.push(path)
      watched.stamp = stamp
      watched.imports = importsOf(path, this.#tsconfig.paths)
      for (const next of watched.imports) this.#follow(next)
    }
    return news
  }
}
