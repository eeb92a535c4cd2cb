/** Packages of PyPI and npm, fetched with pip and npm themselves: so with the mirrors and proxies that they are told of. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { InputError } from '../../src/errors.js'
import { findPython } from './jupyter/lab.js'

/** @throws InputError where there is none. */
export function pythonFor(where: string): string {
  const { python } = findPython()
  if (python) return python
  throw new InputError({
    where,
    received: 'a machine without Python',
    expected: 'Python 3.10 or newer with pip, which downloads the package',
  })
}

/** Downloads the wheel of a package, as pip asks for it, and says where it is. */
export function download(
  python: string,
  wanted: string,
  folder: string,
  options: readonly string[] = [],
): string {
  console.log(`Fetching ${wanted} with pip`)
  run(python, [
    '-m',
    'pip',
    'download',
    '--no-deps',
    '--no-input',
    '--quiet',
    '--dest',
    folder,
    ...options,
    wanted,
  ])
  return join(folder, oneFile(folder, '.whl', `wheel of ${wanted} from pip`))
}

/** The one file of a folder that ends so. */
export function oneFile(folder: string, ending: string, expected: string): string {
  const found = readdirSync(folder).find((file) => file.endsWith(ending))
  if (found) return found
  throw new InputError({ where: 'gradbook fetch', received: `no ${expected}`, expected: 'one' })
}

export function run(
  command: string,
  args: string[],
  {
    shell = false,
    fix = 'Is the package index reachable, and is pip there (`python3 -m pip --version`)?',
  } = {},
): void {
  const { status, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    shell,
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  if (status === 0) return
  throw new InputError({
    where: `\`${[command, ...args.slice(0, 3)].join(' ')} …\``,
    received: `an error: ${error?.message ?? stderr.trim().split('\n').slice(-6).join('\n')}`,
    expected: 'it to succeed',
    fix,
  })
}

export async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer)
  return hash.digest('hex')
}
