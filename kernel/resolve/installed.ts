/** What is wrong with the import of a package that is installed. */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { realPath } from './local-files.js'
import { packageOf } from './packages.js'
import {
  conditions,
  exportsOf,
  findInstalled,
  resolveExport,
  type Conditions,
  type Package,
} from './package-maps.js'

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true

/** `./sub/path` of `@scope/name/sub/path`, `.` of the package itself. */
const subpathOf = (specifier: string): string => `.${specifier.slice(packageOf(specifier).length)}`

/** Whether there is JavaScript (or a native addon, or JSON) at a path as CommonJS looks for it. */
const isCode = (path: string): boolean =>
  ['', '.js', '.json', '.node', '.cjs', '.mjs'].some((extension) => isFile(path + extension)) ||
  ['index.js', 'index.json', 'index.node'].some((name) => isFile(join(path, name)))

/** The package of types for one that has none: `@types/scope__name`. */
export const typesOf = (name: string): string => `@types/${name.replace(/^@/, '').replace('/', '__')}`

/** The file that a package says an import of it is. */
export function findEntryFile(of: Package, specifier: string, asked: Conditions): string | undefined {
  const subpath = subpathOf(specifier)
  if (exportsOf(of)) return resolveExport(of, subpath, asked)
  if (subpath !== '.') return join(of.folder, subpath)
  return join(of.folder, of.description.main ?? 'index.js')
}

/**
 * Whether an import names nothing but types: a package (or the part of it) that is installed with declarations and without any
 * code, or whose `@types` alone are.
 *
 * @param folders where packages are looked for, the first one first
 */
export function isOnlyTypes(specifier: string, folders: readonly string[]): boolean {
  const name = packageOf(specifier)
  const found = findInstalled(name, folders)
  if (!found) return findInstalled(typesOf(name), folders) !== undefined
  const { exports, types, typings, main } = found.description
  const subpath = subpathOf(specifier)
  if (exports !== undefined)
    return (
      resolveExport(found, subpath, conditions.import) === undefined &&
      resolveExport(found, subpath, ['types', ...conditions.import]) !== undefined
    )
  const path = subpath === '.' ? join(found.folder, main || 'index') : join(found.folder, subpath)
  if (isCode(path) || (subpath === '.' && isCode(join(found.folder, 'index')))) return false
  const declared = subpath === '.' ? (types ?? typings ?? 'index.d.ts') : subpath
  return ['', '.d.ts', '.d.mts', '/index.d.ts'].some((ending) =>
    existsSync(join(found.folder, declared + ending)),
  )
}

/** Why an installed package cannot be imported by this specifier; `undefined` where it is not installed, or nothing is wrong. */
export function explainInstalled(
  specifier: string,
  folders: readonly string[],
  asked: Conditions = conditions.import,
): string | undefined {
  const name = packageOf(specifier)
  const found = findInstalled(name, folders)
  if (!found) {
    const broken = folders.map((folder) => join(folder, 'node_modules', name, 'package.json')).find(isFile)
    return broken && `The package '${name}' is installed, but ${broken} is no JSON.`
  }
  const subpath = subpathOf(specifier)
  const exported = exportsOf(found)
  const file = findEntryFile(found, specifier, asked)
  const where = `The package '${name}' is installed in ${realPath(found.folder)}`
  if (exported && file === undefined) {
    const others = [conditions.import, conditions.require].filter((other) => other !== asked)
    if (others.some((other) => resolveExport(found, subpath, other) !== undefined))
      return `${where}, but offers '${subpath}' only to ${asked === conditions.import ? '`require`' : '`import`'}.`
    const names = Object.keys(exported).filter((key) => exported[key] !== null)
    const shown = names.slice(0, 20).map((key) => `'${name}${key.slice(1)}'`)
    return `${where}, but does not export '${subpath}' to Node. It exports ${shown.join(', ') || 'nothing'}${names.length > 20 ? ', …' : ''}.`
  }
  if (file === undefined || isCode(file)) return undefined
  return subpath === '.'
    ? `${where}, but its entry ${file} is not there: install it again.`
    : `${where}, but has no file ${file}.`
}
