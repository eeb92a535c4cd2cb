import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { constants, Script } from 'node:vm'
import { MissingPackage } from '../../src/errors.js'
import type { Runtime } from '../cell/types.js'
import { isBrought, isPackage, packageOf } from '../packages.js'
import { linkNames } from './bindings.js'

export interface ModulesOptions {
  /** The notebook's folder: imports are resolved from here first. */
  folder: string
  /** The kernel's own installation: the folder that holds its package.json. */
  home: string
}

export type Modules = Pick<Runtime, 'import' | 'link' | 'require' | 'meta' | 'npm'>

type Import = (specifier: string, options?: { with?: { type?: string } }) => Promise<any>

/** Node's own `import()`, as if written in a file of that folder. */
function importFrom(folder: string): Import {
  const script = new Script('(specifier, options) => import(specifier, options)', {
    filename: join(folder, '[cell]'),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  })
  return script.runInThisContext()
}

/** Whether an error says that just this package is missing, rather than something that it imports. */
function isMissing(error: unknown, name: string): boolean {
  const { code, message } = (error ?? {}) as { code?: string; message?: string }
  return code === 'ERR_MODULE_NOT_FOUND' && message?.includes(`'${name}'`) === true
}

/** Finds and loads what cells import. */
export function createModules({ folder, home }: ModulesOptions): Modules {
  const fromFolder = importFrom(folder)
  const fromHome = importFrom(home)
  const filename = join(folder, 'notebook.ts')
  const require = createRequire(filename)

  async function load(specifier: string, options?: { with?: { type?: string } }): Promise<any> {
    const name = packageOf(specifier)
    try {
      return await fromFolder(specifier, options)
    } catch (error) {
      if (!isPackage(specifier) || !isMissing(error, name)) throw error
      if (!isBrought(specifier)) throw new MissingPackage(name, [folder])
    }
    try {
      return await fromHome(specifier, options)
    } catch (error) {
      if (!isMissing(error, name)) throw error
      throw new MissingPackage(name, [folder, home])
    }
  }

  return {
    import: load,
    link: linkNames,
    require,
    meta: {
      url: pathToFileURL(filename).href,
      dirname: folder,
      filename,
      resolve: (specifier) => pathToFileURL(require.resolve(specifier)).href,
    },
    npm: () => Promise.reject(new Error('not available')),
  }
}
