import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { constants, Script } from 'node:vm'
import { GradbookError, MissingPackage } from '../../../src/errors.js'
import { messageOf } from '../../../src/untrusted.js'
import { during } from '../../../src/settle.js'
import type { Runtime } from '../../cell/types.js'
import { isBrought, isPackage, packageOf } from '../../resolve/packages.js'
import { aliasOf, mapPath } from '../../resolve/path-aliases.js'
import { FollowedTsconfig } from '../../resolve/followed-tsconfig.js'
import { showInBrowser } from './browser.js'
import { isFromEsModule, linkNames } from './bindings.js'
import { LocalModules, type ModuleContext } from './local-modules.js'
import { runNpm } from './npm.js'
import { prepareNodeTest, watchNodeTest } from './node-test.js'
import { importOnce, StoppedWhileLoading } from './once.js'
import { printTensorflow } from '../io/printing.js'
import { isMissing, Requires } from './require.js'
import { each, resume } from '../running/waiting.js'
import { asPath, findFile, isDeclared, isReloaded } from '../../resolve/local-files.js'
import { explainInstalled, findEntryFile, isOnlyTypes } from '../../resolve/installed.js'
import { conditions, findInstalled, foldersUpFrom } from '../../resolve/package-maps.js'
import { resolveAddress } from './addresses.js'
import { NotOffered } from './not-offered.js'
import { hasOnlyTypes, onlyTypes } from './only-types.js'

export interface ModulesOptions {
  /** The notebook's folder: imports are resolved from here first. */
  folder: string
  /** The kernel's own installation: the folder that holds its package.json. */
  home: string
  /** Tells the user something in one line. Default: on standard output, so under the running cell. */
  note?: (line: string) => void
}

export interface Modules extends Runtime {
  /** Text and source map of a local file that was loaded, for error messages. */
  sourceOf(path: string): { text: string; map: string } | undefined
}

type Options = { with?: { type?: string } } | undefined
type Import = (specifier: string, options?: Options) => Promise<any>

/** Node's own `import()`, as if written in a file of that folder. Stable since Node 20.10 but for the warning at its first use. */
function importFrom(folder: string): Import {
  const script = new Script('(specifier, options) => import(specifier, options)', {
    filename: join(folder, '[cell]'),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  })
  const load: Import = script.runInThisContext()
  return (specifier, options) => {
    const warn = process.emitWarning
    return during(
      () => void (process.emitWarning = warn),
      () => {
        process.emitWarning = () => {}
        return load(specifier, options)
      },
    )
  }
}

/** The packages of tfjs that look for a backend. */
const usesTensors = /^@tensorflow\/tfjs(-core|-layers|-data|-converter)?$/

/** A file that an import names and that is not there. */
class MissingFile extends GradbookError {
  override name = 'MissingFile'
  readonly code = 'ERR_MODULE_NOT_FOUND'
}

/** What Node says of a module that it did not find. */
const notFound = new Set([
  'ERR_MODULE_NOT_FOUND',
  'ERR_PACKAGE_PATH_NOT_EXPORTED',
  'ERR_UNSUPPORTED_DIR_IMPORT',
  'ERR_INVALID_PACKAGE_TARGET',
])

/** Whether Node did not find what a cell or a file in `place` itself imports, rather than something further on. */
function isOwnImport(error: unknown, place: string): boolean {
  const { code, message } = (error ?? {}) as { code?: string; message?: string }
  return notFound.has(code ?? '') && message?.includes(`imported from ${join(place, '[cell]')}`) === true
}

/** The TypeScript that a package of the same workspace is: linked there, and not compiled. */
function sourceOfPackage(error: unknown, specifier: string, place: string): string | undefined {
  if ((error as NodeJS.ErrnoException)?.code !== 'ERR_UNKNOWN_FILE_EXTENSION') return undefined
  const found = findInstalled(packageOf(specifier), foldersUpFrom(place))
  const entry = found && findEntryFile(found, specifier, conditions.import)
  const file = entry === undefined ? undefined : findFile(entry)
  return file !== undefined && isReloaded(file) ? file : undefined
}

/** Exports that a CommonJS module shows only on its default export. */
function withNames(namespace: any, names: readonly string[]): any {
  if (hasOnlyTypes(namespace)) return namespace
  const whole = namespace.default
  if (whole === null || whole === undefined) return namespace
  const isDefault = names.includes('default') && isFromEsModule(namespace)
  if (!isDefault && names.every((name) => name in namespace)) return namespace
  return new Proxy(
    {},
    {
      get: (_, name) =>
        name === 'default' && isDefault ? whole.default : name in namespace ? namespace[name] : whole[name],
      has: (_, name) => name in namespace || name in Object(whole),
    },
  )
}

/** Finds and loads what cells import. */
export function createModules({
  folder,
  home,
  note = (line) => void process.stdout.write(`${line}\n`),
}: ModulesOptions): Modules {
  const importers = new Map<string, Import>()
  const importFor = (place: string): Import => {
    let found = importers.get(place)
    if (!found) importers.set(place, (found = importFrom(place)))
    return found
  }
  const filename = join(folder, 'notebook.ts')
  const tsconfig = new FollowedTsconfig(folder)
  const emit = () => tsconfig.emit
  const requireFromHome = createRequire(join(home, 'package.json'))
  // Loaded for those who ask, by `require` too, which is synchronous.
  const loadTslab = (): unknown => requireFromHome(join(home, 'dist', 'kernel', 'tslab', 'index.js'))

  /** The file that a specifier names in a folder, as a path or by the notebook's `paths`. */
  function findLocal(
    specifier: string,
    place: string,
    find: (path: string) => string | undefined = () => undefined,
  ): string | undefined {
    const path = asPath(specifier, place)
    const mapped = path === undefined ? mapPath(specifier, tsconfig.paths) : [path]
    return mapped.map((one) => find(one) ?? findFile(one)).find((found) => found !== undefined)
  }

  const requires = new Requires({ folder, home: requireFromHome, findLocal, loadTslab, emit })

  let isPrepared = false
  /** gradbook's backend becomes the default also for cells that import nothing but tfjs. */
  async function prepareTensors(): Promise<void> {
    if (isPrepared) return
    const specifier = 'gradbook/backend'
    try {
      await importOnce('gradbook', specifier, () => importFor(home)(specifier))
    } catch (error) {
      if (error instanceof StoppedWhileLoading) throw error
      note(`tfjs runs on its own backend: gradbook's could not be loaded (${messageOf(error)})`)
    }
    isPrepared = true
  }

  /** The tensors of a copy of tfjs that an import brought, or that gradbook brought with it, are printed as tensors. */
  function notice(name: string, found: any): void {
    if (typeof found.Tensor === 'function' && typeof found.engine === 'function') printTensorflow(found)
    if (name !== 'gradbook') return
    for (const { resolve, cache } of [createRequire(filename), requireFromHome])
      try {
        const tf = cache[resolve('@tensorflow/tfjs')]?.exports
        if (tf) printTensorflow(tf)
      } catch {
        // Not installed there.
      }
  }

  async function importPackage(specifier: string, options: Options, place: string): Promise<any> {
    const name = packageOf(specifier)
    if (name === 'tslab') return loadTslab()
    if (usesTensors.test(name)) await prepareTensors()
    prepareNodeTest(specifier)
    try {
      const found = await importOnce(name, specifier, () => importFor(place)(specifier, options))
      notice(name, found)
      return watchNodeTest(specifier, found)
    } catch (error) {
      if (!isPackage(specifier)) throw error
      const source = sourceOfPackage(error, specifier, place)
      if (source !== undefined) return local.load(source)
      const isHere = isOwnImport(error, place)
      if (isHere && !isBrought(specifier)) {
        const folders = foldersUpFrom(place)
        const why = explainInstalled(specifier, folders)
        if (isOnlyTypes(specifier, folders)) return onlyTypes(specifier, why, [folder])
        if (why !== undefined) throw new NotOffered(why)
      }
      if (!isMissing(error, name)) throw error
      if (!isBrought(specifier)) throw new MissingPackage(name, [folder])
    }
    try {
      const found = await importOnce(name, specifier, () => importFor(home)(specifier, options))
      notice(name, found)
      return found
    } catch (error) {
      if (
        isOwnImport(error, home) &&
        (error as NodeJS.ErrnoException).code === 'ERR_PACKAGE_PATH_NOT_EXPORTED'
      )
        throw new NotOffered(
          explainInstalled(specifier, foldersUpFrom(home)) ?? `The package '${name}' has no '${specifier}'.`,
        )
      if (!isMissing(error, name)) throw error
      throw new MissingPackage(name, [folder, home])
    }
  }

  const local = new LocalModules((path, imported): ModuleContext => {
    const place = dirname(path)
    return {
      require: requires.of(path, imported),
      resolve: (specifier) => addressIn(place, specifier),
      import: async (specifier, options, names = []) =>
        withNames(await load(specifier, options, place, path, imported), names),
    }
  }, emit)

  async function load(
    specifier: string,
    options: Options,
    place: string,
    from?: string,
    imported?: (path: string) => void,
  ): Promise<any> {
    const file = findLocal(specifier, place, (path) => local.findDefined(path))
    if (!file) {
      const path = asPath(specifier, place)
      if (path === undefined) {
        const aliased = aliasOf(specifier, tsconfig.paths)
        const types = aliased.find((one) => isDeclared(one))
        if (types !== undefined) return onlyTypes(specifier, `'${specifier}' has declarations and no code.`)
        if (aliased.length > 0 && !findInstalled(packageOf(specifier), foldersUpFrom(place)))
          throw new MissingFile(
            `'${specifier}' is ${aliased.join(' or ')} by the tsconfig.json, and that was not found`,
          )
        return importPackage(specifier, options, place)
      }
      if (isDeclared(path)) return onlyTypes(specifier, `'${specifier}' has declarations and no code.`)
      throw new MissingFile(`the file '${specifier}' was not found in ${place}`)
    }
    if (!isReloaded(file)) {
      const address = pathToFileURL(file).href
      return importOnce(specifier, address, () => importFor(place)(address, options))
    }
    imported?.(file)
    return local.load(file, from)
  }

  const addressIn = (place: string, specifier: string): string =>
    resolveAddress(String(specifier), place, { home: requireFromHome, findLocal })

  const module = { exports: {} as unknown, filename, id: '.', loaded: false, children: [], paths: [] }
  const require = Object.assign(requires.of(filename), { main: module })
  return {
    import: (specifier, options) => load(String(specifier), options, folder),
    link: linkNames,
    resume,
    each,
    refresh: async () => {
      tsconfig.look()
      if (local.isEmpty) return
      const line = await local.refresh()
      if (line) note(line)
    },
    require,
    module,
    meta: {
      url: pathToFileURL(filename).href,
      dirname: folder,
      filename,
      resolve: (specifier) => addressIn(folder, specifier),
    },
    define: async (name, text) => {
      local.define(join(folder, name), text)
      const line = await local.refresh()
      if (line) note(line)
    },
    browser: (text) => showInBrowser(text, folder),
    npm: (command) => runNpm(command, folder),
    sourceOf: (path) => local.sourceOf(path) ?? requires.sourceOf(path),
  }
}
