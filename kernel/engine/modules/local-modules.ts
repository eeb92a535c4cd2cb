import { readFileSync, statSync } from 'node:fs'
import { basename, dirname, extname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Script } from 'node:vm'
import type { Emit } from '../../cell/strip.js'
import type { CellSyntaxError } from '../../cell/syntax-error.js'
import { moduleKind } from '../../resolve/local-files.js'
import { readJson } from './read-json.js'
import { currentOrigin, type Origin } from '../running/cause.js'
import { clearExports, offer, offerWhole } from './namespace.js'
import { importOnce } from './once.js'
import { printNamespace } from '../io/printing.js'
import { each, resume } from '../running/waiting.js'

/** A file as it was loaded. */
interface LocalModule {
  readonly path: string
  /** Changes in place when the file is loaded anew, so that whoever holds it sees the new exports. */
  readonly namespace: Record<string, unknown>
  stamp: string
  text: string
  /** What the tsconfig.json said when it was compiled. */
  emit: string
  /** The local files that it imports. */
  imports: Set<string>
  loading: Promise<void>
  /**
   * Whose cell loads it, and what it exported and imported if it was loaded before. Of a cell that was stopped nobody will
   * hear the end.
   */
  attempt: { by: Origin; exports: PropertyDescriptorMap; imports: Set<string> | undefined } | undefined
  loaded: boolean
  /** The last try failed: the exports are those of the try before, and the next import tries again. */
  failed: boolean
}

export interface ModuleContext {
  /** Imports from that file. */
  import(
    specifier: string,
    options: { with?: { type?: string } } | undefined,
    names: readonly string[],
  ): Promise<any>
  require: NodeJS.Require
  /** What `import.meta.resolve` says there. */
  resolve(specifier: string): string
}

/** In a line, with its place where the text is no TypeScript. */
function describeFailure(error: unknown): string {
  const { message, diagnostics } = error as Partial<CellSyntaxError>
  const place = diagnostics?.[0]?.place
  return `${String(message ?? error).replace(/[.]$/, '')}${place ? ` (line ${place.line}, column ${place.column})` : ''}`
}

/**
 * The files beside the notebook, TypeScript or JavaScript: compiled here, because Node keeps an ES module for as long as the
 * process lives and these are edited while it does. One namespace object per file for good: its exports change, itself never.
 */
export class LocalModules {
  readonly #modules = new Map<string, LocalModule>()
  readonly #contextOf: (path: string, imported: (path: string) => void) => ModuleContext

  readonly #emit: () => Emit

  /** `emit`: what the notebook's tsconfig.json says about the JavaScript. */
  constructor(
    contextOf: (path: string, imported: (path: string) => void) => ModuleContext,
    emit: () => Emit,
  ) {
    this.#contextOf = contextOf
    this.#emit = emit
  }

  readonly #sources = new Map<string, { text: string; map: string }>()
  /** Text and source map of a file that was loaded, or could not be, for error messages. */
  sourceOf(path: string): { text: string; map: string } | undefined {
    return this.#sources.get(path)
  }

  /** Files that are cells (`@module name`) and not on disk. */
  readonly #defined = new Map<string, { text: string; version: number }>()

  /** Makes a text the file of that path. */
  define(path: string, text: string): void {
    this.#defined.set(path, { text, version: (this.#defined.get(path)?.version ?? 0) + 1 })
  }

  /** The defined file that an import of `path` means. */
  findDefined(path: string): string | undefined {
    const bare = path.replace(/\.[jt]sx?$/, '')
    return [`${bare}.ts`, `${bare}.tsx`].find((file) => this.#defined.has(file))
  }

  #stampOf(path: string): string {
    const defined = this.#defined.get(path)
    if (defined) return `cell ${defined.version}`
    const stat = statSync(path, { throwIfNoEntry: false })
    return stat ? `${stat.mtimeMs} ${stat.size}` : 'gone'
  }

  #read(path: string): string {
    return this.#defined.get(path)?.text ?? readFileSync(path, 'utf8')
  }

  get isEmpty(): boolean {
    return this.#modules.size === 0
  }

  /** Files in whose loading a cell was stopped are as if that had not been tried. */
  #giveUpStopped(): void {
    for (const module of this.#modules.values()) if (module.attempt?.by.stopped) this.#giveUp(module)
  }

  /** Goes on with what a file exported before, if it was loaded before: it was saved in the middle of a change. */
  #giveUp(module: LocalModule): void {
    const { imports, exports = {} } = module.attempt ?? {}
    module.attempt = undefined
    if (!imports) {
      this.#modules.delete(module.path)
      return
    }
    clearExports(module.namespace)
    Object.defineProperties(module.namespace, exports)
    for (const path of imports) module.imports.add(path)
    module.failed = true
  }

  /** Loads a file, or gives what was loaded. `from`: the file that asks, to see through circles of imports. */
  async load(path: string, from?: string): Promise<Record<string, unknown>> {
    this.#giveUpStopped()
    const known = this.#modules.get(path)
    if (known) {
      if (known.failed) await this.#run(known)
      else if (!known.loaded && !(from !== undefined && this.#waitsFor(path, from))) await known.loading
      return known.namespace
    }
    const module: LocalModule = {
      path,
      namespace: Object.create(null),
      stamp: '',
      text: '',
      emit: '',
      imports: new Set(),
      loading: Promise.resolve(),
      attempt: undefined,
      loaded: false,
      failed: false,
    }
    Object.defineProperty(module.namespace, Symbol.toStringTag, { value: 'Module' })
    printNamespace(module.namespace)
    this.#modules.set(path, module)
    await this.#run(module)
    return module.namespace
  }

  /** Whether loading `path` has come to wait for `other`. */
  #waitsFor(path: string, other: string, seen = new Set<string>()): boolean {
    if (path === other) return true
    if (seen.has(path)) return false
    seen.add(path)
    const module = this.#modules.get(path)
    if (!module || module.loaded) return false
    return [...module.imports].some((next) => this.#waitsFor(next, other, seen))
  }

  async #run(module: LocalModule): Promise<void> {
    const imports = module.failed || module.loaded ? module.imports : undefined
    module.loaded = false
    module.failed = false
    module.imports = new Set()
    const exports = clearExports(module.namespace)
    const attempt = { by: currentOrigin(), exports, imports }
    module.attempt = attempt
    // Stopped while it waited, and another cell has begun anew: what comes of this one is nobody's any more.
    const isLatest = () => module.attempt === attempt
    // A promise of its own for those who wait: V8 follows the frames of an error through one waiting function, not through two.
    let done!: () => void
    let fail!: (error: unknown) => void
    module.loading = new Promise((resolve, reject) => ([done, fail] = [resolve, reject]))
    module.loading.catch(() => {})
    try {
      await this.#evaluate(module, isLatest, (path) => {
        if (isLatest()) module.imports.add(path)
      })
      if (isLatest()) {
        module.loaded = true
        module.attempt = undefined
      }
      done()
    } catch (error) {
      if (isLatest()) this.#giveUp(module)
      fail(error)
      throw error
    }
  }

  async #evaluate(
    module: LocalModule,
    isLatest: () => boolean,
    imported: (path: string) => void,
  ): Promise<void> {
    const { path, namespace } = module
    module.stamp = this.#stampOf(path)
    module.text = this.#read(path)
    module.emit = JSON.stringify(this.#emit())
    const extension = extname(path)
    if (extension === '.json') {
      offerWhole(namespace, readJson(path, module.text))
      return
    }
    // The compiler is loaded by the notebooks that need it on this thread.
    const { compileModule } = await importOnce(
      'gradbook',
      'compileModule',
      () => import('../../cell/module.js'),
    )
    const compiled = compileModule(path, module.text, moduleKind(path), this.#emit())
    this.#sources.set(path, { text: module.text, map: compiled.map })
    const context = this.#contextOf(path, imported)
    const address = pathToFileURL(path).href
    const inline = Buffer.from(compiled.map).toString('base64')
    const script = new Script(
      `${compiled.program}\n//# sourceMappingURL=data:application/json;base64,${inline}`,
      { filename: path },
    )
    const run = script.runInThisContext()
    const commonJs = { exports: {} as any, filename: path, id: path, loaded: false }
    if (compiled.kind === 'commonjs') {
      run.call(commonJs.exports, commonJs.exports, context.require, commonJs, path, dirname(path))
      offerWhole(namespace, commonJs.exports)
      return
    }
    await run(namespace, {
      export(getters: { [name: string]: () => unknown }) {
        if (!isLatest()) return
        for (const [name, get] of Object.entries(getters)) offer(namespace, name, get)
      },
      exportAll(other: Record<string, unknown>) {
        if (!isLatest()) return
        for (const name of Object.keys(other))
          if (name !== 'default' && !Object.hasOwn(namespace, name)) offer(namespace, name, () => other[name])
      },
      import: context.import,
      require: context.require,
      module: commonJs,
      resume,
      each,
      meta: {
        url: address,
        filename: path,
        dirname: dirname(path),
        resolve: context.resolve,
      },
    })
    if (compiled.assigns) offerWhole(namespace, commonJs.exports)
  }

  /** The files that were edited since they were loaded, and those that import them, imported ones first. */
  #findStale(): string[] {
    const stale = new Set<string>()
    const emit = JSON.stringify(this.#emit())
    for (const { path, stamp, text, loaded, failed, emit: before } of this.#modules.values())
      if ((loaded || failed) && (this.#stampOf(path) !== stamp || before !== emit)) {
        const module = this.#modules.get(path)!
        module.stamp = this.#stampOf(path)
        // Saved without a change, or gone: what was loaded stays.
        if (module.stamp !== 'gone') {
          if (this.#read(path) !== text || before !== emit) stale.add(path)
        } else if (stamp !== 'gone') this.#gone.push(basename(path))
      }
    for (let before = -1; before !== stale.size;) {
      before = stale.size
      for (const { path, imports } of this.#modules.values())
        if ([...imports].some((next) => stale.has(next))) stale.add(path)
    }
    const order: string[] = []
    const visit = (path: string) => {
      if (!stale.delete(path)) return
      for (const next of this.#modules.get(path)!.imports) visit(next)
      order.push(path)
    }
    for (const path of stale) visit(path)
    return order
  }

  /** The files that were removed since the last look. */
  readonly #gone: string[] = []

  /** Loads edited files and what depends on them anew. Gives a line that says so, if there were any. */
  async refresh(): Promise<string | undefined> {
    this.#giveUpStopped()
    const stale = this.#findStale()
    const gone = this.#gone.splice(0)
    if (stale.length + gone.length === 0) return undefined
    const modules = stale.map((path) => this.#modules.get(path)!)
    const failed = new Set<string>()
    const lines: string[] = []
    const loaded: string[] = []
    for (const module of modules) {
      // It goes on with what it imported; when that can be loaded again, so is this.
      if ([...module.imports].some((path) => failed.has(path))) failed.add(module.path)
      else
        try {
          await this.#run(module)
          loaded.push(basename(module.path))
        } catch (error) {
          failed.add(module.path)
          lines.push(
            `could not re-load ${basename(module.path)}: ${describeFailure(error)}. What was imported from it stays as it was.`,
          )
        }
    }
    if (gone.length > 0)
      lines.push(
        `${gone.join(', ')} ${gone.length === 1 ? 'is' : 'are'} not there any more. What was imported from ${gone.length === 1 ? 'it' : 'them'} stays as it was.`,
      )
    if (loaded.length > 0) lines.unshift(`re-loaded ${loaded.join(', ')}`)
    return lines.join('\n')
  }
}
