/** What a run leaves behind: no tensor of what failed, no column of another line. */
import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, test } from 'vitest'
import '../../../src/backend/index.js'
import { adam, InputError, sgd, train } from '../../../src/index.js'
import { useSilence } from '../../kit/training.js'

useSilence()

const x = tf.tensor2d([1, 0, 2, 1, -1, 0, 0.5, 3], [4, 2])
const y = tf.tensor2d([1, 2, -1, 0.5], [4, 1])

/** A model whose loss throws while `broken`, after some of its operations. */
function breakable() {
  const w = tf.variable(tf.tensor2d([0.5, 0.5], [2, 1]))
  const state = { broken: false }
  const loss = (batch: { x: tf.Tensor; y: tf.Tensor }) => {
    const perExample = (batch.x as tf.Tensor2D).matMul(w).sub(batch.y).square().mean(1)
    if (state.broken) throw new Error('broken')
    return { loss: perExample.mean(), perExample }
  }
  const predict = (given: tf.Tensor) => (given as tf.Tensor2D).matMul(w)
  const run = train(
    { parameters: { w }, loss, predict },
    { data: { x, y }, evaluateOn: { x, y }, batchSize: 2, ema: 0.9, optimizer: adam({ learningRate: 0.1 }), save: false, progress: false },
  ) // oxfmt-ignore
  return { run, state }
}

describe.each(['cpu', 'onnxruntime'])('on %s', (backend) => {
  beforeEach(async () => void (await tf.setBackend(backend)))

  const calls: { [name: string]: (run: ReturnType<typeof breakable>['run']) => Promise<unknown> } = {
    findLearningRate: (run) => run.findLearningRate({ iterations: 20 }),
    check: (run) => run.check(),
    iterate: (run) => run.iterate(2),
    inspect: (run) => run.iterate(1, { inspect: true }),
    evaluate: (run) => run.evaluate(),
    'evaluate with averages': (run) => run.evaluate({ ema: true }),
  }

  test.each(Object.keys(calls))(
    '%s of a loss that throws leaves no tensor, nor does it otherwise',
    async (name) => {
      const { run, state } = breakable()
      const call = calls[name]!
      const work = async () => {
        const made = (await call(run).catch((error: Error) => error)) as { dispose?: () => void }
        made.dispose?.()
        return made
      }
      await run.iterate(3)
      await work()
      for (const broken of [true, false]) {
        state.broken = broken
        if (broken) await work()
        const before = tf.memory().numTensors
        for (let i = 0; i < 3; i++) expect((await work()) instanceof Error).toBe(broken)
        expect(tf.memory().numTensors - before).toBe(0)
      }
      const { state: engine } = tf.engine() as unknown as {
        state: { activeTape: unknown; scopeStack: unknown[] }
      }
      expect([engine.activeTape, engine.scopeStack.length]).toEqual([null, 0])
    },
  )

  test('a gradient whose function throws leaves nothing of its tape', () => {
    const before = tf.memory().numTensors
    const bad = tf.grad((given: tf.Tensor) => {
      given.square().mul(given).exp()
      throw new Error('no')
    })
    for (let i = 0; i < 3; i++) expect(() => bad(x)).toThrow('no')
    expect(tf.memory().numTensors - before).toBe(0)
  })
})

test('goTo brings the columns of the line that it goes to, and no other', async () => {
  await tf.setBackend('cpu')
  const w = tf.variable(tf.scalar(1))
  let more: { [name: string]: number } = {}
  const run = train(
    {
      parameters: { w },
      optimizers: { w: sgd({ learningRate: 0.1 }) },
      iteration: (_, { optimizers }) => ({ loss: optimizers.w!.minimize(() => w.square()), ...more }),
    },
    { data: { x: Float32Array.of(1) }, save: false, progress: false },
  )
  const rows = () => run.history.map(({ milliseconds: _, ...row }) => row)
  await run.iterate(2)
  run.keep('plain')
  more = { red: 1 }
  await run.iterate(2)
  run.keep('red')
  const red = rows()
  await run.goTo('plain')
  const plain = rows()
  expect(plain.some((row) => 'red' in row)).toBe(false)
  more = { blue: 2 }
  await run.iterate(3)
  const blue = rows()
  await run.goTo('red')
  expect(rows()).toEqual(red)
  await run.undo()
  expect(rows()).toEqual(blue)
  await run.goTo('plain')
  expect(rows()).toEqual(plain)
  more = {}
  await run.iterate(3)
  expect(rows().some((row) => 'red' in row || 'blue' in row)).toBe(false)
})

describe('evaluate(first) tells data from options by what it is', () => {
  const run = () => breakable().run
  test.each<[string, unknown, boolean]>([
    ['arrays beside another field', { x, y, ema: y }, true],
    [
      'records with a column of that name',
      Array.from({ length: 4 }, (_, i) => ({ x: [i, 1], y: [i], ema: i })),
      true,
    ],
    ['options', { ema: true }, true],
    ['options that say no', { ema: false }, true],
    ['no options', {}, true],
    ['data as an option', { data: { x, y } }, true],
    ['data as an option, with averages that there are', { data: { x, y }, ema: true }, true],
    ['data as an option that is none', { data: 3 }, false],
    ['a word in place of yes', { ema: 'yes' }, false],
    ['an option that there is not', { ema: true, metric: 'loss' }, false],
    ['data under other names', { inputs: x, labels: y }, false],
  ])('%s', async (_, first, works) => {
    await tf.setBackend('cpu')
    const given = run().evaluate(first as never)
    if (works) expect((await given).loss).toBeGreaterThan(0)
    else await expect(given).rejects.toBeInstanceOf(InputError)
  })
})
