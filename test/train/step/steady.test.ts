import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, test } from 'vitest'
import { compile } from '../../../src/backend/index.js'
import { fromArrays, seed, sgd, train } from '../../../src/index.js'
import { maybeCompiled } from '../../../src/train/step/compiled.js'
import { coreOf } from '../../../src/train/run/run.js'
import { silence } from '../../kit/training.js'

let shown: any[] = []
beforeEach(async () => {
  shown = silence().shown
  await tf.setBackend('onnxruntime')
  seed(1)
})

const options = {
  data: { x: new Float32Array(64).fill(1), y: new Float32Array(64) },
  batchSize: 8,
  optimizer: sgd({ learningRate: 1e-9 }),
  save: false,
  seed: 1,
}
const told = () => shown.map((one) => one?.['text/plain']).filter((text) => /cannot be compiled/.test(text))
const reasonOf = (run: ReturnType<typeof train>) => maybeCompiled(coreOf(run)!)!.reason

describe('a loss whose JavaScript goes on between iterations', () => {
  test('one with a counter of its own is not compiled, and the run says once why', async () => {
    const w = tf.variable(tf.scalar(1))
    let count = 0
    const run = train({ parameters: { w }, loss: ({ x }) => x.mul(w).mean().mul(++count) }, options)
    await run.iterate(4)
    await run.iterate(3)
    const seen = run.history.map(({ loss }) => Math.round(loss))
    expect(seen.slice(1).map((loss, i) => loss - seen[i]!)).toEqual([1, 1, 1, 1, 1, 1])
    expect(told()).toHaveLength(1)
    expect(told()[0]).toMatch(/kernel by kernel.*counter.*batch\.iteration/)
  })

  test('batch.iteration counts, goes back with undo, and the run says what it costs', async () => {
    const w = tf.variable(tf.scalar(1))
    const loss = ({ x, iteration }: { x: tf.Tensor; iteration: number }) => x.mul(w).mean().mul(iteration)
    const run = train({ parameters: { w }, loss }, options)
    await run.iterate(3)
    await run.iterate(2)
    await run.undo()
    await run.iterate(2)
    expect(run.history.map((row) => Math.round(row.loss))).toEqual([1, 2, 3, 4, 5])
    expect(told()).toHaveLength(1)
    expect((await run.check()).find(({ check }) => check === 'compiled')).toMatchObject({
      ok: false,
      value: expect.stringMatching(/^no: .*batch\.iteration/),
    })
  })

  test('a variable that the loss assigns to is compiled; among the parameters it goes back with undo, and a branch has its own', async () => {
    const w = tf.variable(tf.scalar(1))
    const share = tf.variable(tf.scalar(0), false)
    const loss = ({ x, training }: { x: tf.Tensor; training?: boolean }) => {
      if (training) share.assign(share.add(0.25) as tf.Scalar)
      return x.mul(w).mean().mul(share)
    }
    const run = train({ parameters: { w, share }, loss }, { ...options, evaluateOn: options.data })
    await run.iterate(2)
    const other = run.branch('other')
    await run.iterate(2)
    expect(share.dataSync()[0]).toBe(1)
    await run.undo()
    expect(share.dataSync()[0]).toBe(0.5)
    await other.iterate(1)
    expect(other.history.at(-1)!.loss).toBeCloseTo(0.75)
    expect(share.dataSync()[0]).toBe(0.5)
    await run.evaluate()
    expect(share.dataSync()[0]).toBe(0.5)
    expect([run.parameters, reasonOf(run), told()]).toEqual([['w'], undefined, []])
  })

  test('one that uses what a cell has changed in between is compiled', async () => {
    const w = tf.variable(tf.scalar(1))
    let factor = 1
    const run = train({ parameters: { w }, loss: ({ x }) => x.mul(w).mean().mul(factor) }, options)
    await run.iterate(2)
    factor = 5
    await run.iterate(2)
    expect(run.history.map((row) => Math.round(row.loss))).toEqual([1, 1, 5, 5])
    expect([reasonOf(run), told()]).toEqual([undefined, []])
    expect((await run.check()).find(({ check }) => check === 'compiled')).toMatchObject({
      ok: true,
      value: 'yes',
    })
  })
})

test('compile with steady refuses a function that counts its calls, before it is run', () => {
  let count = 0
  const step = compile((x: tf.Tensor) => x.mul(++count), { steady: true })
  expect(() => step(tf.tensor1d([1, 2]))).toThrow(/counter/)
  const plain = compile((x: tf.Tensor) => x.mul(2), { steady: true })
  expect([...plain(tf.tensor1d([1, 2])).dataSync(), plain.recordings]).toEqual([2, 4, 1])
})

describe('examples that are changed at random as they are drawn', () => {
  const flipped = () => {
    const base = fromArrays({ x: Float32Array.from({ length: 160 }, (_, i) => i) }, { shape: [5] })
    const drawn: number[][] = []
    const at = (positions: ArrayLike<number>) => {
      const { x, ...rest } = base.at(positions)
      const moved = x.add(tf.randomUniform([1])).add(Math.random())
      drawn.push(Array.from(moved.dataSync().slice(0, 2)))
      return { ...rest, x: moved }
    }
    return { data: { ...base, at }, drawn }
  }

  test('are the same after undo, and others in each iteration', async () => {
    const w = tf.variable(tf.scalar(1))
    const { data, drawn } = flipped()
    const run = train({ parameters: { w }, loss: ({ x }) => x.mul(w).mean() }, { ...options, data })
    await run.iterate(3)
    await run.undo()
    await run.iterate(3)
    expect(drawn.slice(3)).toEqual(drawn.slice(0, 3))
    expect(new Set(drawn.map(([first]) => first! % 1)).size).toBe(3)
  })
})
