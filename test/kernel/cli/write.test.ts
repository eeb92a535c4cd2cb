import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeEnvironment } from '../../../kernel/cli/jupyter/lab.js'
import { writeAtomically } from '../../../kernel/cli/notebook/file.js'
import { writeWhole } from '../../../src/whole-file.js'
import { temporaryFolder } from '../../kit/index.js'

/** Both ways to write a file whole: of the command line, which takes little of the library, and of the library. */
const writers = [
  ['gradbook run -o', writeAtomically, (name: string) => `.${name}.123.tmp`],
  ['the library', writeWhole, (name: string) => `${name}.123-0a1b2c3d.tmp`],
] as const

test.each(writers)(
  '%s writes through a link, keeps who may read a file, and leaves nothing behind',
  (_, write, unfinished) => {
    const folder = temporaryFolder()
    const file = join(folder, 'out.ipynb')
    writeFileSync(file, 'old')
    chmodSync(file, 0o600)
    const link = join(folder, 'link.ipynb')
    symlinkSync(file, link)
    // Of a process that was killed an hour ago, of one that may be writing, and of somebody else.
    const [left, fresh, other] = [
      unfinished('out.ipynb'),
      unfinished('out.ipynb').replace('123', '124'),
      'out.ipynb.mine.tmp',
    ]
    for (const name of [left, fresh, other]) writeFileSync(join(folder, name), 'half')
    utimesSync(join(folder, left), 1e9, 1e9)
    utimesSync(join(folder, other), 1e9, 1e9)
    write(link, 'new')
    expect(readFileSync(file, 'utf8')).toBe('new')
    expect(readlinkSync(link)).toBe(file)
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder).toSorted()).toEqual(['link.ipynb', 'out.ipynb', fresh, other].toSorted())
  },
)

test.each(writers)('%s leaves nothing of a file that cannot be put in its place', (_, write) => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'out.ipynb'))
  writeFileSync(join(folder, 'out.ipynb', 'thesis.txt'), 'mine')
  expect(() => write(join(folder, 'out.ipynb'), 'new')).toThrow(/EISDIR|EPERM|ENOTEMPTY|EEXIST/)
  expect(readdirSync(folder)).toEqual(['out.ipynb'])
  expect(readFileSync(join(folder, 'out.ipynb', 'thesis.txt'), 'utf8')).toBe('mine')
})

test('an environment is made in no folder that gradbook did not make', () => {
  const cache = temporaryFolder()
  const before = process.env.GRADBOOK_CACHE
  process.env.GRADBOOK_CACHE = cache
  try {
    mkdirSync(join(cache, 'jupyterlab'))
    writeFileSync(join(cache, 'jupyterlab', 'thesis.txt'), 'mine')
    expect(() => makeEnvironment('jupyterlab', ['x==1'], () => {})).toThrow(
      /which gradbook did not make.*GRADBOOK_CACHE/,
    )
    expect(readdirSync(join(cache, 'jupyterlab'))).toEqual(['thesis.txt'])
  } finally {
    if (before === undefined) delete process.env.GRADBOOK_CACHE
    else process.env.GRADBOOK_CACHE = before
  }
})
