import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { sgd } from '../../src/backend/index.js'
import { batches, fromRecords, spool, type Dataset } from '../../src/data/index.js'
import { train } from '../../src/train/index.js'

const readSync = vi.spyOn(fs, 'readSync')
/** How many reads have begun and not ended. */
let reading = 0
const read = fs.read as (...given: unknown[]) => void
vi.spyOn(fs, 'read').mockImplementation((...given: unknown[]) => {
  const done = given.pop() as (...results: unknown[]) => void
  reading++
  read(...given, (...results: unknown[]) => {
    done(...results)
    reading--
  })
})
syncBuiltinESMExports()
afterAll(() => {
  vi.restoreAllMocks()
  syncBuiltinESMExports()
})

function* records() {
  for (let i = 0; i < 100_000; i++)
    yield { x: [i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7], y: i % 10 }
}

/** 4 MB, of which a batch in random order needs another 64 pieces each time. */
let data: Dataset
beforeAll(async () => {
  function* records() {
    for (let i = 0; i < 100_000; i++)
      yield { x: [i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7], y: i % 10 }
  }
  data = await spool(records())
})

/** Until all that was begun to be read is there. */
async function settled(): Promise<void> {
  do await sleep(50)
  while (reading > 0)
}

describe('data on disk', () => {
  it('has the next batch read while this one is used', async () => {
    const walk = batches(data, { size: 64, seed: 1 })
    walk.next()
    expect(readSync).toHaveBeenCalled()
    await settled()
    readSync.mockClear()
    const { x, y, ids } = walk.next().value!
    expect(readSync).not.toHaveBeenCalled()
    expect(Array.from(x.slice([0, 0], [64, 1]).dataSync())).toEqual(ids)
    expect(Array.from(y.dataSync())).toEqual(ids.map((id) => id % 10))
  })

  it('has the next iteration read while a run computes, in the order that it has anyway', async () => {
    const make = (from: Dataset) => {
      const w = tf.variable(tf.zeros([8, 1]))
      const loss = ({ x, y }: { x: tf.Tensor; y: tf.Tensor }) =>
        x.mul(1e-5).matMul(w).squeeze([1]).sub(y).square().mean() as tf.Scalar
      const optimizer = sgd({ learningRate: 0.01 })
      return train(
        { parameters: { w }, loss },
        { data: from, batchSize: 64, seed: 3, optimizer, save: false },
      )
    }
    const run = make(data)
    for (let iteration = 0; iteration < 4; iteration++) {
      await settled()
      readSync.mockClear()
      await run.iterate(1)
      if (iteration > 0) expect(readSync).not.toHaveBeenCalled()
    }
    const inMemory = make(fromRecords([...records()]))
    await inMemory.iterate(4)
    expect(run.history.map(({ loss }) => loss)).toEqual(inMemory.history.map(({ loss }) => loss))
  })
})
