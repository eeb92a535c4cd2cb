/** Notebooks from and to disk. */
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { InputError, describe } from '../../../src/errors.js'
import { parseIpynb } from './ipynb.js'
import type { Notebook } from './notebook.js'
import { parsePercent } from './percent.js'

const readers: Record<string, (text: string, file: string) => Notebook> = {
  '.ipynb': parseIpynb,
  '.ts': parsePercent,
  '.mts': parsePercent,
  '.tsx': parsePercent,
  '.js': parsePercent,
  '.mjs': parsePercent,
}

/** Reads a notebook, or a TypeScript file with `// %%` between its cells. */
export function readNotebook(file: string): Notebook {
  const read = readers[extname(file).toLowerCase()]
  if (!read)
    throw new InputError({
      where: 'gradbook run',
      received: describe(basename(file)),
      expected: 'a notebook (.ipynb) or a TypeScript file (.ts) with `// %%` between its cells',
    })
  if (!existsSync(file) || !statSync(file).isFile())
    throw new InputError({
      where: 'gradbook run',
      received: `${describe(file)}, which is ${existsSync(file) ? 'a folder' : 'not there'}`,
      expected: 'a file to run',
      fix: `Look for it from ${process.cwd()}, where paths start`,
    })
  return read(readFileSync(file, 'utf8'), file)
}

/** Fails now, and not after an hour of training, when `file` cannot be written. */
export function checkWritable(file: string): void {
  const folder = dirname(resolve(file))
  try {
    mkdirSync(folder, { recursive: true })
    accessSync(folder, constants.W_OK)
    if (existsSync(file) && statSync(file).isDirectory()) throw new Error('it is a folder')
  } catch (error) {
    throw new InputError({
      where: '-o',
      received: `${describe(file)}, which cannot be written (${(error as Error).message})`,
      expected: 'a file in a folder that can be written',
    })
  }
}

/**
 * Writes `text` so that the file is either the old one or the new one, whole, whatever happens meanwhile. A link stays one, and
 * a file keeps who may read it.
 */
export function writeAtomically(file: string, text: string): void {
  const target = existsSync(file) ? realpathSync(file) : resolve(file)
  const { mode } = statSync(target, { throwIfNoEntry: false }) ?? { mode: 0o666 }
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`)
  try {
    writeFileSync(temporary, text, { mode, flush: true })
    renameSync(temporary, target)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  removeAbandoned(target)
}

/** Milliseconds after which what is unfinished has nobody any more who finishes it. */
const abandoned = 600_000

/** Removes what a process that was killed left of the same file. */
function removeAbandoned(target: string): void {
  const [folder, name] = [dirname(target), basename(target)]
  for (const other of readdirSync(folder)) {
    if (!other.startsWith(`.${name}.`) || !/^\d+\.tmp$/.test(other.slice(name.length + 2))) continue
    const found = lstatSync(join(folder, other), { throwIfNoEntry: false })
    if (found?.isFile() && Date.now() - found.mtimeMs > abandoned)
      rmSync(join(folder, other), { force: true })
  }
}
