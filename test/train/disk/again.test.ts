import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { InputError, loadRun, train } from '../../../src/index.js'
import { knownRuns } from '../../../src/train/run/announce.js'
import { silence, blobs, thorough, thoroughModel } from '../../kit/training.js'
import { temporaryFolder } from '../../kit/files.js'

let host: ReturnType<typeof silence>['host']
let shown: any[]
let number = 0
/** The cell that runs from here on. */
const cell = (id: string | undefined, source = '') =>
  (host.cell = { number: ++number, source, ...(id !== undefined && { id }) } as never)
const lines = () => shown.flatMap((value) => value['text/plain'] ?? [])
const unnamed = '.gradbook/runs'

beforeEach(() => {
  ;({ host, shown } = silence())
  host.breathe = () => new Promise((resolve) => setImmediate(resolve))
  process.chdir(temporaryFolder())
  process.env.GRADBOOK_RUNS = ''
})

const make = (name: string, more: object = {}) => train(thoroughModel(), { ...thorough(), name, ...more })

describe('a cell that is run again', () => {
  test('makes its run anew under the same name: the one before is kept aside, and a line says where', async () => {
    cell('a')
    const one = make('first')
    await one.iterate(5)
    cell('a')
    const two = make('first')
    expect([two.name, two.folder, two.iteration]).toEqual(['first', join('runs', 'first'), 0])
    await two.iterate(2)
    await two.save()
    expect(readdirSync('runs')).toEqual(['first'])
    expect(knownRuns().filter(({ name }) => name === 'first')).toEqual([two])
    const aside = one.folder!
    expect(readdirSync(unnamed)).toEqual([aside.slice(unnamed.length + 1)])
    expect(lines()).toEqual([expect.stringMatching(/run again: the run 'first' is made anew.*\.gradbook/)])
    expect(lines()[0]).toContain(aside)
    expect(JSON.parse(readFileSync('runs/first/run.json', 'utf8')).iteration).toBe(2)
    // All that it had trained is there to be taken up.
    const before = await loadRun(aside, { model: thoroughModel(), data: blobs(), evaluateOn: blobs(16) })
    expect(before.iteration).toBe(5)
  })

  test('tells the older object: it may be looked at and branched, and what would train it throws', async () => {
    cell('a')
    const one = make('first')
    await one.iterate(3)
    cell('a')
    const two = make('first')
    for (const call of [() => one.iterate(1), async () => one.set({ learningRate: 0.5 }), () => one.undo()]) {
      const error = await call().catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(InputError)
      expect((error as Error).message).toMatch(/name was given, at iteration 3, .*lies in \.gradbook/)
    }
    expect(one.history.length).toBe(3)
    await one.evaluate()
    const other = one.branch('other')
    await other.iterate(1)
    expect([two.iteration, other.iteration]).toEqual([0, 4])
  })

  test('stands still what it trained in the background', async () => {
    cell('a')
    const one = make('first')
    one.start()
    while (one.iteration < 5) await new Promise((resolve) => setTimeout(resolve, 5))
    cell('a')
    const two = make('first')
    const from = one.iteration
    await two.iterate(2)
    expect(one.iteration - from).toBeLessThanOrEqual(1)
    expect(one.state).toBe('idle')
    expect(lines()).toHaveLength(1)
  })

  test('leaves nothing behind of a run that had not trained', () => {
    cell('a')
    make('first')
    cell('a')
    expect(make('first').name).toBe('first')
    expect(readdirSync('runs')).toEqual(['first'])
    expect(existsSync(unnamed) ? readdirSync(unnamed) : []).toEqual([])
    expect(lines()).toEqual([expect.stringContaining('had not trained')])
  })

  test('makes several of one name, and branches, in the names that they had', async () => {
    const all = async () => {
      cell('a')
      const one = make('first')
      const two = make('first')
      await one.iterate(1)
      cell('b')
      const other = one.branch('other')
      await other.iterate(1)
      return [one, two, other].map(({ name }) => name)
    }
    expect(await all()).toEqual(['first', 'first-2', 'other'])
    expect(await all()).toEqual(['first', 'first-2', 'other'])
    expect(readdirSync('runs').toSorted()).toEqual(['first', 'first-2', 'other'])
  })

  test('goes on in the name that it got beside an older run on disk', async () => {
    cell('x')
    await make('first').iterate(1)
    cell('a')
    expect(make('first').name).toBe('first-2')
    cell('a')
    expect(make('first').name).toBe('first-2')
    expect(readdirSync('runs').toSorted()).toEqual(['first', 'first-2'])
  })

  test('is known by its text where cells have no ids; another text, or another cell, gets the next free name', () => {
    cell(undefined, 'train()')
    make('first')
    cell(undefined, 'train()')
    expect(make('first').name).toBe('first')
    cell(undefined, 'train(model)')
    expect(make('first').name).toBe('first-2')
    cell('b', 'train()')
    expect(make('first').name).toBe('first-3')
    cell('c', 'train()')
    expect(make('first').name).toBe('first-4')
  })

  test('does not take the place of the run that its own branch goes on from, nor of one that it took up', async () => {
    cell('a')
    let run = make('first').branch('aside')
    await run.iterate(1)
    cell('a')
    run = run.branch('aside')
    expect(run.name).toBe('aside-2')
    cell('b')
    const taken = await loadRun('aside', { model: thoroughModel(), data: blobs(), evaluateOn: blobs(16) })
    const { name, folder } = taken
    cell('b')
    expect(make(name).name).not.toBe(name)
    expect(existsSync(folder!)).toBe(true)
  })

  test('keeps the last five that gave way', async () => {
    for (let i = 0; i < 8; i++) {
      cell('a')
      await make('first', { progress: false }).iterate(1)
    }
    expect(readdirSync(unnamed)).toHaveLength(5)
  })
})
