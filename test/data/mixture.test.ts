import * as tf from '@tensorflow/tfjs'
import { describe, expect, it } from 'vitest'
import { adam, bySource, train } from '../../src/index.js'
import { fromArrays, mixture, split } from '../../src/data/index.js'

const parts = (shift: number, count: number) =>
  split(
    fromArrays(
      {
        x: Array.from({ length: count }, (_, i) => [shift + i, 1]),
        y: Array.from({ length: count }, (_, i) => shift + i),
      },
      { name: `from ${shift}` },
    ),
    { train: 0.5, validation: 0.5 },
    { seed: 1 },
  )
const [books, letters] = [parts(0, 60), parts(1000, 20)]
const mixed = mixture({ books: books.train, letters: letters.train })
const held = mixture({ books: books.validation, letters: letters.validation })

const makeRun = () => {
  const w = tf.variable(tf.zeros([2, 1]))
  const model = {
    parameters: { w },
    loss({ x, y }: { x: tf.Tensor; y: tf.Tensor }) {
      const perExample = tf
        .matMul(x as tf.Tensor2D, w as unknown as tf.Tensor2D)
        .flatten()
        .sub(y.flatten())
        .square()
      return { loss: perExample.mean(), perExample: perExample as tf.Tensor1D }
    },
  }
  return train(model, {
    data: mixed,
    evaluateOn: held,
    batchSize: 20,
    seed: 1,
    optimizer: adam({ learningRate: 1e-3 }),
    save: false,
    progress: false,
  })
}

/** Of some batches, the share that comes from letters. */
async function shareOf(run: ReturnType<typeof makeRun>): Promise<number> {
  let found = 0
  for (let i = 0; i < 10; i++) {
    const batch = await run.nextBatch()
    found += batch.ids.filter((id) => mixed.sourceOf(id) === 'letters').length
    tf.dispose([batch.x, batch.y])
  }
  return found / 200
}

describe('a mixture', () => {
  it('has the examples of its sources, by ids that no split shares', () => {
    expect(mixed).toHaveLength(40)
    expect(String(mixed)).toBe('Dataset mixture (train): 40 examples, 30 of books, 10 of letters')
    const { x, y, ids } = mixed.at([35, 0, 39, 3])
    expect(ids).toEqual([35, 0, 39, 3].map((position) => mixed.ids[position]))
    for (const [row, position] of [35, 0, 39, 3].entries()) {
      const values = mixed.valuesAt(position)
      expect((x.arraySync() as number[][])[row]).toEqual(Array.from(values.x as ArrayLike<number>))
      expect((y.arraySync() as number[])[row]).toBe(values.y[0])
      expect(mixed.positionOf(ids[row]!)).toBe(position)
    }
    tf.dispose([x, y])
    expect(mixed.sourceOf(ids[0]!)).toBe('letters')
    const all = [...Array.from(mixed.ids), ...Array.from(held.ids)]
    expect(new Set(all).size).toBe(80)
    expect(mixed.splitOf(held.ids[3]!)).toBe('validation')
    expect(mixed.positionOf(held.ids[3]!)).toBeUndefined()
    expect(mixed.digest()).not.toBe(held.digest())
  })

  it('is drawn from by weights that are changed in the middle, taken back and replayed', async () => {
    const run = makeRun()
    expect(await shareOf(run)).toBeCloseTo(0.25, 1)
    await run.focus(bySource({ books: 1, letters: 3 }), { why: 'letters are behind' })
    // 200 draws with a chance of 3 / 4: four standard deviations are 0.12.
    expect(Math.abs((await shareOf(run)) - 0.75)).toBeLessThan(0.12)
    expect(run.adjustments.at(-1)).toMatchObject({
      what: 'focus',
      why: 'letters are behind',
      to: { subset: 'bySource({ books: 1, letters: 3 })' },
    })
    const other = makeRun()
    other.replay(JSON.parse(JSON.stringify(run.adjustments)) as typeof run.adjustments)
    await other.iterate(1)
    expect(Math.abs((await shareOf(other)) - 0.75)).toBeLessThan(0.12)
    await run.focus(bySource({ books: 1 }))
    expect(await shareOf(run)).toBe(0)
    const { rows } = await run.rounds(1, { iterations: 2, subset: bySource({ letters: 1 }) })
    expect(rows[0]!.subset).toBe('bySource({ letters: 1 })')
    const slices = await run.slices({ by: ({ id }) => held.sourceOf(id)! })
    expect(slices.map(({ slice, count }) => [slice, count])).toEqual(
      expect.arrayContaining([
        ['books', 30],
        ['letters', 10],
      ]),
    )
  })

  it('refuses what does not belong together, and weights that mean nothing', async () => {
    expect(() => mixture({})).toThrow(/datasets by name/)
    expect(() => mixture({ a: books.train, b: letters.validation })).toThrow(
      /b: received the split validation/,
    )
    const wide = fromArrays({ x: [[1, 2, 3]], y: [1] })
    expect(() => mixture({ a: books.train, b: wide })).toThrow(/x of float32 \[3\]/)
    expect(() => mixture({ a: books.train }, { weights: { a: 1 } } as never)).toThrow(/bySource/)
    expect(() => bySource({})).toThrow(/weights of sources/)
    expect(() => bySource({ books: -1 })).toThrow(/0 or more/)
    const run = makeRun()
    await expect(run.focus(bySource({ boks: 1 }))).rejects.toThrow(/the source 'boks'.*books/)
  })
})
