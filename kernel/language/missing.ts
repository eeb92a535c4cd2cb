import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isPackage, packageOf } from '../packages.js'
import type { ServiceDiagnostic } from './service.js'
import type { Workspace } from './workspace.js'

/** Codes for a module that was not found: as an import, with other options, as one for its effects, as what makes JSX. */
const codes = new Set([2307, 2792, 2875, 2882])

export const isMissing = (code: number): boolean => codes.has(code)

/** The module that a message about a missing one names. */
export const missingSpecifier = (message: string): string | undefined => /'([^']+)'/.exec(message)?.[1]

/** What to do about a missing module: where it was looked for, and the command. */
export function missingHelp(specifier: string, { searched }: Workspace): string {
  const [folder] = searched
  if (!isPackage(specifier)) return `\nThere is no such file in ${folder}.`
  const name = packageOf(specifier)
  return `\nLooked for it in ${join(folder!, 'node_modules')} and those of the folders above. Run \`npm install ${name}\` in ${folder}, or put \`%npm install ${name}\` on the first line of a cell.`
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
