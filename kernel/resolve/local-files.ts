/** Files beside the notebook: what an import of one means, for the types and at run time alike. */
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, extname, isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CompiledModule } from '../cell/module.js'
import { syntaxOf } from '../cell/syntax.js'
import { conditions, resolveImport, type Conditions } from './package-maps.js'

/** What stands for `./x.js` in the source of a TypeScript file. */
const sourceOf: { [extension: string]: readonly string[] } = {
  '.js': ['.ts', '.tsx'],
  '.jsx': ['.tsx'],
  '.mjs': ['.mts'],
  '.cjs': ['.cts'],
}
const guessed = ['.ts', '.tsx', '.mts', '.cts', '.js', '.mjs', '.cjs', '.jsx', '.json']

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true
  } catch {
    // It goes through a file, or is no path at all.
    return false
  }
}

/** Whether an import of `path` means declarations that stand alone: types without code. */
export const isDeclared = (path: string): boolean =>
  /\.d\.[cm]?ts$/.test(path) || ['.d.ts', '.d.mts', '/index.d.ts'].some((ending) => isFile(path + ending))

/** The path that a specifier names, if it names one: relative, absolute, a `file:` address, or a file by `imports` of package.json. */
export function asPath(
  specifier: string,
  folder: string,
  asked: Conditions = conditions.import,
): string | undefined {
  if (specifier.startsWith('file:')) return maybeFile(specifier)
  if (isAbsolute(specifier)) return specifier
  if (specifier.startsWith('#')) {
    const target = resolveImport(specifier, folder, asked)
    return target !== undefined && isAbsolute(target) ? target : undefined
  }
  return /^\.{1,2}(\/|$)/.test(specifier) ? join(folder, specifier) : undefined
}

function maybeFile(address: string): string | undefined {
  try {
    return fileURLToPath(address)
  } catch {
    return undefined
  }
}

/** Where a file really lies: one that is linked is one module by both names, as in Node. */
export function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/** The file that an import of `path` means: as written, as the TypeScript beside it, with an extension, or as a folder's index. */
export function findFile(path: string): string | undefined {
  const found = findWritten(path)
  return found && realPath(found)
}

function findWritten(path: string): string | undefined {
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
