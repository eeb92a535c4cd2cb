import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, test } from 'vitest'
import { loadRun, seed, sgd, targetReached, train, type Run } from '../../../src/index.js'
import { decodeTensors } from '../../../src/store/safetensors.js'
import {
  blobs,
  classifier,
  line,
  linearModel,
  silence,
  thorough,
  thoroughModel,
  weightsOf,
} from '../../kit/training.js'
import { temporaryFolder } from '../../kit/files.js'

let shown: any[]
beforeEach(() => {
  ;({ shown } = silence())
  process.chdir(temporaryFolder())
  process.env.GRADBOOK_RUNS = ''
})

function start(more: object = {}) {
  seed(1)
  const model = thoroughModel()
  const run = train(model, {
    ...thorough(),
    stop: targetReached('accuracy', 2),
    name: 'first',
    ...more,
  })
  return { model, run }
}

const again = () => ({
  model: thoroughModel(),
  data: blobs(),
  evaluateOn: blobs(16),
})
const lines = (folder: string) =>
  readFileSync(join(folder, 'events.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text))

describe('a run on disk', () => {
  test('undo, goTo and kept names go on after a restart, to the points that are on disk, bit for bit', async () => {
    const one = start({ accumulate: 2, ema: 0.9 })
    await one.run.iterate(10)
    one.run.keep('good one')
    one.run.set({ learningRate: 0.01 }, { why: 'to see' })
    await one.run.iterate(10)
    one.run.set({ schedule: null, dropout: 0.5, accumulate: 3 })
    await one.run.iterate(10)
    const points: [number, number, number[][]][] = []
    const stand = (run: Run, model: tf.LayersModel) =>
      points.push([run.iteration, run.adjustments.length, weightsOf(model)])
    for (const folder of [undefined, 'elsewhere', 'copy']) await one.run.save(folder)
    const known = one.run.points
    stand(one.run, one.model)
    for (let i = 0; i < 5; i++) {
      await one.run.undo()
      stand(one.run, one.model)
    }
    expect(points.map(([iteration, count]) => [iteration, count])).toEqual([
      [30, 4],
      [20, 4],
      [20, 1],
      [10, 1],
      [10, 0],
      [0, 0],
    ])
    await one.run.iterate(15)
    const straight = weightsOf(one.model)
    const rest = again()
    const loaded = await loadRun('elsewhere', rest)
    expect(loaded.points).toEqual(known)
    stand(loaded, rest.model)
    for (let i = 0; i < 5; i++) {
      await loaded.undo()
      stand(loaded, rest.model)
    }
    expect(points.slice(6)).toEqual(points.slice(0, 6))
    await expect(loaded.undo()).rejects.toThrow('at its beginning')
    expect(loaded.dropout).toEqual({ dropout: 0.3 })
    await loaded.redo()
    await loaded.redo()
    await loaded.undo()
    await loaded.undo()
    await loaded.iterate(15)
    expect(weightsOf(rest.model)).toEqual(straight)
    const fresh = again()
    const other = await loadRun('copy', fresh)
    await other.goTo('good one')
    expect([other.iteration, other.history.length]).toEqual([10, 10])
    await other.undo()
    expect([other.iteration, weightsOf(fresh.model)]).toEqual([30, points[0]![2]])
    await other.goTo(20)
    expect(other.iteration).toBe(20)
    await other.iterate(3)
    await other.undo()
    await other.undo()
    expect(other.iteration).toBe(30)
  })

  test('points of a line that was left are none: undo after a restart goes back on the present one', async () => {
    const one = start()
    await one.run.iterate(10)
    await one.run.iterate(10)
    await one.run.iterate(10)
    await one.run.save()
    await one.run.undo()
    await one.run.undo()
    one.run.set({ learningRate: 0.5 })
    await one.run.iterate(25)
    await one.run.save()
    const name = readdirSync('runs/first/snapshots')
    expect(name).toContain('00000020-undo-0.safetensors')
    const rest = again()
    const loaded = await loadRun('first', rest)
    expect([loaded.iteration, loaded.adjustments.length]).toEqual([35, 1])
    await loaded.undo()
    expect([loaded.iteration, loaded.adjustments.length]).toEqual([10, 1])
    await loaded.undo()
    expect([loaded.iteration, loaded.adjustments.length]).toEqual([10, 0])
    await loaded.undo()
    expect(loaded.iteration).toBe(0)
  })

  test('save writes also a run that is not written as it goes, and one whose disk was full', async () => {
    const { run } = start({ save: false })
    await run.iterate(3)
    run.set({ learningRate: 0.01 })
    await run.save('asked')
    expect((await loadRun('asked', again())).adjustments).toHaveLength(1)
    writeFileSync('runs', 'a file where the folder would be')
    const failed = start({ name: 'failed' })
    await failed.run.iterate(3)
    failed.run.set({ learningRate: 0.01 })
    await failed.run.save('instead')
    expect((await loadRun('instead', again())).iteration).toBe(3)
    expect(lines('instead').filter(({ type }) => type === 'adjustment')).toHaveLength(1)
  })

  test('writes events, a snapshot and run.json as it goes', async () => {
    const { run } = start()
    await run.iterate(15)
    run.set({ learningRate: 0.01 }, { why: 'to see' })
    await run.save()
    expect(run.folder).toBe(join('runs', 'first'))
    const events = lines('runs/first')
    expect(events.filter(({ type }) => type === 'iteration')).toHaveLength(15)
    expect(events.find(({ type }) => type === 'adjustment')).toMatchObject({ at: 15, why: 'to see' })
    expect(events.find(({ type }) => type === 'evaluation')).toMatchObject({ iteration: 10 })
    const record = JSON.parse(readFileSync('runs/first/run.json', 'utf8'))
    expect(record).toMatchObject({
      format: 'gradbook.run/1',
      name: 'first',
      iteration: 15,
      loss: 'sparseCategoricalCrossentropy',
      data: { length: 40, digest: blobsDigest() },
      machine: { threads: expect.any(Number) },
      versions: { tfjs: tf.version.tfjs },
    })
    const snapshot = decodeTensors(readFileSync(join('runs/first/snapshots', record.snapshot)))
    expect(snapshot.tensors['parameter:dense_1/kernel']!.shape).toEqual([2, 6])
  })

  const blobsDigest = () => expect.any(String)

  test('a name that is taken gets the next free one and a line that says so', async () => {
    start()
    const second = start()
    expect(second.run.name).toBe('first-2')
    expect(shown.some((value) => String(value['text/plain']).includes("'first-2'"))).toBe(true)
    expect(start().run.name).toBe('first-3')
  })

  test('resume takes up the run of the name, where a live process does not hold it', async () => {
    const one = start()
    await one.run.iterate(10)
    await one.run.save('runs/kept')
    const two = start({ name: 'kept', resume: true })
    expect(two.run.iteration).toBe(10)
    expect(two.run.folder).toBe(join('runs', 'kept'))
    expect(weightsOf(two.model)).toEqual(weightsOf(one.model))
    const fresh = start({ name: 'new', resume: true })
    expect(fresh.run.iteration).toBe(0)
  })

  test('a folder that cannot be written is refused with the reason, and the run goes on', async () => {
    const { run } = start()
    await run.iterate(2)
    writeFileSync('taken', '')
    await expect(run.save('taken/run')).rejects.toThrow(/run\.save\('taken\/run'\).*cannot be written: E/)
    await run.iterate(1)
    expect(await run.save('elsewhere')).toBe('elsewhere')
    expect((await loadRun('elsewhere', again())).iteration).toBe(3)
  })

  test('goes on in its folder when the program works in another', async () => {
    const { run } = start()
    await run.iterate(2)
    const folder = process.cwd()
    process.chdir(temporaryFolder())
    await run.iterate(3)
    await run.save()
    expect(readdirSync('.')).toEqual([])
    process.chdir(folder)
    expect((await loadRun('first', again())).iteration).toBe(5)
  })

  test('what is overwritten stays until the new one is there', async () => {
    const one = start()
    await one.run.iterate(2)
    await one.run.save('kept')
    const two = start()
    await two.run.iterate(3)
    // What lies beside it is the user's, whatever it is called.
    writeFileSync('kept.new', '')
    await two.run.save('kept', { overwrite: true })
    expect((await loadRun('kept', again())).iteration).toBe(3)
    expect(readdirSync('.').toSorted()).toEqual(['kept', 'kept.new', 'runs'])
  })

  test("'latest' is the run that was written last, named or not", async () => {
    const one = start()
    await one.run.iterate(4)
    await one.run.save()
    const two = start({ name: undefined })
    await two.run.iterate(6)
    await two.run.save()
    expect((await loadRun('latest', again())).iteration).toBe(6)
    expect((await loadRun('first', again())).iteration).toBe(4)
    // What a call has just done counts, though its snapshot is not on disk yet.
    await two.run.iterate(3)
    expect((await loadRun('latest', again())).iteration).toBe(9)
    await expect(loadRun('nowhere', again())).rejects.toThrow(/newest first: .*runs.first/)
  })

  test('a broken snapshot is passed over for the one before', async () => {
    const { run } = start()
    await run.iterate(5)
    await run.save()
    await run.iterate(5)
    await run.save()
    const folder = 'runs/first/snapshots'
    const newest = readdirSync(folder).toSorted().at(-1)!
    truncateSync(join(folder, newest), 100)
    const loaded = await loadRun('runs/first', again())
    expect(loaded.iteration).toBe(5)
    for (const name of readdirSync(folder)) writeFileSync(join(folder, name), 'nothing')
    await expect(loadRun('runs/first', again())).rejects.toThrow('safetensors')
  })

  test('a name in run.json that leads elsewhere is not followed', async () => {
    const { run } = start()
    await run.iterate(2)
    const file = join('runs', 'first', 'run.json')
    await run.save()
    const record = JSON.parse(readFileSync(file, 'utf8'))
    writeFileSync(file, JSON.stringify({ ...record, name: '../../elsewhere' }))
    // This process holds the folder, so the run gets one of its own beside it.
    const loaded = await loadRun('runs/first', again())
    await loaded.iterate(1)
    expect(loaded.folder).toMatch(/^runs.first-\d+$/)
    expect(existsSync(join('..', 'elsewhere'))).toBe(false)
  })

  test('save refuses the folder of another run, unless it may overwrite', async () => {
    const one = start()
    await one.run.iterate(2)
    await one.run.save('out')
    const two = start()
    await expect(two.run.save('out')).rejects.toThrow('overwrite: true')
    await two.run.save('out', { overwrite: true })
    expect((await loadRun('out', again())).iteration).toBe(0)
  })

  test('functions are passed again, and the message says which', async () => {
    const { run } = start({ schedule: (_: number, peak: number) => peak, name: 'own' })
    await run.iterate(2)
    await run.save('own')
    await expect(loadRun('own', again())).rejects.toThrow('loadRun(…, { schedule:')
    const loaded = await loadRun('own', { ...again(), schedule: (_: number, peak: number) => peak })
    expect(loaded.iteration).toBe(2)
  })

  test('a model or data that is another is refused with what was saved', async () => {
    const { run } = start()
    await run.iterate(2)
    await run.save('out')
    await expect(loadRun('out', { ...again(), model: classifier({ units: 5 }) })).rejects.toThrow(
      /\[2, 5\].*\[2, 6\]/,
    )
    await expect(loadRun('out', { ...again(), data: blobs(20) })).rejects.toThrow(/20 training.*40/)
  })

  test('a model of one’s own is taken up too', async () => {
    const one = linearModel()
    const run = train(one.model, {
      data: line(),
      optimizer: sgd({ learningRate: 0.1 }),
      name: 'line',
      seed: 1,
    })
    await run.iterate(7)
    await run.save('line')
    const two = linearModel()
    const loaded = await loadRun('line', { model: two.model, data: line() })
    expect(two.w.dataSync()).toEqual(one.w.dataSync())
    await run.iterate(3)
    await loaded.iterate(3)
    expect(two.w.dataSync()).toEqual(one.w.dataSync())
  })

  test('what cannot be written is said once, and the run goes on in memory', async () => {
    writeFileSync('runs', 'a file where the folder would be')
    const { run } = start()
    await run.iterate(3)
    await run.iterate(3)
    expect(run.iteration).toBe(6)
    expect(shown.filter((value) => String(value['text/plain']).includes('goes on in memory'))).toHaveLength(1)
  })

  test('where there is room again, save takes up what was not written, and it is written as it goes', async () => {
    const { run } = start()
    await run.iterate(2)
    await run.save()
    renameSync('runs/first/events.jsonl', 'events')
    mkdirSync('runs/first/events.jsonl')
    await run.iterate(3)
    run.set({ learningRate: 0.01 })
    await expect(run.save()).rejects.toThrow('cannot be written')
    rmdirSync('runs/first/events.jsonl')
    renameSync('events', 'runs/first/events.jsonl')
    await run.save()
    await run.iterate(2)
    const events = lines('runs/first')
    const iterations = events.filter(({ type }) => type === 'iteration').map(({ iteration }) => iteration)
    expect(iterations).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(events.filter(({ type }) => type === 'adjustment')).toHaveLength(1)
  })

  test('save: false writes nothing', async () => {
    const { run } = start({ save: false })
    await run.iterate(3)
    expect(existsSync('runs')).toBe(false)
    expect(tf.memory().numTensors).toBeGreaterThan(0)
  })
})

test('a point that was damaged is passed over by undo, which is said, and named by goTo', async () => {
  const { run } = start()
  for (let i = 0; i < 3; i++) {
    run.keep(`at ${run.iteration}`)
    await run.iterate(5)
    await run.save('points')
  }
  const folder = 'points/snapshots'
  for (const name of readdirSync(folder))
    if (/^00000010-(?:undo|kept)/.test(name)) truncateSync(join(folder, name), 2000)
  const loaded = await loadRun('points', again())
  await expect(loaded.goTo('at 10')).rejects.toThrow(/reading points.snapshots.00000010-kept-at%2010/)
  await loaded.undo()
  expect(loaded.iteration).toBe(5)
  expect(shown.at(-1)['text/plain']).toMatch(/reading points.snapshots.00000010-undo-0.*passes over/)
})
