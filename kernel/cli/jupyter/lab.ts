/** Finds a JupyterLab, or makes one in gradbook's cache; never touches what the user installed. */
import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InputError } from '../../../src/errors.js'
import { cacheFolder, findOnPath } from './folders.js'

/** The versions that gradbook is tested with. */
export const labPackages: readonly string[] = ['jupyterlab==4.6.6', 'jupyterlab_widgets==3.0.17']

export interface JupyterLab {
  /** The program and its first arguments, to which those of `jupyter lab` are added. */
  command: string[]
  version: string
  where: 'PATH' | 'cache'
}

function ask(command: string, args: string[]): SpawnSyncReturns<string> {
  return spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

/** A `jupyter` on the PATH that has JupyterLab 4 or later. */
export function findLabOnPath(): JupyterLab | undefined {
  const jupyter = findOnPath('jupyter')
  if (!jupyter) return undefined
  const { status, stdout } = ask(jupyter, ['lab', '--version'])
  const version = status === 0 ? (/^\d+\.\S+/m.exec(stdout)?.[0] ?? '') : ''
  return Number.parseInt(version, 10) >= 4 ? { command: [jupyter, 'lab'], version, where: 'PATH' } : undefined
}

const inEnvironment = (folder: string, program: string): string =>
  process.platform === 'win32' ? join(folder, 'Scripts', `${program}.exe`) : join(folder, 'bin', program)

/** The interpreter of an environment. */
export const pythonOf = (folder: string): string => inEnvironment(folder, 'python')

/** A Python that is new enough for JupyterLab; with one that is too old, its version. */
export function findPython(): { python?: string; version?: string; tooOld?: string } {
  let tooOld: string | undefined
  for (const name of ['python3', 'python', 'python3.13', 'python3.12', 'python3.11', 'python3.10']) {
    const python = findOnPath(name)
    if (!python) continue
    const { status, stdout } = ask(python, ['-c', 'import sys; print(*sys.version_info[:3], sep=".")'])
    if (status !== 0) continue
    const [major, minor] = stdout.trim().split('.').map(Number) as [number, number]
    if (major > 3 || (major === 3 && minor >= 10)) return { python, version: stdout.trim() }
    tooOld ??= stdout.trim()
  }
  return tooOld === undefined ? {} : { tooOld }
}

function runOrThrow(command: string, args: string[], what: string, hint: string): void {
  const { status, stdout, stderr, error } = ask(command, args)
  if (status === 0) return
  const said = `${stdout ?? ''}${stderr ?? ''}`.trim().split('\n').slice(-8).join('\n')
  throw new InputError({
    where: what,
    received: `an error from \`${[command, ...args].join(' ')}\`:\n${error?.message ?? said}\n`,
    expected: 'it to succeed',
    fix: hint,
  })
}

const withoutLab = '`npx gradbook run notebooks/01-first-model.ipynb` needs no Python'

/** Says that an environment is gradbook's, also where its making is broken off: only such a one is ever removed. */
const begun = '.gradbook'

/**
 * A Python environment of gradbook's own with these packages, made once. A stamp that is written last names them: it
 * tells a whole environment from one whose making was broken off, or that an older gradbook made.
 */
export function makeEnvironment(
  name: string,
  packages: readonly string[],
  say: (text: string) => void,
): string {
  const folder = join(cacheFolder(), name)
  const stamp = join(folder, '.complete')
  const wanted = `${packages.join('\n')}\n`
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted && existsSync(pythonOf(folder)))
    return folder
  const uv = findOnPath('uv')
  const { python, tooOld } = findPython()
  if (!uv && !python)
    throw new InputError({
      where: 'JupyterLab',
      received: tooOld ? `Python ${tooOld}` : 'a machine without Python and without uv',
      expected: 'Python >= 3.10, which JupyterLab runs on',
      fix: `Install Python (https://www.python.org), or do without: ${withoutLab}`,
    })
  say(`Installing ${packages[0]} into ${folder} (once; about a minute)`)
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    if (!existsSync(stamp) && !existsSync(join(folder, begun)))
      throw new InputError({
        where: 'JupyterLab',
        received: `${folder}, which is there and which gradbook did not make`,
        expected: 'a place for an environment of its own',
        fix: 'Move it away, or set GRADBOOK_CACHE to another folder.',
      })
    rmSync(folder, { recursive: true })
  }
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, begun), '')
  const hint = `See that the package index is reachable, or do without: ${withoutLab}`
  if (uv) {
    runOrThrow(uv, ['venv', '--quiet', '--allow-existing', '--python', python ?? '3.12', folder], 'uv', hint)
    runOrThrow(uv, ['pip', 'install', '--quiet', '--python', pythonOf(folder), ...packages], 'uv', hint)
  } else {
    runOrThrow(
      python!,
      ['-m', 'venv', folder],
      'python -m venv',
      `Install Python's venv (on Debian and Ubuntu: apt install python3-venv), or do without: ${withoutLab}`,
    )
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages]
    runOrThrow(pythonOf(folder), pip, 'pip', hint)
  }
  writeFileSync(stamp, wanted)
  return folder
}

const cachedName = 'jupyterlab'

/** The JupyterLab of gradbook's cache if it was made already. */
export function findLabInCache(): JupyterLab | undefined {
  const folder = join(cacheFolder(), cachedName)
  if (!existsSync(join(folder, '.complete'))) return undefined
  const { status, stdout } = ask(inEnvironment(folder, 'jupyter-lab'), ['--version'])
  return status === 0
    ? { command: [inEnvironment(folder, 'jupyter-lab')], version: stdout.trim(), where: 'cache' }
    : undefined
}

/** The JupyterLab to start: the user's own, else gradbook's, which is made when it is not there. */
export function findOrMakeLab(say: (text: string) => void): JupyterLab {
  const found = findLabOnPath()
  if (found) return found
  const folder = makeEnvironment(cachedName, labPackages, say)
  return {
    command: [inEnvironment(folder, 'jupyter-lab')],
    version: labPackages[0]!.split('==')[1]!,
    where: 'cache',
  }
}
