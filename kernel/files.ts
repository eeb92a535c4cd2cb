/** Files beside the notebook: what an import of one means, for the types and at run time alike. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, extname, isAbsolute, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { CompiledModule } from './cell/module.js'
import { syntaxOf } from './cell/syntax.js'

/** What stands for `./x.js` in the source of a TypeScript file. */
const sourceOf: { [extension: string]: readonly string[] } = {
  '.js': ['.ts', '.tsx'],
  '.jsx': ['.tsx'],
  '.mjs': ['.mts'],
  '.cjs': ['.cts'],
}
const guessed = ['.ts', '.tsx', '.mts', '.cts', '.js', '.mjs', '.cjs', '.jsx', '.json']

const isFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() === true

/** The path that a specifier names, if it names one: relative, absolute or a `file:` address. */
export function asPath(specifier: string, folder: string): string | undefined {
  if (specifier.startsWith('file:')) return fileURLToPath(specifier)
  if (isAbsolute(specifier)) return specifier
  return /^\.{1,2}(\/|$)/.test(specifier) ? join(folder, specifier) : undefined
}

/** The file that an import of `path` means: as written, as the TypeScript beside it, with an extension, or as a folder's index. */
export function findFile(path: string): string | undefined {
  if (isFile(path)) return path
  const extension = extname(path)
  for (const other of sourceOf[extension] ?? []) {
    const source = path.slice(0, -extension.length) + other
    if (isFile(source)) return source
  }
  for (const added of guessed) if (isFile(path + added)) return path + added
  for (const added of guessed) if (isFile(join(path, `index${added}`))) return join(path, `index${added}`)
  return undefined
}

/** Files that are loaded here, anew after each edit; packages and everything else are Node's. */
export function isReloaded(path: string): boolean {
  if (/[\\/]node_modules[\\/]/.test(path)) return false
  const extension = extname(path)
  return extension === '.json' || extension in syntaxOf
}

/** Whether the nearest package.json says that `.js` files are ES modules; `undefined` where it says nothing. */
function packageType(path: string): 'module' | 'commonjs' | undefined {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const description = join(folder, 'package.json')
    if (existsSync(description)) {
      try {
        return JSON.parse(readFileSync(description, 'utf8')).type
      } catch {
        return undefined
      }
    }
    if (dirname(folder) === folder) return undefined
  }
}

const kindOf: { [extension: string]: CompiledModule['kind'] } = {
  '.mjs': 'esm',
  '.mts': 'esm',
  '.cjs': 'commonjs',
  '.cts': 'commonjs',
}

/** What a file's name or its package says that it is; `undefined` leaves it to its syntax. */
export function moduleKind(path: string): CompiledModule['kind'] | undefined {
  const extension = extname(path)
  return kindOf[extension] ?? (extension === '.js' && packageType(path) === 'module' ? 'esm' : undefined)
}

/** What `import.meta.resolve` says: an address, as Node's own does. */
export function addressOf({ resolve }: NodeJS.Require, specifier: string): string {
  if (isBuiltin(specifier)) return specifier.startsWith('node:') ? specifier : `node:${specifier}`
  return /^(file|data|https?):/.test(specifier) ? specifier : pathToFileURL(resolve(specifier)).href
}
