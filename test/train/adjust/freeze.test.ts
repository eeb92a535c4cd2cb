import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adamw, fromArrays, loadRun, sgd, train } from '../../../src/index.js'
import { backendStatistics, setBackendOptions } from '../../../src/backend/index.js'
import { coreOf, type Run } from '../../../src/train/run/run.js'
import { kinds, losses } from '../disk/fixtures/kinds.mjs'
import { silence } from '../../kit/training.js'
import { temporaryFolder } from '../../kit/files.js'

const folder = temporaryFolder()
beforeAll(async () => {
  silence()
  await tf.setBackend('onnxruntime')
  setBackendOptions({ minimumSize: 0 }) // uncompiled kernels of few elements would round as the host does
})
afterAll(async () => {
  setBackendOptions({ minimumSize: 4000 })
  await tf.setBackend('cpu')
})

/** The same loss as an expression that can be recorded, and as one that cannot. */
const recorded = (y: tf.Tensor, chances: tf.Tensor) =>
  chances.mul(tf.oneHot(y.flatten().toInt(), 2)).sum(1).maximum(1e-7).log().neg()

function createRun(kind: keyof typeof kinds, more: object = {}, seed = 1) {
  const { model, data } = kinds[kind]()
  for (const [at, weight] of model.getWeights().entries())
    if (weight.rank > 1) {
      const drawn = tf.randomUniform(weight.shape, -0.4, 0.4, 'float32', seed * 100 + at)
      ;(model.weights[at]!.read() as tf.Variable).assign(drawn)
    }
  return train(model, {
    data,
    batchSize: 8,
    seed: 1,
    loss: recorded,
    optimizer: adamw({ learningRate: 1e-2, weightDecay: 0.1 }),
    clipNorm: 0.5,
    ...more,
  }) as Run
}

/** All that a run holds: parameters, moving averages, slots, history. */
const stateOf = (run: Run) => {
  const { trainee, slots } = coreOf(run)!
  const values = (variable: tf.Variable) => Array.from(variable.dataSync())
  return {
    parameters: [...trainee.parameters, ...trainee.state].map(({ name, variable }) => [
      name,
      values(variable),
    ]),
    slots: [...slots].map(([name, entry]) => [name, Object.values(entry).map(values)]).sort(),
    rows: run.history.map(({ loss, gradientNorm }) => [loss, gradientNorm]),
  }
}

const isBias = ([name]: unknown[]) => (name as string).endsWith('bias')

/** Freezes some, others, all but one, none. */
const freezings: (RegExp | null)[] = [/^dense(_1)?\//, /bias|beta/, /^(?!dense)/, null, /kernel/]

async function train3(run: Run, each: (freeze: RegExp | null) => void = () => {}) {
  await run.iterate(3)
  for (const freeze of freezings) {
    run.set({ freeze })
    await run.iterate(3)
    each(freeze)
  }
  return stateOf(run)
}

describe('frozen parameters', () => {
  const beside = { accumulate: 2, ema: 0.9, clipValue: 0.02 }
  for (const [name, kind, more] of [
    ['mlp', 'mlp', {}],
    ['mlp with sums and averages', 'mlp', beside],
    ['recurrent', 'recurrent', {}],
  ] as const)
    it(`${name}: change without another graph, and give the bits of the uncompiled iteration`, async () => {
      const uncompiled = await train3(createRun(kind, { ...more, loss: losses.lazy }))
      const run = createRun(kind, more)
      await run.iterate(4)
      await run.undo()
      backendStatistics()
      let sessions = 0
      const compiled = await train3(run, () => (sessions += backendStatistics().sessions))
      expect(run.iteration).toBe(18)
      expect(compiled).toEqual(uncompiled)
      expect(sessions).toBe(0)
    })

  it('stay to the bit, their slots and averages too, also where others share an array with them', async () => {
    const run = createRun('mlp', { ema: 0.9 })
    await run.iterate(3)
    const before = stateOf(run)
    run.set({ freeze: /bias$/ })
    await run.iterate(4)
    const after = stateOf(run)
    for (const part of ['parameters', 'slots'] as const) {
      expect(after[part].filter(isBias).length).toBeGreaterThan(1)
      expect(after[part].filter(isBias)).toEqual(before[part].filter(isBias))
      expect(after[part]).not.toEqual(before[part])
    }
  })

  it('are those of a graph without them: a run that is taken up elsewhere, and one that is undone, come to the same bits', async () => {
    const run = createRun('mlp', { name: 'frozen' })
    await run.iterate(3)
    run.set({ freeze: /^dense_1/ })
    await run.iterate(3)
    await run.save(join(folder, 'run'))
    await run.iterate(3)
    const straight = stateOf(run)
    await run.undo()
    await run.iterate(3)
    expect(stateOf(run)).toEqual(straight)
    const { model, data } = kinds.mlp()
    const again = await loadRun(join(folder, 'run'), { model, data, loss: recorded })
    await again.iterate(3)
    expect(stateOf(again)).toEqual(straight)
    for (const one of [run, again]) {
      one.set({ freeze: null })
      await one.iterate(3)
    }
    expect(stateOf(again)).toEqual(stateOf(run))
  })

  it('may be named by a pattern with the flag g', async () => {
    const run = createRun('mlp')
    run.set({ freeze: /dense_/g })
    await run.iterate(2)
    const [first] = coreOf(run)!.trainee.parameters
    expect(coreOf(run)!.parameters.map(({ name }) => name)).toEqual([
      'batch_normalization/gamma',
      'batch_normalization/beta',
    ])
    expect(first!.name).toBe('dense_1/kernel')
  })

  it('do not count in the gradient norm, nor when their gradient is not finite', async () => {
    const w = tf.variable(tf.scalar(1))
    const v = tf.variable(tf.scalar(0))
    const x = new Float32Array([1, 2])
    // The gradient of v is infinite at 0, the loss is finite.
    const loss = (batch: { x: tf.Tensor }) => batch.x.mul(w).sub(4).square().mean().add(v.sqrt()) as tf.Scalar
    const run = train(
      { parameters: { w, v }, loss },
      { data: fromArrays({ x, y: x }), batchSize: 2, optimizer: sgd({ learningRate: 0.01 }) },
    ) as Run
    await run.iterate(1)
    expect(run.stopReason?.kind).toBe('notFinite')
    run.set({ freeze: ['v'] })
    await run.iterate(3)
    expect([run.iteration, v.dataSync()[0]]).toEqual([3, 0])
    expect(run.history.at(0)!.gradientNorm).toBeCloseTo(7, 5) // the mean of 2 (x w - 4) x for 1 and 2
    tf.dispose([w, v])
  })

  it('alone cannot carry a loss: the error says so and nothing is changed', async () => {
    const w = tf.variable(tf.scalar(1))
    const unused = tf.variable(tf.scalar(1))
    const x = new Float32Array([1, 2])
    const run = train(
      { parameters: { w, unused }, loss: (batch: { x: tf.Tensor }) => batch.x.mul(w).mean() as tf.Scalar },
      { data: fromArrays({ x, y: x }), batchSize: 2, optimizer: sgd({ learningRate: 0.01 }) },
    ) as Run
    await run.iterate(2)
    const before = w.dataSync()[0]
    run.set({ freeze: ['w'] })
    await expect(run.iterate(1)).rejects.toThrow('depends on none of the parameters (unused)')
    expect([run.iteration, w.dataSync()[0]]).toEqual([2, before])
    tf.dispose([w, unused])
  })

  it('are left out of what a compiled look at an iteration shows, as in an uncompiled one', async () => {
    const shown = []
    for (const inspect of [true, 'compiled'] as const) {
      const run = createRun('mlp')
      await run.iterate(2)
      await run.iterate(1, { inspect })
      run.set({ freeze: /^dense_1/ })
      const one = (await run.iterate(1, { inspect }))!
      shown.push({
        norm: one.gradientNorm,
        names: [Object.keys(one.gradients), Object.keys(one.updates)],
        parameters: one.parameters,
      })
    }
    expect(shown[1]).toEqual(shown[0])
    expect(shown[0]!.names.flat().some((name) => name.startsWith('dense_1'))).toBe(false)
  })
})
