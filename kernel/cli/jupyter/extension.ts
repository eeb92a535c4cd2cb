/** The JupyterLab part, ready-built in this package: installing it is copying it. */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageFolder } from '../places.js'

const built = join(packageFolder, 'dist', 'labextension')

function extensionFolder(dataFolder: string): string | undefined {
  const manifest = join(built, 'package.json')
  if (!existsSync(manifest)) return undefined
  const { name } = JSON.parse(readFileSync(manifest, 'utf8')) as { name: string }
  return join(dataFolder, 'labextensions', ...name.split('/'))
}

/** Lays the extension where JupyterLab finds it; `undefined` when this build has none. */
export function installExtension(dataFolder: string): string | undefined {
  const folder = extensionFolder(dataFolder)
  if (!folder) return undefined
  rmSync(folder, { recursive: true, force: true })
  cpSync(built, folder, { recursive: true })
  const install = {
    packageManager: 'npm',
    packageName: 'gradbook',
    uninstallInstructions: 'Run `npx gradbook uninstall`',
  }
  writeFileSync(join(folder, 'install.json'), `${JSON.stringify(install, null, 2)}\n`)
  return folder
}

export function removeExtension(dataFolder: string): boolean {
  const folder = extensionFolder(dataFolder)
  if (!folder || !existsSync(folder)) return false
  rmSync(folder, { recursive: true })
  return true
}
