/** `gradbook install` and `gradbook uninstall`. */
import { removeExtension, installExtension } from './jupyter/extension.js'
import {
  askJupyterForPaths,
  findOnPath,
  findSysPrefix,
  prefixDataFolder,
  userDataFolder,
} from './jupyter/folders.js'
import { removeKernelSpec, standInNames, writeKernelSpec } from './jupyter/kernelspec.js'
import { InputError, describe } from '../../src/errors.js'

export interface Where {
  user?: boolean
  prefix?: string
  sysPrefix?: boolean
  name?: string
  as?: string
}

function findDataFolder({ user, prefix, sysPrefix }: Where): string {
  const chosen = [user && '--user', prefix !== undefined && '--prefix', sysPrefix && '--sys-prefix'].filter(
    (option) => typeof option === 'string',
  )
  if (chosen.length > 1)
    throw new InputError({
      where: 'gradbook install',
      received: chosen.join(' and '),
      expected: 'one of --user, --prefix and --sys-prefix',
    })
  if (prefix !== undefined) return prefixDataFolder(prefix)
  if (sysPrefix) return prefixDataFolder(findSysPrefix())
  return userDataFolder()
}

function findName({ name, as }: Where): string {
  if (as !== undefined && !standInNames.includes(as))
    throw new InputError({
      where: '--as',
      received: describe(as),
      expected: `one of ${standInNames.join(', ')}`,
      fix: 'For any other name use --name',
    })
  if (as !== undefined && name !== undefined)
    throw new InputError({ where: 'gradbook install', received: '--as and --name', expected: 'one of them' })
  return as ?? name ?? 'gradbook'
}

/** Makes the kernel known to the Jupyter of this user, of a prefix, or of the active Python environment. */
export function install(options: Where & { force?: boolean }): void {
  const dataFolder = findDataFolder(options)
  const name = findName(options)
  const folder = writeKernelSpec(dataFolder, name, { force: options.force ?? false })
  console.log(`The kernel '${name}' is installed in ${folder}`)
  const extension = installExtension(dataFolder)
  if (extension) console.log(`The JupyterLab extension is installed in ${extension}`)
  const jupyter = findOnPath('jupyter')
  const read = jupyter && askJupyterForPaths(jupyter)
  if (read && !read.includes(dataFolder))
    console.log(
      `Note: ${jupyter} does not look there. It looks in ${read.join(', ')}. Use --user, or start it with JUPYTER_PATH=${dataFolder}`,
    )
}

export function uninstall(options: Where): void {
  const dataFolder = findDataFolder(options)
  const name = findName(options)
  const removed = removeKernelSpec(dataFolder, name)
  console.log(
    removed
      ? `The kernel '${name}' is removed from ${dataFolder}`
      : `There is no kernel '${name}' in ${dataFolder}: nothing to remove`,
  )
  if (name === 'gradbook' && removeExtension(dataFolder))
    console.log(`The JupyterLab extension is removed from ${dataFolder}`)
}
