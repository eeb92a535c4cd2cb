import * as tf from '@tensorflow/tfjs'
import { describe, expect, test } from 'vitest'
import { createRandom } from '../../src/data/index.js'
import { replayBuffer } from '../../src/data/replay-buffer.js'
import '../kit/training.js'

const push = (buffer: ReturnType<typeof replayBuffer>, from: number, to: number) => {
  for (let i = from; i < to; i++)
    buffer.push({
      observation: [i, i + 0.5],
      action: i % 3,
      picture: new Uint8Array([i % 256, 1]),
      done: i % 2 === 0,
    })
}
const numbers = (buffer: ReturnType<typeof replayBuffer>) =>
  Array.from(buffer.all().observation!.slice([0, 0], [-1, 1]).dataSync())

describe('a replay buffer', () => {
  test('it holds the newest, and gives tensors by field', () => {
    const buffer = replayBuffer({ capacity: 5, dtypes: { action: 'int32' } })
    push(buffer, 0, 8)
    expect(buffer.length).toBe(5)
    expect(numbers(buffer)).toEqual([3, 4, 5, 6, 7])
    const batch = buffer.sample(createRandom(1), 4)
    expect(batch.observation!.shape).toEqual([4, 2])
    expect([batch.action!.dtype, batch.picture!.dtype, batch.done!.dtype]).toEqual([
      'int32',
      'int32',
      'float32',
    ])
    expect(Array.from(buffer.all().done!.dataSync())).toEqual([0, 1, 0, 1, 0])
  })

  test('a sample is of different ones, each as likely as another, and the same for the same random', () => {
    const buffer = replayBuffer({ capacity: 20 })
    push(buffer, 0, 20)
    const counts = new Float64Array(20)
    const random = createRandom(3)
    for (let i = 0; i < 2000; i++) {
      const drawn = tf.tidy(() =>
        Array.from(buffer.sample(random, 5).observation!.slice([0, 0], [-1, 1]).dataSync()),
      )
      expect(new Set(drawn).size).toBe(5)
      for (const one of drawn) counts[one]!++
    }
    // 500 each: 5 deviations of a binomial are 97.
    for (const count of counts) expect(Math.abs(count - 500)).toBeLessThan(97)
    const draw = () => Array.from(buffer.sample(createRandom(9), 6).observation!.dataSync())
    expect(draw()).toEqual(draw())
  })

  test('it goes back to any snapshot, forward again, and a copy goes its own way', () => {
    const buffer = replayBuffer({ capacity: 3000 })
    const points = [buffer.snapshot()]
    const seen = [numbers0(buffer)]
    for (let i = 0; i < 9; i++) {
      push(buffer, i * 700, (i + 1) * 700)
      points.push(buffer.snapshot())
      seen.push(numbers(buffer))
    }
    for (const i of [4, 9, 1, 0, 7]) {
      buffer.restore(points[i]!)
      expect(i === 0 ? numbers0(buffer) : numbers(buffer)).toEqual(seen[i])
    }
    const copy = buffer.copy()
    push(buffer, 0, 10)
    expect(numbers(copy)).toEqual(seen[7])
    push(copy, 5, 9)
    buffer.restore(points[9]!)
    expect(numbers(buffer)).toEqual(seen[9])
  })

  test('what a snapshot holds beside the one before is what was written', () => {
    const buffer = replayBuffer({ capacity: 100_000 })
    push(buffer, 0, 100_000)
    const first = buffer.snapshot()
    push(buffer, 0, 1)
    const second = buffer.snapshot()
    expect(buffer.bytes(first, undefined)).toBeGreaterThan(100_000 * 18)
    expect(buffer.bytes(second, first)).toBeLessThan(40_000)
    expect(buffer.snapshot()).toBe(second)
  })

  test('through a file it comes back, and one that does not fit is refused', () => {
    const buffer = replayBuffer({ capacity: 2500, dtypes: { action: 'int32' } })
    push(buffer, 0, 4000)
    const encoded = buffer.encode()
    const other = replayBuffer({ capacity: 2500, dtypes: { action: 'int32' } })
    push(other, 0, 7)
    other.decode(structuredClone(encoded))
    push(buffer, 4000, 4100)
    push(other, 4000, 4100)
    expect(numbers(other)).toEqual(numbers(buffer))
    expect(Array.from(other.sample(createRandom(1), 50).picture!.dataSync())).toEqual(
      Array.from(buffer.sample(createRandom(1), 50).picture!.dataSync()),
    )
    expect(() => replayBuffer({ capacity: 10 }).decode(encoded)).toThrow(/capacity 2500/)
    for (const wrong of [
      null,
      {},
      { ...encoded, length: -1 },
      { ...encoded, fields: { a: {} } },
      { ...encoded, next: 2500 },
    ])
      expect(() => other.decode(wrong)).toThrow(/replay buffer from a file/)
    const empty = replayBuffer({ capacity: 2500 })
    empty.decode(replayBuffer({ capacity: 2500 }).encode())
    expect(empty.length).toBe(0)
  })

  test('what does not fit is told', () => {
    const buffer = replayBuffer({ capacity: 5 })
    push(buffer, 0, 2)
    expect(() => buffer.push({ observation: [1, 2] })).toThrow(/those that it has/)
    expect(() =>
      buffer.push({ observation: [1], action: 1, picture: new Uint8Array(2), done: true }),
    ).toThrow(/\[1\][\s\S]*\[2\]/)
    expect(buffer.length).toBe(2)
    expect(() => buffer.sample(createRandom(1), 3)).toThrow(/buffer\.length >= 3/)
    expect(() => buffer.sample(1 as never, 1)).toThrow(/random of the iteration/)
    expect(() => replayBuffer({ capacity: 0 })).toThrow(/whole number/)
    expect(() => replayBuffer({ capacity: 2, dtypes: { a: 'float16' as never } })).toThrow(
      /float32, int32, uint8/,
    )
    expect(() => replayBuffer({ capacity: 2 }).push({ a: tf.scalar(1) as never })).toThrow(/tensor\.data/)
  })
})

/** Of an empty one, which knows no field yet. */
const numbers0 = (buffer: ReturnType<typeof replayBuffer>) => (buffer.length === 0 ? [] : numbers(buffer))
