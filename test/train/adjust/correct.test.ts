import * as tf from '@tensorflow/tfjs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fromArrays, InputError, loadRun, sgd, split, train } from '../../../src/index.js'
import type { Answered, Dataset } from '../../../src/data/index.js'
import { temporaryFolder } from '../../kit/index.js'

const folder = temporaryFolder()

/** Ten examples whose answer is the number of letters: x [2], y []. */
function answers(): { train: Dataset; test: Dataset } {
  const values = Array.from({ length: 12 }, (_, i) => i)
  const { train: all, test } = split(
    fromArrays({ x: values.map((i) => [i, 1]), y: values.map((i) => i) }, { name: 'lengths' }),
    { train: 10 / 12, test: 2 / 12 },
  ) as unknown as { train: Dataset; test: Dataset }
  const corrected = (given: readonly Answered[]) => {
    const { id, answer } = given.at(-1)!
    const position = typeof id === 'number' ? all.positionOf(id)! : 0
    if (answer.length > 20)
      throw new InputError({ where: 'lengths', received: answer, expected: 'at most 20 letters' })
    const { x, y } = all.valuesAt(position)
    return {
      id: all.ids[position]!,
      values: { x: [(x as ArrayLike<number>)[0]!, given.length], y: [answer.length] },
      before: String((y as ArrayLike<number>)[0]),
    }
  }
  return { train: Object.assign(all, { corrected }), test }
}

function running(options: object = {}) {
  const { train: data, test } = answers()
  const w = tf.variable(tf.zeros([2, 1]))
  const model = {
    parameters: { w },
    loss: ({ x, y }: { x: tf.Tensor; y: tf.Tensor }) => {
      const perExample = tf
        .matMul(x.cast('float32') as tf.Tensor2D, w as tf.Tensor2D)
        .squeeze([1])
        .sub(y)
        .square()
      return { loss: perExample.mean() as tf.Scalar, perExample: perExample as tf.Tensor1D }
    },
  }
  const run = train(model, {
    data,
    evaluateOn: test,
    batchSize: 10,
    seed: 1,
    optimizer: sgd({ learningRate: 1e-3 }),
    ...options,
  })
  return { run, data, test, model }
}

/** x and y of one training example, as it is drawn. */
async function drawn(run: ReturnType<typeof running>['run'], id: number) {
  const batch = await run.nextBatch()
  const at = batch.ids.indexOf(id)
  const [x, y] = [batch.x.arraySync() as number[][], batch.y.arraySync() as number[]]
  tf.dispose(batch as never)
  return { x: x[at], y: y[at], others: y.filter((_, i) => i !== at) }
}

describe('run.correct', () => {
  it('puts a better answer in the place of one, in all fields; undo takes it back', async () => {
    const { run, data } = running()
    const id = data.ids[3]!
    const before = await drawn(run, id)
    run.correct(id, 'four letters', { why: 'wrong' })
    const after = await drawn(run, id)
    expect(after.y).toBe(12)
    expect(after.x).toEqual([before.x![0], 1])
    expect(after.others.toSorted()).toEqual(before.others.toSorted())
    expect(run.adjustments).toEqual([
      { at: 0, what: 'correct', from: String(before.y), to: { id, answer: 'four letters' }, why: 'wrong' },
    ])
    const { rows } = await run.mistakes({ of: 'train', k: 10 })
    // Weights are 0, so the loss is the square of what is expected now.
    expect(rows.find((row) => row.id === id)!.loss).toBeCloseTo(144, 4)
    await run.undo()
    expect((await drawn(run, id)).y).toBe(before.y)
    expect(run.adjustments).toEqual([])
  })

  it('is kept by branches, on disk and by replay', async () => {
    const { run, data, test, model } = running()
    const id = data.ids[3]!
    run.correct(id, 'four letters')
    await run.iterate(2)
    const branch = run.branch('other')
    expect((await drawn(branch as never, id)).y).toBe(12)
    const place = join(folder, 'kept')
    await run.save(place)
    const again = await loadRun(place, { model, data, evaluateOn: test } as never)
    expect((await drawn(again as never, id)).y).toBe(12)
    const other = running({ name: 'replayed' })
    other.run.replay(run.adjustments)
    await other.run.iterate(1)
    expect((await drawn(other.run, other.data.ids[3]!)).y).toBe(12)
  })

  it('has all answers of one example together', async () => {
    const { run, data } = running()
    run.correct(data.ids[0]!, 'one')
    run.correct('by name', 'other')
    run.correct('by name', 'better')
    // The second field counts the answers that the example was corrected with.
    expect(await drawn(run, data.ids[0]!)).toMatchObject({ x: [expect.any(Number), 2], y: 6 })
  })

  it('refuses what is held out, what does not fit, and data without answers', async () => {
    const { run, data, test } = running()
    expect(() => run.correct(test.ids[0]!, 'no')).toThrow(/held out/)
    expect(() => run.correct(data.ids[0]!, ' ')).toThrow(/a better answer, a text/)
    expect(() => run.correct(data.ids[0]!, 'far too long an answer for it')).toThrow(/at most 20/)
    expect(() => run.correct({} as never, 'no')).toThrow(/the id of a row/)
    expect(run.adjustments).toEqual([])
    const plain = train(
      {
        parameters: { w: tf.variable(tf.scalar(0)) },
        loss: ({ x }: { x: tf.Tensor }) => x.mean() as tf.Scalar,
      },
      { data: { x: [1, 2], y: [1, 2] }, batchSize: 1, optimizer: sgd({ learningRate: 0.1 }) } as never,
    )
    expect(() => plain.correct(0, 'no')).toThrow(/run\.relabel/)
  })
})
