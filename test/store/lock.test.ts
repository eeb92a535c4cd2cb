import { spawn, type ChildProcess } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { maybeFiles } from '../../src/store/files.js'
import { acquire, Lock, maybeTaken, silentFor, type Holder } from '../../src/store/lock.js'
import { temporaryFolder } from '../kit/files.js'

const files = maybeFiles()!
let folder: string
const children: ChildProcess[] = []
beforeEach(() => void (folder = temporaryFolder()))
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null)
      await new Promise((resolve) => child.once('exit', resolve))
  }
})

/** Writes the lock of a holder who is told from this process by `change`. */
function lockOf(change: Partial<Holder>, { age = 0, number = 1 } = {}): void {
  const own = acquire(files, temporaryFolder()) as Lock
  const file = join(folder, `lock-${number}.json`)
  const holder = { ...own.holder, token: 'theirs', folder: files.real(folder), ...change }
  writeFileSync(file, JSON.stringify(holder))
  const at = (Date.now() - age) / 1000
  utimesSync(file, at, at)
  own.release()
}
const locks = () => readdirSync(folder)

describe('the lock of a folder', () => {
  test('is one’s alone until it is released', () => {
    const lock = acquire(files, folder) as Lock
    expect(lock.holds()).toBe(true)
    expect(acquire(files, folder)).toMatchObject({ alive: true, holder: { pid: process.pid } })
    expect(maybeTaken(files, folder)).toMatchObject({ file: lock.file })
    lock.release()
    expect(locks()).toEqual([])
    expect(maybeTaken(files, folder)).toBeUndefined()
    expect(acquire(files, folder)).toBeInstanceOf(Lock)
  })

  test('of a process that has ended is over at once, also where its id is another’s by now', () => {
    lockOf({ pid: 2 ** 22 + 1 })
    expect(acquire(files, folder)).toBeInstanceOf(Lock)
    rmSync(join(folder, locks()[0]!))
    lockOf({ pid: process.ppid, started: '1' })
    const lock = acquire(files, folder) as Lock
    expect(lock.holds()).toBe(true)
    expect(locks()).toEqual(['lock-2.json'])
  })

  test.each<[string, Partial<Holder>]>([
    ['another machine', { machine: 'elsewhere', host: 'far' }],
    ['another container on this machine, with the same process id', { machine: 'this [4026531999]' }],
    ['a process whose start cannot be known', { started: null, pid: process.ppid }],
  ])('of %s holds as long as there are signs of life, and no longer', (_, change) => {
    lockOf(change, { age: silentFor - 20_000 })
    expect(acquire(files, folder)).toMatchObject({ alive: false, holder: change })
    lockOf(change, { age: silentFor + 20_000 })
    expect(acquire(files, folder)).toBeInstanceOf(Lock)
  })

  test('that was taken over is known to be lost, and letting it go leaves the other’s', () => {
    const lock = acquire(files, folder) as Lock
    lockOf({ machine: 'elsewhere' }, { number: 2 })
    expect(lock.holds()).toBe(false)
    lock.release()
    expect(locks()).toContain('lock-2.json')
    rmSync(folder, { recursive: true })
    mkdirSync(folder)
    const other = acquire(files, folder) as Lock
    rmSync(other.file)
    expect(other.holds()).toBe(false)
  })

  test('is written anew while it is held, by the clock of the file system', async () => {
    const lock = acquire(files, folder) as Lock
    const now = Date.now
    Date.now = () => now() + 60_000
    try {
      const before = statSync(lock.file).mtimeMs
      await new Promise((resolve) => setTimeout(resolve, 20))
      const text = readFileSync(lock.file, 'utf8')
      expect(lock.holds()).toBe(true)
      expect(statSync(lock.file).mtimeMs).toBeGreaterThan(before)
      expect(readFileSync(lock.file, 'utf8')).toBe(text)
    } finally {
      Date.now = now
    }
  })

  test('does not go along with a copy of the folder', () => {
    const lock = acquire(files, folder) as Lock
    const copy = `${folder}-copy`
    cpSync(folder, copy, { recursive: true })
    expect(acquire(files, copy)).toBeInstanceOf(Lock)
    expect(lock.holds()).toBe(true)
  })

  test('that says nothing is somebody’s until it is old; what is no file is nobody’s', () => {
    mkdirSync(join(folder, 'lock-3.json'))
    expect(acquire(files, folder)).toBeInstanceOf(Lock)
    rmSync(join(folder, 'lock-4.json'))
    for (const text of ['', '{', 'null', '[]', '{"token":1}', '{"pid":1e99}']) {
      writeFileSync(join(folder, 'lock-5.json'), text)
      const old = (Date.now() - 60_000) / 1000
      utimesSync(join(folder, 'lock-5.json'), old, old)
      expect(acquire(files, folder)).toMatchObject({ alive: false, holder: undefined })
    }
    utimesSync(join(folder, 'lock-5.json'), 1, 1)
    expect(acquire(files, folder)).toBeInstanceOf(Lock)
  })

  test('goes to one of many processes that try at the same moment, free or left by one that was killed', async () => {
    const script = fileURLToPath(new URL('fixtures/race.mjs', import.meta.url))
    const folders = Array.from({ length: 16 }, (_, i) => {
      const one = temporaryFolder()
      if (i % 2 === 0) return one
      folder = one
      lockOf({ pid: 2 ** 22 + 1 })
      return one
    })
    for (let i = 0; i < 5; i++) children.push(spawn(process.execPath, [script, '50', ...folders]))
    const nextLine = (child: ChildProcess) =>
      new Promise<string>((resolve) => child.stdout!.once('data', (text) => resolve(String(text))))
    await Promise.all(children.map(nextLine))
    const answers = children.map(nextLine)
    for (const child of children) child.stdin!.write(`${Date.now() + 200}\n`)
    const said: boolean[][] = (await Promise.all(answers)).map((text) => JSON.parse(text))
    expect(folders.map((_, i) => said.filter((got) => got[i]).length)).toEqual(folders.map(() => 1))
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(children.map((child) => new Promise((resolve) => child.once('exit', resolve))))
    for (const one of folders) expect(acquire(files, one)).toBeInstanceOf(Lock)
  })
})
