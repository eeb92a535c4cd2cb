/** What a subset is chosen by may be anything; what it draws is examples, in the shares that were asked for, or an error says why not. */
import * as tf from '@tensorflow/tfjs'
import { describe, expect, test } from 'vitest'
import {
  byLoss,
  curriculum,
  hardest,
  sgd,
  train,
  type Choice,
  type OwnModel,
  type Subset,
} from '../../../src/index.js'
import { Order } from '../../../src/train/order/order.js'
import { useSilence } from '../../kit/training.js'

useSilence()

const count = 12
/** A run whose example at position i has the loss `losses[i]`, whatever the parameter. */
function runOf(losses: readonly number[], more: Partial<OwnModel> = {}) {
  const w = tf.variable(tf.scalar(0))
  return train(
    {
      parameters: { w },
      loss: ({ y }) => {
        const perExample = y.add(w.mul(0)) as tf.Tensor
        return { loss: perExample.mean(), perExample }
      },
      ...more,
    },
    {
      data: { x: new Float32Array(losses.length), y: Float32Array.from(losses) },
      batchSize: 4,
      seed: 1,
      optimizer: sgd({ learningRate: 0.1 }),
    },
  )
}
const alike = (value: number) => Array.from({ length: count }, () => value)
const withOne = (value: number) => alike(1).fill(value, 5, 6)

/** How often each example is drawn. */
async function drawn(run: ReturnType<typeof runOf>, batches = 300) {
  const counts = new Map<number, number>()
  for (let i = 0; i < batches; i++) {
    const batch = await run.nextBatch()
    for (const id of batch.ids) counts.set(id, (counts.get(id) ?? 0) + 1)
    tf.dispose(batch as tf.TensorContainer)
  }
  return counts
}

describe.each<[string, () => Subset]>([
  ['byLoss()', () => byLoss()],
  ['byLoss({ temperature })', () => byLoss({ temperature: 2.5 })],
  ['hardest(0.5)', () => hardest(0.5)],
  ['curriculum()', () => curriculum()],
])('%s', (_, subset) => {
  test.each([NaN, Infinity, -Infinity])(
    'names the example whose loss is %d, and goes on without it',
    async (loss) => {
      const run = runOf(withOne(loss))
      await expect(run.focus(subset())).rejects.toThrow(
        /a loss that is not finite, of 1 of 12 examples \(5\).*run\.exclude\(\[5\]\)/,
      )
      await expect(run.rounds(1, { iterations: 1, subset: subset() })).rejects.toThrow(
        /not finite, of 1 of 12/,
      )
      run.exclude([5])
      await run.focus(subset())
      const counts = await drawn(run, 20)
      expect(counts.has(5)).toBe(false)
      expect(counts.size).toBeGreaterThan(1)
    },
  )

  test('says that it needs the losses of the examples', async () => {
    const w = tf.variable(tf.scalar(0))
    const run = runOf(alike(1), { parameters: { w }, loss: ({ y }) => y.sub(w).square().mean() })
    await expect(run.focus(subset())).rejects.toThrow(/no loss of single examples.*\{ loss, perExample \}/)
  })

  test('says that all are not finite where the model has come to nothing', async () => {
    const run = runOf(alike(NaN))
    await expect(run.focus(subset())).rejects.toThrow(/not finite, of 12 of 12 examples \(0, 1,/)
  })

  test('draws from all where all losses are the same, be they 0', async () => {
    for (const loss of [0, 2, -3]) {
      const run = runOf(alike(loss))
      await run.focus(subset())
      const counts = await drawn(run, 60)
      expect(counts.size).toBeGreaterThan(1)
    }
  })
})

test('mistakes show what has no finite loss first', async () => {
  const run = runOf(alike(1).map((_, i) => (i === 5 ? NaN : i === 7 ? Infinity : i)))
  const { rows } = await run.mistakes({ of: 'train', k: 4 })
  expect(rows.map(({ id }) => id)).toEqual([5, 7, 11, 10])
})

test('weights of 0 for all are refused, as nothing is learned of nothing', () => {
  const run = runOf(alike(1))
  run.reweight([0, 1, 2], 0)
  const others = Array.from({ length: count - 3 }, (_, i) => i + 3)
  expect(() => run.reweight(others, 0)).toThrow(/a weight of 0 for all examples/)
  run.reweight(others.slice(1), 0)
})

test('byLoss draws in proportion to the losses', async () => {
  const losses = Array.from({ length: count }, (_, i) => i + 1)
  const run = runOf(losses)
  await run.focus(byLoss())
  const counts = await drawn(run, 2000)
  // 8,000 draws; the deviation of the rarest is 10 of 103.
  for (const [id, n] of counts) expect(Math.abs(n / 8000 - losses[id]! / 78)).toBeLessThan(0.02)
})

test('byLoss counts losses that go below 0 from the lowest', async () => {
  const losses = Array.from({ length: count }, (_, i) => i - 6)
  const run = runOf(losses)
  await run.focus(byLoss({ temperature: 1 }))
  const counts = await drawn(run, 2000)
  expect(counts.size).toBeGreaterThanOrEqual(count - 1)
  for (const [id, n] of counts) expect(Math.abs(n / 8000 - (losses[id]! + 6) / 66)).toBeLessThan(0.02)
})

describe('a subset of one’s own', () => {
  const own = (chances: (positions: Int32Array) => unknown): Subset => ({
    name: 'own',
    choose: async ({ positions }: Choice) => ({ positions, chances: chances(positions) as Float32Array }),
  })
  test.each<[string, (positions: Int32Array) => unknown, RegExp]>([
    ['all 0', (p) => new Float32Array(p.length), /subset own: received chances that are all 0/],
    [
      'one NaN',
      (p) => Float32Array.from(p, (i) => (i === 3 ? NaN : 1)),
      /the chance NaN \(of the example at position 3\)/,
    ],
    ['one below 0', (p) => Float32Array.from(p, (i) => (i === 3 ? -1 : 1)), /the chance -1/],
    [
      'one infinite',
      (p) => p.map(() => 1) && [...p].map((i) => (i === 3 ? Infinity : 1)),
      /the chance Infinity/,
    ],
    ['too few', () => [1, 2], /2 chances for 12 examples/],
  ])('with chances of which %s is refused', async (_, chances, says) => {
    const run = runOf(alike(1))
    await expect(run.focus(own(chances))).rejects.toThrow(says)
    // As it was.
    expect((await drawn(run, 3)).size).toBe(count)
  })

  test('with positions outside of the data is refused', async () => {
    const subset: Subset = { name: 'own', choose: async () => ({ positions: Int32Array.from([0, count]) }) }
    await expect(runOf(alike(1)).focus(subset)).rejects.toThrow(/the position 12.*from 0 to 11/)
  })

  test('of which all that have a chance are excluded says so, in nextBatch and iterate alike', async () => {
    const run = runOf(alike(1))
    await run.focus(own((p) => Float32Array.from(p, (i) => (i < 3 ? 1 : 0))))
    run.exclude([0, 2])
    expect([...(await drawn(run, 5)).keys()]).toEqual([1])
    run.exclude([1])
    const says =
      /no example with a chance above 0 that is not excluded.*run\.include\(ids\).*run\.focus\(null\)/
    await expect(run.nextBatch()).rejects.toThrow(says)
    await expect(run.iterate(1)).rejects.toThrow(says)
    run.include([2])
    expect([...(await drawn(run, 5)).keys()]).toEqual([2])
    await run.focus(null)
    await run.iterate(1)
    expect(run.iteration).toBe(1)
  })

  test('of which nearly all chances are excluded is drawn from at once', () => {
    const order = new Order(1000, 1)
    const positions = Int32Array.from({ length: 1000 }, (_, i) => i)
    // One in a billion draws would fall on what is left.
    order.focus({
      name: 'own',
      positions,
      chances: Float32Array.from(positions, (i) => (i === 7 ? 1e-9 : 1)),
    })
    order.exclude(positions.filter((i) => i !== 7 && i !== 8))
    expect([...order.next(3)].every((i) => i === 7 || i === 8)).toBe(true)
    order.exclude([8])
    expect([...order.next(3)]).toEqual([7, 7, 7])
  })
})

test('what is drawn beside excluded examples is what was drawn before', () => {
  const positions = Int32Array.from({ length: 50 }, (_, i) => i)
  const subset = { name: 'own', positions, chances: Float32Array.from(positions, (i) => i + 1) }
  const orders = [new Order(50, 1), new Order(50, 1)]
  for (const order of orders) order.focus(subset)
  orders[1]!.exclude([49])
  const [all, without] = orders.map((order) => [...order.next(50)])
  const kept = all!.filter((i) => i !== 49)
  expect(without!.slice(0, kept.length)).toEqual(kept)
})
