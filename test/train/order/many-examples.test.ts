import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { describe, expect, test } from 'vitest'
import { createRandom, fromArrays, fromFunction, permutation } from '../../../src/data/index.js'
import { loadRun, sgd, train } from '../../../src/index.js'
import { keyOf } from '../../../src/train/order/key.js'
import { keyedOrder } from '../../../src/train/order/keyed-order.js'
import { Order } from '../../../src/train/order/order.js'
import { coreOf } from '../../../src/train/run/run.js'
import { useRuns } from '../../kit/training.js'

useRuns()

const many = 10_000_000

describe('an order that is computed place by place', () => {
  test.each([1, 2, 3, 7, 64, 1000, 65_537])('has each of %d places once', (length) => {
    for (let key = 0; key < 20; key++) {
      const at = keyedOrder(length, key)
      const seen = new Set(Array.from({ length }, (_, place) => at(place)))
      expect(seen.size).toBe(length)
      expect(Math.max(...seen)).toBe(length - 1)
    }
  })

  test('is as random as a shuffle', () => {
    // Where the first of 20 comes to lie, over keys: chi-square with 19 degrees of freedom, 43.8 at 1 in 1000.
    const counts = new Float64Array(20)
    for (let key = 0; key < 20_000; key++) counts[keyedOrder(20, key)(0)]!++
    const chi = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)
    expect(chi).toBeLessThan(43.8)
    // Neighbours have nothing to do with each other: the correlation of 100,000 pairs is within four standard errors.
    const at = keyedOrder(many, 7)
    let sum = 0
    for (let place = 0; place < 100_000; place++)
      sum += (at(place) / many - 0.5) * (at(place + 1) / many - 0.5) * 12
    expect(Math.abs(sum / 100_000)).toBeLessThan(4 / Math.sqrt(100_000))
  })

  test('goes on from a cursor, and a run from before it was goes on with its own', () => {
    const length = 2 ** 20 + 1
    const order = new Order(length, 3)
    order.next(1000)
    const cursor = order.state()
    const next = order.next(64)
    const again = new Order(length, 0)
    again.restore(cursor)
    expect(again.next(64)).toEqual(next)
    const { keyed, ...before } = cursor.order
    expect(keyed).toBe(true)
    again.restore({ ...cursor, order: before })
    const shuffled = permutation(length, createRandom(keyOf(3, 'epoch', 0)))
    expect(again.next(64)).toEqual(shuffled.slice(1000, 1064))
    const small = new Order(1000, 3)
    expect(small.state().order.keyed).toBeUndefined()
    expect(small.next(1000)).toEqual(permutation(1000, createRandom(keyOf(3, 'epoch', 0))))
  })

  test('passes over what is excluded, which is counted as it changes', () => {
    const order = new Order(many, 1)
    const first = order.next(64)
    order.exclude([...first, first[0]!])
    expect([order.active, order.state().excluded.count]).toEqual([many - 64, 64])
    expect(order.state().excluded.byteLength).toBeLessThan(10_000)
    order.exclude([first[0]!, 5], false)
    expect(order.included).toBe(many - 63)
    const fresh = new Order(many, 1)
    fresh.restore({ ...order.state(), order: fresh.state().order })
    expect([fresh.included, Array.from(fresh.next(1))]).toEqual([many - 63, [first[0]]])
  })
})

describe('a run on ten million examples', () => {
  const model = () =>
    tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1], kernelInitializer: 'ones' })] })
  const start = (asked: { count: number }, options = {}) =>
    train(model(), {
      data: fromFunction(many, (i) => {
        asked.count++
        return { x: [i / many], y: [1 - i / many] }
      }),
      loss: 'meanSquaredError',
      optimizer: sgd({ learningRate: 0.1 }),
      batchSize: 64,
      seed: 1,
      name: 'many',
      ...options,
    })

  test('looks at a batch and a few more before its first iteration is done, and holds what it drew', async () => {
    const asked = { count: 0 }
    const run = start(asked)
    await run.iterate(1)
    // Labels of the first ten thousand are looked at once.
    expect(asked.count).toBeLessThan(12_000)
    asked.count = 0
    for (let i = 0; i < 20; i++) await run.iterate(1)
    await run.undo()
    run.exclude([5])
    // Each batch, and the one after it.
    expect(asked.count).toBeLessThan(22 * 2 * 64)
    // What undo goes back to, with all books of ten million examples.
    const { books } = coreOf(run)!.state
    expect(books.state().since).toBeLessThanOrEqual(20 * 64)
  })

  test('is saved, loaded and goes on bit for bit, with a file as large as what was drawn', async () => {
    const run = start({ count: 0 })
    await run.iterate(3)
    await run.save('kept')
    const sizes = readdirSync('kept/snapshots').map((file) => statSync(join('kept/snapshots', file)).size)
    // Three times 64 examples of 16 bytes, of 120 MB.
    expect(Math.max(...sizes)).toBeLessThan(50_000)
    const two = model()
    const loaded = await loadRun('kept', { model: two, data: coreOf(run)!.data })
    await run.iterate(2)
    await loaded.iterate(2)
    const losses = (of: typeof run) => Array.from(of.history, ({ loss }) => loss)
    expect(losses(loaded)).toEqual(losses(run))
    const other = JSON.parse(readFileSync('kept/run.json', 'utf8'))
    expect(other.data.digest).toMatch(/^rows-/)
  })
})

test('bare arrays that are held out get ids of their own, also where those of the training data reach the last one', () => {
  const data = fromArrays({ x: [[1], [2], [3]], y: [[1], [2], [3]] }, { ids: [0, 2, 2147483647] })
  const run = train(tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1] })] }), {
    data,
    evaluateOn: { x: [[4], [5]], y: [[4], [5]] },
    loss: 'meanSquaredError',
    optimizer: sgd({ learningRate: 0.1 }),
    save: false,
  })
  expect(Array.from(coreOf(run)!.evaluateOn!.ids)).toEqual([1, 3])
})
