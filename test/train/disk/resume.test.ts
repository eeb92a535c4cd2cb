import { cpSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { adam, cosine, loadRun, seed, sgd, train, type Changes, type Run } from '../../../src/index.js'
import { blobs, linearModel, silence, thoroughModel, weightsOf } from '../../kit/training.js'
import { temporaryFolder } from '../../kit/files.js'

const home = process.cwd()
let shown: any[]
beforeEach(() => {
  shown = silence().shown
  process.env.GRADBOOK_RUNS = 'runs'
  process.chdir(temporaryFolder())
})
afterEach(() => {
  process.chdir(home)
  process.env.GRADBOOK_RUNS = ''
})

function start(more: object = {}) {
  seed(1)
  const model = thoroughModel()
  const run = train(model, {
    data: blobs(),
    evaluateOn: blobs(16),
    loss: 'sparseCategoricalCrossentropy',
    batchSize: 7,
    optimizer: adam({ learningRate: 0.02 }),
    evaluateEvery: 10,
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
const cameTo = ({ run, model }: { run: Run; model: tf.LayersModel }) => ({
  weights: weightsOf(model),
  losses: run.history.map(({ loss }) => loss),
  evaluations: [...run.evaluations],
  adjustments: run.adjustments.length,
})
/** The run's folder as another process finds it, which nobody writes to any more. */
function folderAs(name: string): string {
  cpSync('runs/first', join('runs', name), { recursive: true })
  return name
}

const changes: [string, Changes][] = [
  ['batchSize', { batchSize: 5 }],
  ['clipNorm', { clipNorm: 0.1 }],
  ['learningRate', { learningRate: 0.001 }],
  ['schedule', { schedule: cosine({ over: 40 }) }],
  ['dropout', { dropout: 0.1 }],
  ['accumulate', { accumulate: 3 }],
  ['ema', { ema: 0.9 }],
  ['freeze', { freeze: /^dense_1/ }],
  ['evaluateEvery', { evaluateEvery: 3 }],
  ['optimizer', { optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }) }],
]

describe('resume', () => {
  test.each(changes)(
    'goes on with the %s that was set, and with the seed it began with',
    async (name, change) => {
      const one = start()
      await one.run.iterate(6)
      one.run.set(change)
      await one.run.iterate(4)
      await one.run.save()
      const kept = folderAs('kept')
      await one.run.iterate(12)
      const two = start({ name: kept, resume: true })
      // Its name is that in the file.
      expect(two.run.iteration).toBe(10)
      await two.run.iterate(12)
      expect(cameTo(two)).toEqual(cameTo(one))
      const lines = shown
        .map((value) => String(value['text/plain']))
        .filter((text) => /goes on with its own/.test(text))
      expect(lines).toHaveLength(['batchSize', 'evaluateEvery', 'optimizer'].includes(name) ? 1 : 0)
    },
  )
})

describe('loadRun', () => {
  test('takes what is passed and says otherwise as a change, recorded and undoable', async () => {
    const one = start({ seed: 3 })
    await one.run.iterate(6)
    await one.run.save('out')
    const rest = again()
    const loaded = await loadRun('out', {
      ...rest,
      batchSize: 5,
      evaluateEvery: 10,
      seed: 3,
      optimizer: adam({ learningRate: 0.001 }),
    })
    expect(loaded.adjustments).toMatchObject([
      { at: 6, what: 'batchSize', from: 7, to: 5, why: 'passed to loadRun' },
      { at: 6, what: 'learningRate', from: 0.02, to: 0.001 },
    ])
    await loaded.undo()
    await one.run.iterate(5)
    await loaded.iterate(5)
    expect(weightsOf(rest.model)).toEqual(weightsOf(one.model))
    const other = await loadRun('out', { ...again(), optimizer: sgd({ learningRate: 0.1 }) })
    expect(other.adjustments.map(({ what }) => what)).toEqual(['optimizer'])
    await other.iterate(3)
    await expect(loadRun('out', { ...again(), seed: 4 })).rejects.toThrow(/4.*began with, 3/)
  })

  test("'latest' passes over a run that was only made", async () => {
    const one = start()
    await one.run.iterate(4)
    await one.run.save()
    start({ name: 'second' })
    expect((await loadRun('latest', again())).iteration).toBe(4)
  })

  test('beside the live run that it was, it is a branch of it', async () => {
    const { run } = start()
    await run.iterate(4)
    const loaded = await loadRun('first', again())
    expect(loaded.name).toBe('first-2')
    expect(loaded.parent).toEqual({ name: 'first', iteration: 4 })
  })
})

describe('redo after a restart', () => {
  test('goes where undo came from, one step after the other, to the bit', async () => {
    const one = start({ accumulate: 2, ema: 0.9 })
    const stood: object[] = []
    const stand = () => stood.push(cameTo(one))
    await one.run.iterate(10)
    stand()
    one.run.set({ learningRate: 0.01 })
    stand()
    await one.run.iterate(10)
    stand()
    await one.run.iterate(5)
    stand()
    for (let i = 0; i < 3; i++) await one.run.undo()
    await one.run.redo()
    await one.run.undo()
    for (const folder of [undefined, 'elsewhere']) await one.run.save(folder)
    for (const folder of [folderAs('kept'), 'elsewhere']) {
      const rest = again()
      const run = await loadRun(folder, rest)
      expect(cameTo({ run, model: rest.model })).toEqual(stood[0])
      for (const place of stood.slice(1)) {
        await run.redo()
        expect(cameTo({ run, model: rest.model })).toEqual(place)
      }
      await expect(run.redo()).rejects.toThrow('run.undo() before it')
      for (const place of stood.toReversed().slice(1)) {
        await run.undo()
        expect(cameTo({ run, model: rest.model })).toEqual(place)
      }
    }
  })

  test('is over when the run trained on or was changed, before the restart or after', async () => {
    const { run } = start()
    await run.iterate(10)
    await run.iterate(10)
    await run.undo()
    await run.save()
    const kept = folderAs('kept')
    run.set({ learningRate: 0.5 })
    await run.undo()
    await run.save()
    expect(readdirSync('runs/first/snapshots').filter((name) => name.includes('redo'))).toEqual([
      '00000010-redo-1.safetensors',
    ])
    const loaded = await loadRun(kept, again())
    loaded.exclude([1])
    await expect(loaded.redo()).rejects.toThrow('run.undo() before it')
    await loaded.undo()
    await loaded.redo()
    expect(loaded.adjustments).toHaveLength(1)
  })
})

test('a loss of one’s own that drops and adds noise is evaluated alike whenever it is looked at', async () => {
  const { w, model } = linearModel()
  const run = train(
    {
      parameters: model.parameters,
      loss: ({ x, y }) => {
        const perExample = tf
          .dropout(x, 0.5)
          .mul(w)
          .sub(y)
          .square()
          .add(tf.randomUniform([1]))
        return { loss: perExample.mean(), perExample }
      },
    },
    {
      data: { x: Float32Array.from({ length: 40 }, (_, i) => i), y: new Float32Array(40) },
      evaluateOn: { x: Float32Array.from({ length: 40 }, (_, i) => i), y: new Float32Array(40) },
      optimizer: sgd({ learningRate: 1e-4 }),
      evaluationBatchSize: 8,
      seed: 1,
    },
  )
  await run.iterate(3)
  const first = await run.evaluate()
  expect(await run.evaluate()).toEqual(first)
  await run.iterate(1)
  await run.undo()
  expect(await run.evaluate()).toEqual(first)
  // Batches differ: the same example has another noise in each.
  const { rows } = await run.mistakes({ k: 40 })
  expect(new Set(rows.map(({ loss }) => loss % 1)).size).toBeGreaterThan(1)
})
