import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, it } from 'vitest'
import { plateau, sgd, targetReached, train } from '../../../src/index.js'
import { blobs, classifier, line, silence, usual, weightsOf } from '../../kit/training.js'

let shown: unknown[]
beforeEach(() => {
  shown = silence().shown
})

describe('a model that was compiled', () => {
  const data = () => ({ x: blobs().x, y: tf.oneHot(tf.tensor1d(blobs().y, 'int32'), 2) })
  const seeded = () => {
    const kernelInitializer = tf.initializers.glorotUniform({ seed: 3 })
    return tf.sequential({
      layers: [tf.layers.dense({ units: 2, inputShape: [2], activation: 'softmax', kernelInitializer })],
    })
  }

  for (const [name, optimizer] of Object.entries({
    sgd: () => tf.train.sgd(0.1),
    momentum: () => tf.train.momentum(0.1, 0.9, true),
    adam: () => tf.train.adam(0.05, 0.8, 0.99),
  }))
    it(`needs no second loss, optimizer or metrics: with ${name} the weights are tfjs’s, to 1e-5`, async () => {
      const [ours, theirs] = [seeded(), seeded()]
      for (const one of [ours, theirs])
        one.compile({ optimizer: optimizer(), loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
      const run = train(ours, { data: data(), evaluateOn: data(), batchSize: 40, save: false })
      await run.iterate(6)
      const { x, y } = data()
      await theirs.fit(x, y, { epochs: 6, batchSize: 40, shuffle: false, verbose: 0 })
      for (const [i, values] of weightsOf(ours).entries())
        for (const [j, value] of values.entries()) expect(value).toBeCloseTo(weightsOf(theirs)[i]![j]!, 5)
      expect(Object.keys(await run.evaluate())).toContain('accuracy')
      expect(JSON.stringify(shown)).toMatch(
        /Of model\.compile: the loss categoricalCrossentropy, the optimizer/,
      )
    })

  it('is told what train cannot translate, and what train is given goes before it', async () => {
    const compiled = (args: object) => {
      const one = seeded()
      one.compile({ optimizer: tf.train.sgd(0.1), loss: 'categoricalCrossentropy', ...args } as never)
      return one
    }
    const start = (args: object, more: object = {}) =>
      train(compiled(args), { data: data(), save: false, ...more })
    expect(() => start({ optimizer: tf.train.rmsprop(0.1) })).toThrow(
      /RMSProp: tfjs adds epsilon within the root/,
    )
    expect(() => start({ optimizer: 'adamax' })).toThrow(/optimizer Adamax/)
    expect(() => start({ loss: 'cosineProximity' })).toThrow(/the loss 'cosineProximity'/)
    expect(() => start({ metrics: ['precision'] })).toThrow(/the metric 'precision'/)
    const run = start({ optimizer: 'rmsprop' }, { optimizer: sgd({ learningRate: 0.5 }) })
    expect(run.learningRate).toBe(0.5)
    expect(() => train(seeded(), { data: data(), save: false })).toThrow(/the name of a loss/)
  })
})

describe('functions that are called while a run trains', () => {
  it('get each row, may steer, and are waited for', async () => {
    const rows: number[] = []
    const evaluated: number[] = []
    let under = 0
    const run = train(classifier(), {
      ...usual(),
      evaluateEvery: 4,
      save: false,
      onIteration: async ({ iteration, loss }, run) => {
        expect(++under).toBe(1)
        await new Promise((resolve) => setTimeout(resolve, 1))
        under--
        expect(loss).toBeGreaterThan(0)
        rows.push(iteration)
        if (iteration === 3) run.set({ learningRate: 0.001 }, { why: 'enough' })
      },
      onEvaluation: ({ iteration, accuracy }) => {
        expect(accuracy).toBeGreaterThanOrEqual(0)
        evaluated.push(iteration)
      },
    })
    await run.iterate(8)
    expect(rows).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect(evaluated).toEqual([4, 8])
    expect(run.history.map(({ learningRate }) => learningRate).slice(2, 5)).toEqual([0.02, 0.001, 0.001])
    expect(run.adjustments).toMatchObject([{ at: 3, what: 'learningRate', why: 'enough' }])
  })

  it('end the call by what they throw, at a whole iteration', async () => {
    const run = train(classifier(), {
      ...usual(),
      save: false,
      onIteration: ({ iteration }) => {
        if (iteration === 2) throw new Error('seen enough')
      },
    })
    await expect(run.iterate(5)).rejects.toThrow('seen enough')
    expect(run.iteration).toBe(2)
    await run.iterate(1)
    expect(run.iteration).toBe(3)
    expect(() => train(classifier(), { ...usual(), onIteration: 3 as never })).toThrow(/a function/)
  })
})

describe('rules about what the history has', () => {
  const start = (more: object = {}) => {
    const w = tf.variable(tf.scalar(0))
    return train(
      {
        parameters: { w },
        loss: ({ x, y }) => {
          const squares = x.mul(w).add(1).sub(y).square().mean()
          return { loss: squares, kl: squares.mul(2) }
        },
      },
      { data: line(), optimizer: sgd({ learningRate: 0.3 }), batchSize: 4, seed: 1, save: false, ...more },
    )
  }

  it('need no evaluateOn, and look at the means of as many iterations as lie between evaluations', async () => {
    const run = start()
    await run.until(targetReached('kl', 0.01), { atMost: 600 })
    expect(run.stopReason?.kind).toBe('target')
    expect(run.iteration % 3).toBe(0)
    const last = run.history.slice(-3).reduce((sum, { kl }) => sum + kl, 0) / 3
    expect(last).toBeLessThanOrEqual(0.01)
    const before = run.history.slice(-6, -3).reduce((sum, { kl }) => sum + kl, 0) / 3
    expect(before).toBeGreaterThan(0.01)
    await run.until(plateau({ patience: 3, atLeast: 10 }), { atMost: 60 })
    expect(run.stopReason).toMatchObject({ kind: 'plateau' })
    await run.until(targetReached('gradientNorm', 1e-3), { atMost: 900 })
    expect(run.stopReason?.kind).toBe('target')
  })

  it('are refused where neither has it', async () => {
    await expect(start().until(targetReached('accuracy', 1), { atMost: 5 })).rejects.toThrow(
      /'accuracy', which the history/,
    )
    await expect(start().until(targetReached('lk', 1), { atMost: 5 })).rejects.toThrow(
      /'lk', which the history/,
    )
  })
})

describe('metrics of a model that predicts nothing', () => {
  it('are refused at its first batch, before anything is trained', async () => {
    for (const backend of ['cpu', 'onnxruntime']) {
      await tf.setBackend(backend)
      const w = tf.variable(tf.scalar(0))
      const run = train(
        { parameters: { w }, loss: ({ x, y }) => x.mul(w).sub(y).square().mean() },
        {
          data: line(),
          evaluateOn: line(),
          metrics: ['meanAbsoluteError'],
          optimizer: sgd({ learningRate: 1 }),
          save: false,
        },
      )
      await expect(run.iterate(3)).rejects.toThrow(/meanAbsoluteError.*predict: \(x\)/s)
      expect(run.iteration).toBe(0)
    }
  })
})
