/** The JupyterLab part, ready-built in this package: installing it is copying it. */
import { cpSync, existsSync, lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageFolder } from '../own-files.js'
import { removeLaid } from './laid.js'

const built = join(packageFolder, 'dist', 'labextension')

function extensionFolder(dataFolder: string): string | undefined {
  const manifest = join(built, 'package.json')
  if (!existsSync(manifest)) return undefined
  const { name } = JSON.parse(readFileSync(manifest, 'utf8')) as { name: string }
  return join(dataFolder, 'labextensions', ...name.split('/'))
}

/** What a ready-built extension is made of, in this version or another: anything else in its folder is somebody's. */
const laid = ['package.json', 'install.json', 'build_log.json', '.built', 'static', 'schemas', 'themes']

/** Lays the extension where JupyterLab finds it; `undefined` when this build has none. */
export function installExtension(dataFolder: string): string | undefined {
  const folder = extensionFolder(dataFolder)
  if (!folder) return undefined
  remove(folder)
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
  if (!folder || !lstatSync(folder, { throwIfNoEntry: false })) return false
  remove(folder)
  return true
}

/** `jupyter labextension develop` lays a link to where the extension is built: the link goes, what it leads to stays. */
function remove(folder: string): void {
  if (lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink()) rmSync(folder)
  else removeLaid(folder, laid)
}
