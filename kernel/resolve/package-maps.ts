/** `exports` and `imports` of a package.json, as Node reads them. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseJson } from './json-text.js'

type Target = string | null | undefined | readonly Target[] | { readonly [condition: string]: Target }

export interface Package {
  /** Where its package.json lies. */
  folder: string
  description: {
    name?: string
    main?: string
    types?: string
    typings?: string
    exports?: Target
    imports?: { readonly [name: string]: Target }
  }
}

/** How a module asks for another, as conditions that a map of a package may name. */
export const conditions = {
  import: ['node', 'import', 'module-sync', 'node-addons'],
  require: ['node', 'require', 'module-sync', 'node-addons'],
} as const
export type Conditions = readonly string[]

const isMap = (target: Target): target is { readonly [condition: string]: Target } =>
  typeof target === 'object' && target !== null && !Array.isArray(target)

/** The package.json of a folder; `undefined` where there is none, or none that can be read. */
export function readPackage(folder: string): Package | undefined {
  const file = join(folder, 'package.json')
  if (!existsSync(file)) return undefined
  try {
    const description = parseJson(readFileSync(file, 'utf8'))
    return { folder, description: (description ?? {}) as Package['description'] }
  } catch {
    return undefined
  }
}

/** The package that a folder belongs to. */
export function findScope(folder: string): Package | undefined {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, 'package.json'))) return readPackage(at)
    if (dirname(at) === at || at.endsWith('node_modules')) return undefined
  }
}

/** A package that is installed in one of the folders, the first one first. */
export function findInstalled(name: string, folders: readonly string[]): Package | undefined {
  for (const folder of folders) {
    const found = readPackage(join(folder, 'node_modules', name))
    if (found) return found
  }
  return undefined
}

/** A folder and all above it, where Node looks for packages. */
export function foldersUpFrom(folder: string): string[] {
  const folders = [folder]
  for (let at = folder; dirname(at) !== at;) folders.push((at = dirname(at)))
  return folders
}

/** What a target is under these conditions: a path, a specifier, null where it is closed. */
function resolveTarget(target: Target, star: string, asked: Conditions): string | null | undefined {
  if (typeof target === 'string') return target.replaceAll('*', () => star)
  if (target === null || target === undefined) return target
  if (Array.isArray(target)) {
    for (const one of target as readonly Target[]) {
      const found = resolveTarget(one, star, asked)
      if (found !== undefined && found !== null) return found
    }
    return undefined
  }
  for (const [condition, inner] of Object.entries(target)) {
    if (condition !== 'default' && !asked.includes(condition)) continue
    const found = resolveTarget(inner, star, asked)
    if (found !== undefined) return found
  }
  return undefined
}

/** The entry of a map for a key: as written, else the pattern with the longest beginning. */
function findEntry(map: { readonly [key: string]: Target }, key: string): [Target, string] | undefined {
  if (Object.hasOwn(map, key) && !key.includes('*')) return [map[key], '']
  let best: { before: string; entry: [Target, string] } | undefined
  for (const [pattern, target] of Object.entries(map)) {
    const [before, after] = pattern.split('*') as [string, string?]
    if (after === undefined || !key.startsWith(before) || !key.endsWith(after)) continue
    if (key.length < pattern.length || (best && best.before.length >= before.length)) continue
    best = { before, entry: [target, key.slice(before.length, key.length - after.length)] }
  }
  return best?.entry
}

/** What a package offers, by subpath; `undefined` where it says nothing, so that all its files are offered. */
export function exportsOf({ description }: Package): { readonly [subpath: string]: Target } | undefined {
  const { exports } = description
  if (exports === undefined || exports === null) return undefined
  return isMap(exports) && Object.keys(exports).every((key) => key.startsWith('.'))
    ? exports
    : { '.': exports }
}

/** The file that `./subpath` of a package is, by its `exports`; `undefined` where it offers none under these conditions. */
export function resolveExport(of: Package, subpath: string, asked: Conditions): string | undefined {
  const entry = findEntry(exportsOf(of) ?? {}, subpath)
  const found = entry && resolveTarget(entry[0], entry[1], asked)
  return found?.startsWith('./') ? join(of.folder, found) : undefined
}

/** What `#name` stands for in a folder: an absolute path, or the specifier of a package. */
export function resolveImport(name: string, folder: string, asked: Conditions): string | undefined {
  const scope = findScope(folder)
  const entry = scope && findEntry(scope.description.imports ?? {}, name)
  const found = entry && resolveTarget(entry[0], entry[1], asked)
  if (!scope || !found) return undefined
  return found.startsWith('./') ? join(scope.folder, found) : found
}
