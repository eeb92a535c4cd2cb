import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { InputError, loadRun, seed, train } from '../../../src/index.js'
import { knownRuns } from '../../../src/train/run/announce.js'
import { blobs, silence, thorough, thoroughModel, weightsOf } from '../../kit/training.js'
import { temporaryFolder } from '../../kit/files.js'

let host: ReturnType<typeof silence>['host']
let shown: any[]
beforeEach(() => {
  ;({ host, shown } = silence())
  host.breathe = () => new Promise((resolve) => setImmediate(resolve))
  process.chdir(temporaryFolder())
  process.env.GRADBOOK_RUNS = ''
})

function start(more: object = {}) {
  seed(1)
  const model = thoroughModel()
  return { model, run: train(model, { ...thorough(), name: 'first', resume: true, ...more }) }
}
const again = () => ({ model: thoroughModel(), data: blobs(), evaluateOn: blobs(16) })

describe('within one process a folder is handed over', () => {
  test('resume run again goes on in the folder, as often as it is run, to the bit', async () => {
    const straight = start({ name: 'straight' })
    await straight.run.iterate(20)
    let last = start()
    for (let i = 0; i < 4; i++) {
      await last.run.iterate(5)
      if (i < 3) last = start()
      expect([last.run.name, last.run.folder]).toEqual(['first', join('runs', 'first')])
    }
    expect(last.run.iteration).toBe(20)
    expect(knownRuns().filter(({ name }) => name === 'first')).toEqual([last.run])
    expect(weightsOf(last.model)).toEqual(weightsOf(straight.model))
    await last.run.save()
    expect(readdirSync('runs').toSorted()).toEqual(['first', 'straight'])
    const iterations = readFileSync('runs/first/events.jsonl', 'utf8').match(/"type":"iteration"/g)
    expect(iterations).toHaveLength(20)
    // Nothing is said of it: a cell that is run again means this.
    expect(shown.filter((value) => value['text/plain']?.includes('first'))).toEqual([])
  })

  test('the older object is told: what would train or change it throws, looking does not, and a branch goes on', async () => {
    const one = start()
    await one.run.iterate(5)
    const two = start()
    await two.run.iterate(2)
    for (const call of [
      () => one.run.iterate(1),
      () => one.run.epochs(1),
      () => one.run.undo(),
      () => one.run.nextBatch(),
      () => one.run.save(),
      async () => one.run.set({ learningRate: 0.5 }),
      async () => one.run.exclude([1]),
      async () => one.run.keep('mine'),
      async () => one.run.start(),
      async () => one.run.replay([]),
    ]) {
      const error = await call().catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(InputError)
      expect((error as Error).message).toMatch(/runs.first.*handed over, at iteration 5/)
    }
    expect(one.run.iteration).toBe(5)
    await one.run.evaluate()
    await one.run.save('elsewhere')
    const other = one.run.branch('other')
    await other.iterate(1)
    await two.run.save()
    const rest = again()
    process.env.GRADBOOK_RUNS = 'off'
    const found = await loadRun('runs/first', rest)
    expect(found.iteration).toBe(7)
    expect(weightsOf(rest.model)).toEqual(weightsOf(two.model))
  })

  test('what trains in the background stands still for the one that goes on', async () => {
    const one = start()
    one.run.start()
    while (one.run.iteration < 10) await new Promise((resolve) => setTimeout(resolve, 5))
    const two = start()
    const from = two.run.iteration
    expect(from).toBeGreaterThanOrEqual(10)
    await two.run.iterate(3)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(one.run.iteration - from).toBeLessThanOrEqual(1)
    expect(one.run.state).toBe('idle')
    expect(two.run.iteration).toBe(from + 3)
  })

  test('a run that was made and has not trained is taken up too', async () => {
    start()
    const two = start()
    expect(two.run.name).toBe('first')
    await two.run.iterate(2)
    await two.run.save()
    expect(start().run.iteration).toBe(2)
    expect(readdirSync('runs')).toEqual(['first'])
  })

  test('one that cannot be taken up leaves the folder with the run that has it', async () => {
    const one = start()
    await one.run.iterate(5)
    await one.run.save()
    expect(() => start({ data: blobs(12) })).toThrow('40 that the run was trained on')
    await one.run.iterate(1)
    expect(one.run.iteration).toBe(6)
  })

  test('loadRun in a cell that is run again goes on in the folder; beside a run of another cell it is a branch', async () => {
    const one = start()
    await one.run.iterate(5)
    await one.run.save('runs/kept')
    const cell = (id: string, number: number) => (host.cell = { id, number, source: '' } as never)
    cell('a', 1)
    const first = await loadRun('kept', again())
    await first.iterate(1)
    cell('a', 2)
    const second = await loadRun('kept', again())
    expect([second.name, second.folder, second.iteration]).toEqual(['first', join('runs', 'kept'), 6])
    await expect(first.iterate(1)).rejects.toThrow('handed over')
    cell('b', 3)
    const other = await loadRun('kept', again())
    expect(other.folder).not.toBe(join('runs', 'kept'))
    await second.iterate(1)
  })
})
