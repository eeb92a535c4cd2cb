import { existsSync, statSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join, sep } from 'node:path'
import { asPath, realPath } from '../../resolve/local-files.js'
import { explainInstalled } from '../../resolve/installed.js'
import { conditions, findInstalled, findScope, resolveImport } from '../../resolve/package-maps.js'
import { isPackage, packageOf } from '../../resolve/packages.js'
import { aliasOf } from '../../resolve/path-aliases.js'
import type { ServiceDiagnostic } from '../typescript/service.js'
import type { Workspace } from '../typescript/workspace.js'

/** Codes for a module that was not found: as an import, with other options, as one for its effects, as what makes JSX. */
const codes = new Set([2307, 2792, 2875, 2882])

export const isMissing = (code: number): boolean => codes.has(code)

/** The module that a message about a missing one names. */
export const missingSpecifier = (message: string): string | undefined => /'([^']+)'/.exec(message)?.[1]

/** What to do about the specifiers of other runtimes. */
const elsewhere: readonly { prefix: RegExp; help(name: string): string }[] = [
  { prefix: /^node:/, help: () => `Node ${process.versions.node} has no such module.` },
  {
    prefix: /^npm:\/?/,
    help: (name) =>
      `Install it with \`%npm install ${name}\` and import '${name.replace(/(?<=.)@[^/]*/, '')}'.`,
  },
  {
    prefix: /^jsr:\/?/,
    help: (name) => `Install it with \`%npm exec --yes jsr add ${name}\` and import it by its name.`,
  },
  {
    prefix: /^https?:/,
    help: () =>
      'Node imports packages and files: install the package with `%npm install …`, or save the file here.',
  },
]

/**
 * What Node finds and TypeScript does not: a module of Node's own that is newer than its types, a package in a folder with a
 * backslash in its name, which TypeScript takes for a slash.
 */
export function isBeyondTypes(specifier: string, { searched }: Workspace): boolean {
  if (isBuiltin(specifier)) return true
  const found =
    sep === '/' && isPackage(specifier) ? findInstalled(packageOf(specifier), searched) : undefined
  return found !== undefined && realPath(found.folder).includes('\\')
}

/** What to do about a missing module: where it was looked for, and the command. */
export function missingHelp(specifier: string, { searched, brought, tsconfig }: Workspace): string {
  const [folder] = searched
  const other = elsewhere.find(({ prefix }) => prefix.test(specifier))
  if (other) return `\n${other.help(specifier.replace(other.prefix, ''))}`
  if (specifier.startsWith('#')) return `\n${importsHelp(specifier, folder!)}`
  if (!isPackage(specifier)) {
    const path = asPath(specifier, folder!)
    return path !== undefined && existsSync(path) && statSync(path).isFile()
      ? `\nThe file is there, but it is none that can be imported: read it with readFileSync of 'node:fs'.`
      : `\nThere is no such file in ${folder}.`
  }
  const mapped = aliasOf(specifier, tsconfig.paths)
  if (mapped.length > 0)
    return `\nBy 'paths' of ${tsconfig.config!.path} it is ${mapped.join(' or ')}, which is not there.`
  const name = packageOf(specifier)
  const why = explainInstalled(specifier, [...searched, brought])
  if (why !== undefined) return `\n${why}`
  return `\nLooked for it in ${join(folder!, 'node_modules')} and those of the folders above. Run \`npm install ${name}\` in ${folder}, or put \`%npm install ${name}\` on the first line of a cell.`
}

/** What there is instead of a name of `imports`. */
function importsHelp(specifier: string, folder: string): string {
  const scope = findScope(folder)
  if (!scope)
    return `'${specifier}' is a name of 'imports' in a package.json: there is none in ${folder} or above.`
  const file = join(scope.folder, 'package.json')
  const target = resolveImport(specifier, folder, conditions.import)
  if (target !== undefined) return `${file} says that it is ${target}, which is not there.`
  const names = Object.keys(scope.description.imports ?? {})
  return `${file} has no such name in 'imports'. It has ${names.map((name) => `'${name}'`).join(', ') || 'none'}.`
}

/** Packages that were asked for and not there: once they are, TypeScript must be told. */
export class MissingPackages {
  readonly #workspace: Workspace
  readonly #names = new Set<string>()

  constructor(workspace: Workspace) {
    this.#workspace = workspace
  }

  take(problems: readonly ServiceDiagnostic[]): void {
    for (const { code, message } of problems) {
      const specifier = isMissing(code) ? missingSpecifier(message) : undefined
      if (specifier !== undefined && isPackage(specifier)) this.#names.add(packageOf(specifier))
    }
  }

  /** Files of packages that have come to be there. */
  findInstalled(): string[] {
    const files: string[] = []
    for (const name of this.#names)
      for (const folder of this.#workspace.searched) {
        const file = join(folder, 'node_modules', name, 'package.json')
        if (!existsSync(file)) continue
        this.#names.delete(name)
        files.push(file, join(this.#workspace.folderOf(folder), 'node_modules', name, 'package.json'))
        break
      }
    return files
  }
}
