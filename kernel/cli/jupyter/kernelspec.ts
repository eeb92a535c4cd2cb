/** The kernelspec: how a front end learns that this kernel exists and how it starts it. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InputError, describe } from '../../../src/errors.js'
import { kernelCommand, packageFolder, packageVersion } from '../own-files.js'
import { removeLaid } from './laid.js'

export interface KernelSpec {
  argv: string[]
  display_name: string
  language: string
  interrupt_mode: 'message'
  env?: Record<string, string>
  metadata: Record<string, unknown>
}

/** Names that notebooks written for other TypeScript kernels ask for, and the language that they state. */
const standIns: Record<string, { display_name: string; language: string }> = {
  tslab: { display_name: 'TypeScript (gradbook, as tslab)', language: 'typescript' },
  jslab: { display_name: 'JavaScript (gradbook, as jslab)', language: 'javascript' },
}

export const standInNames: readonly string[] = Object.keys(standIns)

/** The content of kernel.json. */
export function kernelSpec(name = 'gradbook'): KernelSpec {
  return {
    argv: [...kernelCommand('{connection_file}'), ...(standIns[name] ? ['--as', name] : [])],
    ...(standIns[name] ?? {
      display_name: name === 'gradbook' ? 'TypeScript (gradbook)' : `TypeScript (${name})`,
      language: 'typescript',
    }),
    interrupt_mode: 'message',
    metadata: { debugger: true, supported_encryption: ['curve'], gradbook: { version: packageVersion() } },
  }
}

function checkName(name: string): void {
  // Dots alone are a folder above.
  if (!/^[\w.-]+$/.test(name) || /^\.+$/.test(name))
    throw new InputError({
      where: '--name',
      received: describe(name),
      expected: 'letters, digits, dots, dashes and underscores, and not dots alone',
    })
}

/** Whose kernelspec lies in `folder`: 'ours', 'other', or nobody's. */
export function ownerOf(folder: string): 'ours' | 'other' | undefined {
  const file = join(folder, 'kernel.json')
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8')).metadata?.gradbook ? 'ours' : 'other'
  } catch {
    return 'other'
  }
}

const logos = join(packageFolder, 'dist', 'kernel', 'cli', 'assets')

/** Writes the kernelspec `name` below a Jupyter data folder; resolves to its folder. */
export function writeKernelSpec(dataFolder: string, name = 'gradbook', { force = false } = {}): string {
  checkName(name)
  const folder = join(dataFolder, 'kernels', name.toLowerCase())
  if (ownerOf(folder) === 'other' && !force)
    throw new InputError({
      where: 'gradbook install',
      received: `the name ${describe(name)}, which another kernel has taken (${folder})`,
      expected: 'a name that is free',
      fix: 'Add --force to replace it, or choose another with --name',
    })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'kernel.json'), `${JSON.stringify(kernelSpec(name), null, 1)}\n`)
  if (existsSync(logos))
    for (const file of readdirSync(logos))
      if (file.startsWith('logo-')) copyFileSync(join(logos, file), join(folder, file))
  return folder
}

/** Removes it if it is ours; says whether it was there. What somebody has laid beside it stays. */
export function removeKernelSpec(dataFolder: string, name: string): boolean {
  checkName(name)
  const folder = join(dataFolder, 'kernels', name.toLowerCase())
  const owner = ownerOf(folder)
  if (owner === undefined) return false
  if (owner === 'other')
    throw new InputError({
      where: 'gradbook uninstall',
      received: `the kernel ${describe(name)}, which is another program's (${folder})`,
      expected: 'a kernelspec that gradbook wrote',
    })
  removeLaid(folder, ['kernel.json', ...readdirSync(folder).filter((file) => /^logo-[\w.-]+$/.test(file))])
  return true
}

/** A kernelspec found on this machine. */
export interface FoundKernelSpec {
  folder: string
  spec: KernelSpec
  /** Files named in its command that are not there any more. */
  missing: string[]
}

/** All kernelspecs of gradbook below these data folders. */
export function findKernelSpecs(dataFolders: readonly string[]): FoundKernelSpec[] {
  const found: FoundKernelSpec[] = []
  for (const dataFolder of new Set(dataFolders)) {
    const kernels = join(dataFolder, 'kernels')
    if (!existsSync(kernels)) continue
    for (const name of readdirSync(kernels)) {
      const folder = join(kernels, name)
      if (ownerOf(folder) !== 'ours') continue
      const spec: KernelSpec = JSON.parse(readFileSync(join(folder, 'kernel.json'), 'utf8'))
      const files = spec.argv.filter((part, index) => index === 0 || /\.c?js$/.test(part))
      found.push({ folder, spec, missing: files.filter((file) => !existsSync(file)) })
    }
  }
  return found
}
