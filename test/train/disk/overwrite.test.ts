import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { InputError, loadRun, seed, train } from '../../../src/index.js'
import { blobs, thorough, thoroughModel, useRuns } from '../../kit/training.js'

useRuns()

function start(more: object = {}) {
  seed(1)
  return train(thoroughModel(), { ...thorough(), name: 'first', ...more })
}
const again = () => ({ model: thoroughModel(), data: blobs(), evaluateOn: blobs(16) })

/** All files below a folder with what is in them. */
function everything(folder = '.'): { [path: string]: string } {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  return Object.fromEntries(
    paths.map(({ parentPath, name }) => [
      join(parentPath, name),
      readFileSync(join(parentPath, name), 'latin1'),
    ]),
  )
}

/** Files that somebody else made, in places where a run has its own. */
const strangers: [string, () => void][] = [
  ['a text beside it', () => writeFileSync('out/thesis.txt', 'all of it')],
  ['a hidden file', () => writeFileSync('out/.notes', 'x')],
  ['a folder', () => mkdirSync('out/figures')],
  ['a picture among its snapshots', () => writeFileSync('out/snapshots/photo.png', 'x')],
  [
    'weights of one’s own that are called as a snapshot is',
    () => writeFileSync('out/snapshots/20250101.safetensors', 'x'),
  ],
  ['a folder that is called as a snapshot is', () => mkdirSync('out/snapshots/00000009.safetensors')],
  ['somebody’s unfinished file', () => writeFileSync('out/thesis.txt.123.tmp', 'x')],
  ['a link', () => symlinkSync('/', 'out/root')],
]

describe('what is not a run’s stays', () => {
  test.each(strangers)(
    'save refuses to overwrite a folder with %s in it, and changes nothing',
    async (_, put) => {
      const one = start()
      await one.iterate(2)
      await one.save('out')
      put()
      const before = everything()
      const two = start()
      await expect(two.save('out', { overwrite: true })).rejects.toThrow(
        /more than a run.*Nothing was changed/,
      )
      const after = everything()
      for (const [path, text] of Object.entries(before))
        if (!path.startsWith('runs')) expect(after[path]).toBe(text)
      expect((await loadRun('out', again())).iteration).toBe(2)
    },
  )

  test.each([
    ['the working folder', () => '.'],
    ['the same by another path', () => join('..', process.cwd().split('/').at(-1)!, '.')],
    ['its parent', () => '..'],
    [
      'a link to it',
      () => (symlinkSync(process.cwd(), '../here-' + process.pid + '-' + Math.random()), '..'),
    ],
    ['the root of the file system', () => '/'],
    ['a folder of a user’s', () => (mkdirSync('mine'), writeFileSync('mine/thesis.txt', 'x'), 'mine')],
    [
      'a run.json of another program',
      () => (mkdirSync('mine'), writeFileSync('mine/run.json', '{"job":1}'), 'mine'),
    ],
    [
      'events of another program',
      () => (mkdirSync('mine'), writeFileSync('mine/events.jsonl', '{}'), 'mine'),
    ],
    [
      'snapshots of another program',
      () => (
        mkdirSync('mine/snapshots', { recursive: true }),
        writeFileSync('mine/snapshots/1.bin', 'x'),
        'mine'
      ),
    ],
    ['a file', () => (writeFileSync('mine', 'x'), 'mine')],
  ])('save with overwrite refuses %s', async (_, place) => {
    writeFileSync('notebook.ipynb', '{}')
    const run = start()
    await run.iterate(1)
    await run.save()
    const path = place()
    const before = everything()
    await expect(run.save(path, { overwrite: true })).rejects.toThrow(
      /received .*Expected .*Nothing was changed/,
    )
    expect(everything()).toEqual(before)
  })

  test('save without overwrite replaces no file that it did not write', async () => {
    const run = start()
    for (const [folder, file] of [
      ['a', 'events.jsonl'],
      ['b', 'run.json'],
      ['c', 'snapshots/photo.png'],
      ['d', 'snapshots'],
    ] as const) {
      mkdirSync(join(folder, file, '..'), { recursive: true })
      writeFileSync(join(folder, file), 'mine')
      await expect(run.save(folder)).rejects.toThrow(file)
      expect(readFileSync(join(folder, file), 'utf8')).toBe('mine')
    }
    mkdirSync('e')
    writeFileSync('e/thesis.txt', 'mine')
    await run.save('e')
    // An earlier copy of itself it may replace, and leaves what is beside it.
    await run.iterate(3)
    await run.save('e')
    expect(readFileSync('e/thesis.txt', 'utf8')).toBe('mine')
    expect((await loadRun('e', again())).iteration).toBe(3)
  })

  test('a path that is none is refused, and an export that cannot be written says where', async () => {
    const run = start()
    await run.iterate(1)
    for (const path of ['', 5, {}]) await expect(run.save(path as never)).rejects.toThrow(/a folder, e\.g\./)
    await expect(run.save('a\0b')).rejects.toThrow(InputError)
    for (const path of ['', null, 5])
      await expect(loadRun(path as never, again())).rejects.toThrow(/a folder, a run's name/)
    await expect(loadRun('a\0b', again())).rejects.toThrow(/nothing there/)
    mkdirSync('taken')
    writeFileSync('taken/thesis.txt', 'mine')
    await expect(run.exportCsv('taken')).rejects.toThrow(/run\.exportCsv.*'taken', which cannot be written/)
    await expect(run.exportParquet('taken')).rejects.toThrow(/run\.exportParquet.*cannot be written/)
    await expect(run.exportTensorBoard('taken/thesis.txt')).rejects.toThrow(
      /run\.exportTensorBoard.*cannot be written/,
    )
    const files = [await run.exportTensorBoard('logs'), await run.exportTensorBoard('logs')]
    expect(readdirSync('logs')).toHaveLength(2)
    expect(new Set(files).size).toBe(2)
    expect(everything('taken')).toEqual({ 'taken/thesis.txt': 'mine' })
  })

  test('a run that is replaced is gone, and nothing is left beside the new one', async () => {
    const one = start()
    await one.iterate(4)
    one.keep('good')
    await one.save('out')
    const two = start()
    await two.iterate(2)
    mkdirSync('linked')
    renameSync('out', 'linked/out')
    symlinkSync('linked/out', 'out')
    await two.save('out', { overwrite: true })
    expect(readdirSync('linked')).toEqual(['out'])
    expect(readdirSync('out/snapshots').filter((name) => name.includes('good'))).toEqual([])
    expect((await loadRun('out', again())).iteration).toBe(2)
  })

  test('a folder that a run writes to as it goes is not replaced under it', async () => {
    const one = start()
    await one.iterate(2)
    const two = start()
    await expect(two.save('runs/first', { overwrite: true })).rejects.toThrow(
      /written to as it goes.*process/,
    )
    await one.iterate(2)
    await one.save()
    expect((await loadRun('first', again())).iteration).toBe(4)
  })

  test('killed between the old run and the new one, both are there, and the next that looks puts it in its place', async () => {
    const one = start()
    await one.iterate(2)
    await one.save('out')
    const two = start()
    await two.iterate(3)
    // As it stands between the two renames, and before the first where the new one is not whole.
    await two.save('out.0123abcd.new')
    renameSync('out', 'out.0123abcd.old')
    process.env.GRADBOOK_RUNS = 'off'
    expect((await loadRun('out', again())).iteration).toBe(3)
    renameSync('out', 'out.0123abcd.new')
    writeFileSync('out.0123abcd.new/run.json', '{')
    expect((await loadRun('out', again())).iteration).toBe(2)
    // What is left is removed when something is next put there.
    await two.iterate(1)
    await two.save('out', { overwrite: true })
    expect(readdirSync('.').toSorted()).toEqual(['out', 'runs'])
    expect((await loadRun('out', again())).iteration).toBe(4)
  })

  test('thinning removes snapshots that gradbook wrote, and nothing that is only called so', async () => {
    const run = start()
    await run.iterate(1)
    await run.save()
    writeFileSync('runs/first/snapshots/00000000.safetensors', 'mine')
    mkdirSync('runs/first/snapshots/00000000-undo-7.safetensors')
    writeFileSync('runs/first/snapshots/00000000-redo-7.safetensors', 'mine')
    for (let i = 0; i < 6; i++) {
      await run.iterate(1)
      await run.save()
    }
    const names = readdirSync('runs/first/snapshots')
    expect(names.filter((name) => /^\d+\.safetensors$/.test(name))).toEqual([
      '00000000.safetensors',
      '00000005.safetensors',
      '00000006.safetensors',
      '00000007.safetensors',
    ])
    expect(names).toContain('00000000-undo-7.safetensors')
    expect(names).toContain('00000000-redo-7.safetensors')
  })

  test('of unnamed runs the oldest go, and no folder of anybody’s in their place', async () => {
    const parent = '.gradbook/runs'
    mkdirSync(join(parent, '0-my-results'), { recursive: true })
    writeFileSync(join(parent, '0-my-results', 'table.csv'), 'mine')
    mkdirSync(join(parent, '2020-01-01T00-00-00'))
    writeFileSync(join(parent, '2020-01-01T00-00-00', 'table.csv'), 'mine')
    const old = Array.from({ length: 8 }, (_, i) => `2020-01-02T00-00-0${i}`)
    const one = start()
    await one.iterate(1)
    for (const name of old) await one.save(join(parent, name))
    writeFileSync(join(parent, old[1]!, 'notes.txt'), 'mine')
    const unnamed = start({ name: undefined })
    await unnamed.iterate(1)
    const left = readdirSync(parent).toSorted()
    // The newest five, one with notes in it, what is no run, and the new one.
    expect(left.slice(0, -1)).toEqual(['0-my-results', '2020-01-01T00-00-00', old[1], ...old.slice(-5)])
    expect(existsSync(join(parent, '2020-01-01T00-00-00', 'table.csv'))).toBe(true)
    expect(readFileSync(join(parent, old[1]!, 'notes.txt'), 'utf8')).toBe('mine')
    expect(readdirSync(join(parent, old[1]!))).toContain('run.json')
  })
})
