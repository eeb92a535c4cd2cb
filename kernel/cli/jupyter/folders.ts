/** Where Jupyter looks for kernels and extensions: its own rules, so that installing a kernel needs no Python. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { InputError } from '../../../src/errors.js'

export { cacheFolder } from '../../../src/cache-folder.js'

/** The user's own data folder, as `jupyter --data-dir` would print it. */
export function userDataFolder(): string {
  const { JUPYTER_DATA_DIR, XDG_DATA_HOME, APPDATA } = process.env
  if (JUPYTER_DATA_DIR) return JUPYTER_DATA_DIR
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Jupyter')
  if (process.platform === 'win32') return join(APPDATA ?? join(homedir(), 'AppData', 'Roaming'), 'jupyter')
  return join(XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'jupyter')
}

export function prefixDataFolder(prefix: string): string {
  return join(resolve(prefix), 'share', 'jupyter')
}

/** The prefix of the Python environment that is active, or that the `jupyter` on the PATH belongs to. */
export function findSysPrefix(): string {
  const { VIRTUAL_ENV, CONDA_PREFIX } = process.env
  const active = VIRTUAL_ENV ?? CONDA_PREFIX
  if (active) return active
  const jupyter = findOnPath('jupyter')
  // Its interpreter lies beside it (bin/python) in every kind of environment.
  const beside = jupyter && findOnPath('python', [dirname(jupyter)])
  for (const python of [beside, findOnPath('python3'), findOnPath('python')]) {
    if (!python) continue
    const { status, stdout } = spawnSync(python, ['-c', 'import sys; print(sys.prefix)'], {
      encoding: 'utf8',
    })
    if (status === 0) return stdout.trim()
  }
  throw new InputError({
    where: '--sys-prefix',
    received: 'a machine without an active Python environment',
    expected: 'an environment to install into',
    fix: 'Activate one, or use --prefix FOLDER or --user',
  })
}

/** The folders that a `jupyter` reads data from, the first wins. `undefined` when it does not run. */
export function askJupyterForPaths(jupyter: string): string[] | undefined {
  const { status, stdout } = spawnSync(jupyter, ['--paths', '--json'], { encoding: 'utf8' })
  if (status !== 0) return undefined
  try {
    return JSON.parse(stdout).data
  } catch {
    return undefined
  }
}

/** All folders that hold Jupyter data on this machine as far as they can be known without asking Python. */
export function dataFolders(): string[] {
  const { JUPYTER_PATH, VIRTUAL_ENV, CONDA_PREFIX, PROGRAMDATA } = process.env
  const systemWide =
    process.platform === 'win32'
      ? [join(PROGRAMDATA ?? 'C:\\ProgramData', 'jupyter')]
      : ['/usr/local/share/jupyter', '/usr/share/jupyter']
  return [
    ...(JUPYTER_PATH?.split(delimiter).filter(Boolean) ?? []),
    userDataFolder(),
    ...[VIRTUAL_ENV, CONDA_PREFIX].filter((prefix) => prefix !== undefined).map(prefixDataFolder),
    ...systemWide,
  ]
}

/** The file that a command on the PATH, or in `folders`, would run. */
export function findOnPath(
  command: string,
  folders: readonly string[] = (process.env.PATH ?? '').split(delimiter),
): string | undefined {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', '.bat'] : ['']
  for (const folder of folders)
    for (const ending of endings) {
      const file = join(folder, command + ending)
      if (folder && existsSync(file)) return file
    }
  return undefined
}
