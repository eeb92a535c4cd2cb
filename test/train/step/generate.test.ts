import * as tf from '@tensorflow/tfjs'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { adam, generate, hardest, loadRun, sgd, train, type Batch, type BatchOf } from '../../../src/index.js'
import { useSilence } from '../../kit/training.js'

useSilence()

/** Points of y = 3 x + 1, as many as the iteration says. */
const points = (rows: (iteration: number) => number = () => 16) =>
  generate(({ iteration, random }) => {
    const x = Float32Array.from({ length: rows(iteration) }, () => random.normal())
    return { x, y: x.map((one) => 3 * one + 1), mark: x.map(() => iteration) }
  })

const own = () => {
  const w = tf.variable(tf.scalar(0))
  const b = tf.variable(tf.scalar(0))
  return {
    parameters: { w, b },
    loss: ({ x, y }: Batch) => {
      const perExample = x.mul(w).add(b).sub(y).square()
      return { loss: perExample.mean(), perExample }
    },
  }
}
const losses = (run: { history: readonly { loss: number }[] }) => run.history.map(({ loss }) => loss)

describe('data that is made while training', () => {
  test('a line is learnt from batches that are made for their iterations, and the fields have types', async () => {
    const model = own()
    const data = points()
    expectTypeOf<BatchOf<typeof data>['mark']>().toEqualTypeOf<tf.Tensor>()
    const run = train(model, { data, optimizer: adam({ learningRate: 0.1 }), seed: 1, save: false })
    await run.iterate(200)
    expect(model.parameters.w.dataSync()[0]).toBeCloseTo(3, 2)
    expect(model.parameters.b.dataSync()[0]).toBeCloseTo(1, 2)
    expect(run.batchSize).toBe(16)
  })

  test('the same batches come after undo, in a branch and in a run of the same seed; another seed has others', async () => {
    const options = { data: points(), optimizer: sgd({ learningRate: 0.05 }), save: false }
    const straight = train(own(), { ...options, seed: 3 })
    await straight.iterate(20)
    const run = train(own(), { ...options, seed: 3 })
    await run.iterate(8)
    await run.iterate(5)
    await run.undo()
    const other = run.branch('other')
    await other.iterate(12)
    await run.iterate(12)
    expect(losses(run)).toEqual(losses(straight))
    expect(losses(other)).toEqual(losses(straight))
    const elsewhere = train(own(), { ...options, seed: 4 })
    await elsewhere.iterate(20)
    expect(losses(elsewhere)).not.toEqual(losses(straight))
  })

  test('a run of made data is taken up from disk to the bit', async () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'gradbook-')), 'made')
    const options = { data: points(), optimizer: adam({ learningRate: 0.05 }), save: false }
    const straight = train(own(), { ...options, seed: 5 })
    await straight.iterate(12)
    const run = train(own(), { ...options, seed: 5 })
    await run.iterate(6)
    await run.save(folder)
    const again = await loadRun(folder, { model: own(), data: points(), save: false })
    await again.iterate(6)
    expect(losses(again)).toEqual(losses(straight))
  })

  test('the function reads the values that the run has now, in a branch the branch’s', async () => {
    const model = own()
    const seen: number[] = []
    const data = generate(async ({ model: given }: { model: ReturnType<typeof own> }) => {
      await Promise.resolve()
      // By closure and through what is given.
      expect(given.parameters.w.dataSync()).toEqual(model.parameters.w.dataSync())
      seen.push(model.parameters.w.dataSync()[0]!)
      return { x: tf.ones([4]), y: tf.fill([4], 2) }
    })
    const run = train(model, { data, optimizer: sgd({ learningRate: 0.1 }), seed: 1, save: false })
    await run.iterate(1)
    const after = model.parameters.w.dataSync()[0]!
    const branch = run.branch('branch')
    await branch.iterate(2)
    await run.iterate(1)
    expect(seen[0]).toBe(0)
    expect(seen[1]).toBe(after)
    expect(seen[2]).toBe(branch.model.parameters.w.dataSync().length && seen[2])
    expect(seen[2]).not.toBe(after)
    // The branch's two iterations left the run where it was.
    expect(seen[3]).toBe(after)
  })

  test('batches may differ in size, and their tensors end', async () => {
    const run = train(own(), {
      data: points((iteration) => 3 + (iteration % 3)),
      optimizer: sgd({ learningRate: 0.01 }),
      seed: 1,
      save: false,
    })
    await run.iterate(6)
    expect(run.batchSize).toBe(3)
    const before = tf.memory().numTensors
    await run.iterate(9)
    expect(tf.memory().numTensors).toBe(before)
    const batch = await run.nextBatch()
    expect(batch.x.shape).toEqual([4])
    await run.apply((await run.gradients(batch)).gradients)
    expect(run.iteration).toBe(16)
    tf.dispose(batch)
    const one = await run.iterate(1, { inspect: true })
    expect(one.losses.length).toBe(5)
    one.dispose()
    expect((await run.check()).map(({ check }) => check)).toContain('loss on 3 examples after 100 iterations')
    expect(run.iteration).toBe(17)
    expect((await run.findLearningRate({ iterations: 30 })).rows.length).toBeGreaterThan(10)
  })

  test('a model of layers is trained on it, by its own shapes', async () => {
    const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [1], units: 1 })] })
    const options = {
      loss: 'meanSquaredError',
      optimizer: adam({ learningRate: 0.1 }),
      seed: 1,
      save: false,
    } as const
    const pairs = generate(({ random }) => {
      const x = Array.from({ length: 16 }, () => [random.normal()])
      return { x, y: x.map(([one]) => [2 * one!]) }
    })
    const run = train(model, {
      data: pairs,
      ...options,
      evaluateOn: await pairs.fixed({ batches: 2, seed: 9 }),
    })
    await run.iterate(200)
    expect(run.evaluations).toHaveLength(2)
    expect(run.evaluations[1]!.loss).toBeLessThan(0.01)
    expect((await run.mistakes({ k: 3 })).rows).toHaveLength(3)
    const wrong = train(model, {
      data: generate(() => ({ x: tf.ones([4, 2]), y: tf.ones([4, 1]) })),
      ...options,
    })
    await expect(wrong.iterate(1)).rejects.toThrow(/x of shape \[2\]/)
  })

  test('an own iteration has made batches, or none, and randomness of its own', async () => {
    const drawn: number[][] = []
    const make = () => {
      const w = tf.variable(tf.scalar(0))
      return {
        parameters: { w },
        optimizers: { w: sgd({ learningRate: 0.1 }) },
        iteration(batch: Batch, { optimizers, random, iteration }: any) {
          drawn.push([iteration, random.next(), batch.x.size])
          return { loss: optimizers.w.minimize(() => w.sub(random.normal()).square()) }
        },
      }
    }
    const run = train(make(), { seed: 1, save: false })
    await run.iterate(3)
    await run.iterate(2)
    await run.undo()
    await run.iterate(2)
    expect(drawn.slice(5)).toEqual(drawn.slice(3, 5))
    expect(drawn[0]![1]).not.toBe(drawn[1]![1])
    expect(drawn[0]![2]).toBe(0)
    const made = train(make(), { data: points(), seed: 1, save: false })
    await made.iterate(1)
    expect(drawn.at(-1)![2]).toBe(16)
    expect(drawn.at(-1)![1]).toBe(drawn[0]![1])
  })

  test('it is compiled, with the same numbers as kernel by kernel', async () => {
    const trained = async (backend: string) => {
      await tf.setBackend(backend)
      const run = train(own(), {
        data: points(),
        optimizer: adam({ learningRate: 0.05 }),
        seed: 2,
        save: false,
      })
      await run.iterate(30)
      return losses(run)
    }
    const plain = await trained('cpu')
    const compiled = await trained('onnxruntime')
    await tf.setBackend('cpu')
    // Sums of 16 float32 numbers in another order.
    for (const [i, loss] of compiled.entries()) expect(loss / plain[i]!).toBeCloseTo(1, 5)
  })

  test('what needs examples that stay is refused, with what to do instead', async () => {
    const run = train(own(), { data: points(), optimizer: sgd({ learningRate: 0.1 }), seed: 1, save: false })
    await run.iterate(1)
    await expect(run.epochs(1)).rejects.toThrow(/run\.iterate\(n\)/)
    expect(() => run.exclude([0])).toThrow(/made for its iteration/)
    expect(() => run.reweight([0], 2)).toThrow(/made for its iteration/)
    expect(() => run.set({ batchSize: 4 })).toThrow(/in the function of generate/)
    await expect(run.mistakes({ of: 'train' })).rejects.toThrow(/evaluateOn: await source\.fixed/)
    await expect(run.rounds(1, { iterations: 1, subset: hardest(0.5) })).rejects.toThrow(
      /made for its iteration/,
    )
    await run.rounds(1, { iterations: 2 })
    expect(run.iteration).toBe(3)
    const options = { optimizer: sgd({ learningRate: 0.1 }), save: false }
    expect(() => train(own(), { data: points(), batchSize: 8, ...options })).toThrow(/Leave batchSize out/)
    expect(() => train(own(), { data: points(), evaluateOn: points() as never, ...options })).toThrow(
      /source\.fixed/,
    )
    expect(() => train(own(), options as never)).toThrow(/generate\(/)
  })

  test('what the function gives is looked at, and an iteration that fails changes nothing', async () => {
    const at = async (make: () => unknown) => {
      const run = train(own(), {
        data: generate(make as never) as ReturnType<typeof points>,
        optimizer: sgd({ learningRate: 0.1 }),
        seed: 1,
        save: false,
      })
      await expect(run.iterate(2)).rejects.toThrow()
      return run.iterate(1).then(
        () => '',
        (error: Error) => error.message,
      )
    }
    expect(await at(() => tf.ones([2]))).toMatch(/by name/)
    expect(await at(() => ({ x: tf.ones([2]), y: tf.ones([3]) }))).toMatch(
      /2 examples in x and 3 examples in y/,
    )
    expect(await at(() => ({ x: tf.scalar(1) }))).toMatch(/tf\.fill/)
    const kept = tf.ones([2])
    expect(await at(() => ({ x: kept, y: kept }))).toMatch(/constant\.clone\(\)/)
    let calls = 0
    expect(
      await at(() => ({ x: calls++ ? new Int32Array(2) : new Float32Array(2), y: tf.ones([2]) })),
    ).toMatch(/Int32Array|int32/)
    const changed = own()
    const run = train(changed, {
      data: generate(() => {
        changed.parameters.w.assign(tf.scalar(5))
        return { x: tf.ones([2]), y: tf.ones([2]) }
      }),
      optimizer: sgd({ learningRate: 0.1 }),
      save: false,
    })
    await expect(run.iterate(1)).rejects.toThrow(/leaves the parameters as they are/)
    expect(changed.parameters.w.dataSync()[0]).toBe(0)
  })

  test('a batch that is not finite stops the run before it', async () => {
    const run = train(own(), {
      data: generate(({ iteration }) => ({
        x: new Float32Array([1, iteration === 3 ? NaN : 2]),
        y: new Float32Array(2),
      })),
      optimizer: sgd({ learningRate: 0.1 }),
      seed: 1,
      save: false,
    })
    await run.iterate(5)
    expect(run.iteration).toBe(2)
    expect(run.stopReason).toMatchObject({ kind: 'notFinite', notFinite: { examples: [1] } })
    expect(run.stopReason!.message).not.toMatch(/exclude/)
  })
})
