import * as tf from '@tensorflow/tfjs'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { generate, loadRun, replayBuffer, sgd, train, type Batch } from '../../../src/index.js'
import { useSilence } from '../../kit/training.js'
import { dqn } from './dqn.js'

useSilence()

/** Of a run all that came out of it, without times. */
const told = (run: { history: readonly { milliseconds: number }[] }) =>
  run.history.map(({ milliseconds: _, ...row }) => row)
const valuesOf = (model: ReturnType<typeof dqn>) => Array.from(model.parameters.q.dataSync())
const options = { seed: 1, save: false } as const

describe.each(['tools', 'closure'] as const)('state beside the parameters, by %s', (through) => {
  test('DQN with a replay buffer learns the way, and goes back and on to the bit', async () => {
    const model = dqn(through)
    const straight = train(dqn(through), options)
    await straight.iterate(200)
    const run = train(model, options)
    await run.iterate(120)
    const here = {
      values: valuesOf(model),
      state: JSON.stringify(model.state.episode),
      length: model.state.buffer.length,
    }
    await run.iterate(30)
    expect(valuesOf(model)).not.toEqual(here.values)
    await run.undo()
    expect({
      values: valuesOf(model),
      state: JSON.stringify(model.state.episode),
      length: model.state.buffer.length,
    }).toEqual(here)
    await run.iterate(80)
    expect(told(run)).toEqual(told(straight))
    // The shortest way is 7 steps: 1 - 6 * 0.02. One step in 20 is at random.
    const { last } = model.state.episode
    expect(last.reduce((sum, one) => sum + one, 0) / last.length).toBeGreaterThan(0.75)
  })

  test('a branch has a buffer and an environment of its own', async () => {
    const straight = train(dqn(through), options)
    await straight.iterate(60)
    const run = train(dqn(through), options)
    await run.iterate(40)
    const branch = run.branch('branch')
    await branch.iterate(15)
    await run.iterate(20)
    await branch.iterate(5)
    expect(told(run)).toEqual(told(straight))
    expect(told(branch)).toEqual(told(straight))
    expect(branch.model.state.buffer).not.toBe(run.model.state.buffer)
    expect(branch.model.state.episode).toEqual(run.model.state.episode)
    expect(branch.model.state.buffer.length).toBe(run.model.state.buffer.length)
    // Of a branch of the branch too.
    const second = branch.branch('second')
    await second.iterate(5)
    await branch.iterate(5)
    expect(told(second)).toEqual(told(branch))
  })

  test('it is taken up from disk to the bit, and points on disk have it', async () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'gradbook-')), 'dqn')
    const straight = train(dqn(through), options)
    await straight.iterate(70)
    const run = train(dqn(through), options)
    await run.iterate(30)
    run.keep('early')
    await run.iterate(20)
    await run.save(folder)
    const again = await loadRun(folder, { model: dqn(through), save: false })
    expect(again.model.state.buffer.length).toBe(200)
    await again.iterate(20)
    expect(told(again)).toEqual(told(straight))
    await again.goTo('early')
    expect(again.model.state.buffer.length).toBe(120)
    await again.iterate(40)
    expect(told(again)).toEqual(told(straight))
  })
})

describe('an iteration that fails', () => {
  const failing = (fails: (iteration: number) => boolean) => {
    const w = tf.variable(tf.scalar(1))
    return {
      parameters: { w },
      optimizers: { w: sgd({ learningRate: 0.1 }) },
      state: { count: 0, buffer: replayBuffer({ capacity: 10 }), last: tf.scalar(0) as tf.Tensor },
      async iteration(_: Batch, { optimizers, state, iteration }: any) {
        state.count++
        state.buffer.push({ made: iteration })
        state.last = tf.scalar(iteration)
        await Promise.resolve()
        const loss = optimizers.w.minimize(() => w.square())
        if (fails(iteration)) throw new Error('no')
        return { loss: iteration === 6 ? NaN : loss }
      },
    }
  }

  test('takes its state back, and tensors of the state do not gather', async () => {
    let broken = true
    const model = failing((iteration) => broken && iteration === 4)
    const run = train(model, options)
    await expect(run.iterate(10)).rejects.toThrow('no')
    expect([model.state.count, model.state.buffer.length, model.state.last.dataSync()[0]]).toEqual([3, 3, 3])
    broken = false
    const { numTensors } = tf.memory()
    await run.iterate(10)
    expect(run.stopReason).toMatchObject({ kind: 'notFinite' })
    expect([model.state.count, model.state.buffer.length, model.state.last.dataSync()[0]]).toEqual([5, 5, 5])
    expect(tf.memory().numTensors).toBe(numTensors)
    await run.undo()
    expect([model.state.count, model.state.last.dataSync()[0]]).toEqual([3, 3])
  })
})

describe('state and made batches', () => {
  const walking = () => {
    const w = tf.variable(tf.scalar(0))
    return {
      parameters: { w },
      state: { buffer: replayBuffer({ capacity: 50 }), walked: 0 },
      loss: ({ x, y }: Batch) => x.mul(w).sub(y).square().mean(),
    }
  }
  type Walking = ReturnType<typeof walking>
  const data = generate(
    ({
      state,
      random,
    }: { state: Walking['state']; random: { next(): number; integer(n: number): number } } & any) => {
      state.walked += random.next()
      state.buffer.push({ x: random.next(), y: state.walked })
      return state.buffer.sample(random, Math.min(8, state.buffer.length))
    },
  )

  test('the function of generate may change the state, which goes with the iteration', async () => {
    const straight = train(walking(), { data, optimizer: sgd({ learningRate: 0.05 }), ...options })
    await straight.iterate(20)
    const model = walking()
    const run = train(model, { data, optimizer: sgd({ learningRate: 0.05 }), ...options })
    await run.iterate(8)
    // A look draws nothing.
    await run.check()
    await run.findLearningRate({ iterations: 20 })
    expect(model.state.buffer.length).toBe(8)
    await run.iterate(3)
    await run.undo()
    expect(model.state.buffer.length).toBe(8)
    const batch = await run.nextBatch()
    const { gradients } = await run.gradients(batch)
    await run.apply(gradients)
    tf.dispose([batch, gradients])
    expect(model.state.buffer.length).toBe(9)
    await run.undo()
    expect(model.state.buffer.length).toBe(8)
    const one = await run.iterate(1, { inspect: true })
    one.dispose()
    const branch = run.branch('branch')
    await branch.iterate(11)
    await run.iterate(11)
    const losses = (some: typeof run) => some.history.map(({ loss }) => loss)
    expect(losses(run)).toEqual(losses(straight))
    expect(losses(branch)).toEqual(losses(straight))
  })

  test('a model without the state that was saved is told', async () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'gradbook-')), 'walk')
    const run = train(walking(), { data, optimizer: sgd({ learningRate: 0.05 }), ...options })
    await run.iterate(3)
    await run.save(folder)
    const { state: _, ...without } = walking()
    await expect(loadRun(folder, { model: without, data, save: false })).rejects.toThrow(/state/)
    const small = { ...walking(), state: { buffer: replayBuffer({ capacity: 5 }), walked: 0 } }
    await expect(loadRun(folder, { model: small, data, save: false })).rejects.toThrow(/capacity 50/)
  })
})
