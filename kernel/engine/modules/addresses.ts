/** `import.meta.resolve`. */
import { createRequire, isBuiltin } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { MissingPackage } from '../../../src/errors.js'
import { asPath } from '../../resolve/local-files.js'
import { explainInstalled, findEntryFile } from '../../resolve/installed.js'
import {
  conditions,
  exportsOf,
  findInstalled,
  foldersUpFrom,
  resolveImport,
} from '../../resolve/package-maps.js'
import { NotOffered } from './not-offered.js'
import { isBrought, isPackage, packageOf } from '../../resolve/packages.js'

export interface Finders {
  /** `require` of the kernel's own installation: for the packages that it brings. */
  home: NodeJS.Require
  /** The file that a specifier names in a folder. */
  findLocal(specifier: string, place: string): string | undefined
}

const addressOf = (path: string): string => pathToFileURL(path).href

/** The address that an import in a folder means, as Node gives it: of a relative one also where no file is. */
export function resolveAddress(specifier: string, place: string, finders: Finders): string {
  if (isBuiltin(specifier)) return specifier.startsWith('node:') ? specifier : `node:${specifier}`
  if (/^(?:data|https?|node):/.test(specifier)) return specifier
  const file = /[\\/]$/.test(specifier) ? undefined : finders.findLocal(specifier, place)
  if (file !== undefined) return addressOf(file)
  if (asPath(specifier, place) !== undefined)
    return specifier.startsWith('#')
      ? addressOf(asPath(specifier, place)!)
      : new URL(specifier, addressOf(join(place, '/'))).href
  const meant = specifier.startsWith('#') ? resolveImport(specifier, place, conditions.import) : undefined
  if (meant !== undefined && meant !== specifier) return resolveAddress(meant, place, finders)
  return isPackage(specifier) ? resolvePackage(specifier, place, finders) : new URL(specifier).href
}

function resolvePackage(specifier: string, place: string, { home }: Finders): string {
  const name = packageOf(specifier)
  const folders = foldersUpFrom(place)
  const found = findInstalled(name, folders)
  if (found) {
    const file = findEntryFile(found, specifier, conditions.import)
    if (exportsOf(found) && file !== undefined) return addressOf(file)
    // Without `exports` the main file may be written without its extension.
    if (!exportsOf(found))
      try {
        return addressOf(createRequire(join(place, 'notebook.ts')).resolve(specifier))
      } catch {
        if (specifier !== name && file !== undefined) return addressOf(file)
      }
    throw new NotOffered(explainInstalled(specifier, folders) ?? `'${specifier}' has no code to import`)
  }
  if (isBrought(specifier)) return addressOf(home.resolve(specifier))
  throw new MissingPackage(name, [place])
}
