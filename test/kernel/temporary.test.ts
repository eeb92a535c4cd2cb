import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { withoutTypes } from '../../kernel/language/without-types.js'
import { inTemporaryFolder } from '../../kernel/temporary.js'
import { thisProcess } from '../../src/store/process.js'
import { error, result, startKernel, temporaryFolder, text } from '../kit/index.js'

const typesIn = (folder: string): string[] =>
  readdirSync(folder).filter((name) => name.startsWith('gradbook-types-'))

async function eventually(holds: () => boolean): Promise<void> {
  await expect.poll(holds).toBe(true)
}

describe.skipIf(process.platform === 'win32')('a TMPDIR that', () => {
  const file = join(temporaryFolder(), 'file')
  writeFileSync(file, '')
  test.each([
    ['is missing', '/no/such/folder', 'does not exist'],
    ['is a file', file, 'is not a folder'],
  ])('%s: the kernel starts, says so in its log and does all that it does', async (_, folder, said) => {
    await using kernel = await startKernel({ env: { ...process.env, TMPDIR: folder } })
    expect(result((await kernel.run('1 + 1')).outputs)).toBe('2')
    expect(error((await kernel.run('const s: string = 1')).outputs)!.evalue).toContain('TS2322')
    const { outputs } = await kernel.run(
      'require("node:child_process").execSync("echo from a child", { stdio: "inherit" })',
    )
    expect(text(outputs)).toContain('from a child')
    await eventually(() => kernel.said.includes(`${folder} ${said}: `))
  })

  test('is full is passed over, and said where none has room', () => {
    const place = temporaryFolder()
    vi.stubEnv('TMPDIR', place)
    onTestFinished(() => void vi.unstubAllEnvs())
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    const told: string[] = []
    const used = inTemporaryFolder(
      'gradbook-try-',
      (folder) => {
        if (folder.startsWith(place)) throw full
        return folder
      },
      { tell: (line) => told.push(line) },
    )
    expect(told).toEqual([`${place} is full: ${join(used, '..')} is used for temporary files`])
    expect(readdirSync(place)).toEqual([])
    expect(() =>
      inTemporaryFolder('gradbook-try-', () => {
        throw full
      }),
    ).toThrow(`${place} is full, `)
  })

  test('has no room for types: cells run unchecked, and the first one says so', async () => {
    const language = withoutTypes(new Error('there is no room'))
    const cell = { number: 1, text: 'const a: number = ""' }
    expect(await language.check(cell)).toMatchObject([
      { severity: 'warning', message: 'the types of cells are not checked: there is no room' },
    ])
    expect(await language.check(cell)).toEqual([])
    expect((await language.complete('a.', 2)).items).toEqual([])
  })
})

test('the folder of types goes with its kernel, and that of one that was killed with the next kernel', async () => {
  const folder = temporaryFolder()
  const env = { ...process.env, TMPDIR: folder }
  const first = await startKernel({ env })
  const alive = await startKernel({ env })
  for (const kernel of [first, alive]) {
    await kernel.run('const s: string = ""; s.length')
    await eventually(() => typesIn(folder).some((name) => name.includes(`-${kernel.child.pid}-`)))
  }
  const foldersOf = (kernel: typeof first) =>
    typesIn(folder).filter((name) => name.includes(`-${kernel.child.pid}-`))
  await eventually(() => foldersOf(first).every((name) => existsSync(join(folder, name, 'owner.json'))))
  const [killed] = foldersOf(first)
  const [kept] = foldersOf(alive)
  first.child.kill('SIGKILL')
  await first.exited
  const days = 24 * 3_600 * 1_000
  const old = new Date(Date.now() - 2 * days)
  const others: [string, object | undefined, Date][] = [
    // Of another container with the same temporary folder nothing is known but when it was heard of.
    ['gradbook-types-1-elsewhere', { ...thisProcess(), machine: 'another', pid: 2 ** 22 }, new Date()],
    ['gradbook-types-2-elsewhere', { ...thisProcess(), machine: 'another', pid: 2 ** 22 }, old],
    ['gradbook-types-3-nobody', undefined, new Date()],
    ['gradbook-types-4-nobody', undefined, old],
    // The id lives, but as somebody else.
    [`gradbook-types-5-again`, { ...thisProcess(), started: 'before' }, new Date()],
  ]
  for (const [name, owner, at] of others) {
    mkdirSync(join(folder, name))
    if (owner) writeFileSync(join(folder, name, 'owner.json'), JSON.stringify(owner))
    utimesSync(join(folder, name), at, at)
  }
  const next = await startKernel({ env })
  await next.run('const t: string = ""; t.length')
  await eventually(() => !existsSync(join(folder, killed!)))
  await eventually(() => foldersOf(next).every((name) => existsSync(join(folder, name, 'owner.json'))))
  expect(typesIn(folder).toSorted()).toEqual(
    [kept!, ...foldersOf(next), 'gradbook-types-1-elsewhere', 'gradbook-types-3-nobody'].toSorted(),
  )
  const [own] = foldersOf(next)
  await next.shutdown()
  expect(existsSync(join(folder, own!))).toBe(false)
  await alive.shutdown()
  expect(existsSync(join(folder, kept!))).toBe(false)
})
