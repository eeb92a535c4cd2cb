/** `require` in cells and in the files beside the notebook. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname } from 'node:path'
import { MissingPackage } from '../../../src/errors.js'
import type { Emit } from '../../cell/strip.js'
import { isReloaded } from '../../resolve/local-files.js'
import { explainInstalled } from '../../resolve/installed.js'
import { conditions, foldersUpFrom } from '../../resolve/package-maps.js'
import { isBrought, isPackage, packageOf } from '../../resolve/packages.js'
import { readJson } from './read-json.js'
import { KeptFiles } from './kept-files.js'
import { NotOffered } from './not-offered.js'
import { prepareNodeTest, watchNodeTest } from './node-test.js'
import { requireOnce } from './once.js'
import { isTyped, RequiredFiles } from './required-typescript.js'

/** Whether an error says that just this package is missing, rather than something that it imports. */
export function isMissing(error: unknown, name: string): boolean {
  const { code, message } = (error ?? {}) as { code?: string; message?: string }
  return (
    (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') &&
    (message?.includes(`'${name}'`) === true || message?.includes(`'${name}/`) === true)
  )
}

/** A JSON file beside the notebook, read anew after an edit. */
function requireJson(own: NodeJS.Require, file: string): unknown {
  const known = own.cache[file]
  const text = readFileSync(file, 'utf8')
  if (known && texts.get(known) === text) return known.exports
  // It says where the file is broken.
  readJson(file, text)
  delete own.cache[file]
  const value = own(file) as unknown
  if (own.cache[file]) texts.set(own.cache[file], text)
  return value
}

/** What was read of the JSON files that Node has in its cache. */
const texts = new WeakMap<NodeJS.Module, string>()

export interface RequireOptions {
  /** The notebook's folder, which the error for a missing package names. */
  folder: string
  /** `require` of the kernel's own installation: for the packages that it brings. */
  home: NodeJS.Require
  /** The file that a specifier names in a folder. */
  findLocal(specifier: string, place: string): string | undefined
  loadTslab(): unknown
  /** What the notebook's tsconfig.json says about the JavaScript. */
  emit(): Emit
}

/** Makes the `require` of each file: packages of the notebook first, then those that the kernel brings. */
export class Requires {
  readonly #options: RequireOptions
  readonly #files: RequiredFiles

  readonly #kept: KeptFiles

  constructor(options: RequireOptions) {
    this.#options = options
    this.#files = new RequiredFiles((path) => this.of(path), options.emit)
    this.#kept = new KeptFiles(() => JSON.stringify(options.emit()))
  }

  /** Local files of JavaScript that a file has required, by what Node keeps. */
  #localOf(own: NodeJS.Require, path: string, seen = new Set<string>()): Set<string> {
    if (seen.has(path)) return seen
    seen.add(path)
    for (const { filename } of own.cache[path]?.children ?? [])
      if (isReloaded(filename)) this.#localOf(own, filename, seen)
    return seen
  }

  /** Node keeps what it has required, and files are edited between cells. */
  #forget(own: NodeJS.Require, path: string): void {
    for (const local of this.#localOf(own, path)) delete own.cache[local]
  }

  #noteChildren(own: NodeJS.Require, path: string): void {
    for (const local of this.#localOf(own, path)) {
      if (local === path) continue
      this.#kept.get(local, () => own.cache[local]?.exports)
      this.#kept.note(path, local)
    }
  }

  /** Text and source map of a TypeScript file that was required, for error messages. */
  sourceOf(path: string): { text: string; map: string } | undefined {
    return this.#files.sourceOf(path)
  }

  /** `require` of the file `filename`. `imported` is told of each local file that it loads. */
  of(filename: string, imported?: (path: string) => void): NodeJS.Require {
    const { home, findLocal, loadTslab } = this.#options
    const own = createRequire(filename)
    const require = (specifier: string): unknown => {
      if (specifier === 'tslab') return loadTslab()
      prepareNodeTest(specifier)
      const file = findLocal(specifier, dirname(filename))
      if (file && isReloaded(file) && extname(file) !== '.json') {
        imported?.(file)
        this.#kept.note(filename, file)
        // In a circle it has exported what it has by then.
        if (this.#files.isLoading(file)) return this.#files.load(file)
        return this.#kept.get(file, () => {
          if (isTyped(file)) return this.#files.load(file)
          this.#forget(own, file)
          const exports = own(file) as unknown
          this.#noteChildren(own, file)
          return exports
        })
      }
      if (file && extname(file) === '.json') return requireJson(own, file)
      const load = () =>
        this.#orBrought(
          specifier,
          filename,
          () => own(file && isPackage(specifier) ? file : specifier),
          () => home(specifier),
        )
      if (file || !isPackage(specifier)) return watchNodeTest(specifier, load())
      return requireOnce(packageOf(specifier), specifier, load)
    }
    const resolve = (specifier: string, options?: object): string =>
      this.#orBrought(
        specifier,
        filename,
        () => own.resolve(specifier, options),
        () => home.resolve(specifier),
      )
    return Object.assign(require, own, { resolve: Object.assign(resolve, own.resolve) })
  }

  /** What is found from the notebook, else from the kernel where it brings the package. */
  #orBrought<T>(specifier: string, filename: string, fromNotebook: () => T, fromKernel: () => T): T {
    const name = packageOf(specifier)
    try {
      return fromNotebook()
    } catch (error) {
      if (!isPackage(specifier)) throw error
      if ((error as NodeJS.ErrnoException)?.code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') {
        const why = explainInstalled(specifier, foldersUpFrom(dirname(filename)), conditions.require)
        if (why !== undefined) throw new NotOffered(why)
      }
      if (!isMissing(error, name)) throw error
      if (!isBrought(specifier)) throw new MissingPackage(name, [this.#options.folder])
      return fromKernel()
    }
  }
}
