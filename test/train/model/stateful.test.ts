import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadRun, sgd, train, type Run } from '../../../src/index.js'
import { compile, compileTraining, exportOnnx } from '../../../src/backend/index.js'
import { silence } from '../../kit/training.js'
import { temporaryFolder } from '../../kit/files.js'

beforeEach(() => {
  silence()
  tf.setBackend('onnxruntime')
})
afterEach(() => void tf.setBackend('onnxruntime'))

const { bidirectional, convLstm2d, dense, flatten, gru, lstm, simpleRNN, timeDistributed } = tf.layers

/** Numbers from -1 to 1 that are the same each time. */
function drawn(shape: number[], seed = 1): tf.Tensor {
  let state = seed
  const values = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state >>> 8) / 2 ** 23 - 1
  })
  return tf.tensor(values, shape)
}

/** Gives a model weights that are the same each time. */
function weigh<M extends tf.LayersModel>(model: M): M {
  model.setWeights(model.getWeights().map((weight, at) => drawn(weight.shape, at + 2).mul(0.5)))
  return model
}

const [batch, time, width] = [2, 3, 4]
const input = { batchInputShape: [batch, time, width] }
const stateful = { stateful: true, recurrentInitializer: 'glorotUniform' } as const

/** Models whose last output says what all inputs so far came to, with and without states that are kept. */
const kinds: { [kind: string]: (kept: boolean) => tf.Sequential } = {
  lstm: (kept) =>
    tf.sequential({ layers: [lstm({ units: 3, ...stateful, stateful: kept, ...(kept ? input : { inputShape: [null, width] }) }), dense({ units: 1 })] }),
  gru: (kept) =>
    tf.sequential({ layers: [gru({ units: 3, ...stateful, stateful: kept, ...(kept ? input : { inputShape: [null, width] }) }), dense({ units: 1 })] }),
  simpleRNN: (kept) =>
    tf.sequential({ layers: [simpleRNN({ units: 3, ...stateful, stateful: kept, ...(kept ? input : { inputShape: [null, width] }) }), dense({ units: 1 })] }),
  stacked: (kept) =>
    tf.sequential({
      layers: [
        lstm({ units: 3, ...stateful, stateful: kept, returnSequences: true, ...(kept ? input : { inputShape: [null, width] }) }),
        gru({ units: 2, ...stateful, stateful: kept }),
        dense({ units: 1 }),
      ],
    }),
  'a stack of cells': (kept) =>
    tf.sequential({
      layers: [
        tf.layers.rnn({
          cell: [tf.layers.lstmCell({ units: 3 }), tf.layers.gruCell({ units: 2 })],
          stateful: kept,
          ...(kept ? input : { inputShape: [null, width] }),
        }) as tf.layers.Layer,
        dense({ units: 1 }),
      ],
    }),
  convLstm2d: (kept) =>
    tf.sequential({
      layers: [
        convLstm2d({
          filters: 2, kernelSize: 2, stateful: kept, ...(kept ? { batchInputShape: [batch, time, 4, 4, 1] } : { inputShape: [null, 4, 4, 1] }),
        } as never),
        flatten(),
        dense({ units: 1 }),
      ],
    }),
} // oxfmt-ignore

const shapeOf = (kind: string, steps: number) =>
  kind === 'convLstm2d' ? [batch, steps, 4, 4, 1] : [batch, steps, width]

const values = (tensor: tf.Tensor | tf.Tensor[]) => Array.from((tensor as tf.Tensor).dataSync())

function expectClose(received: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(received.length).toBe(expected.length)
  for (let at = 0; at < expected.length; at++) expect(received[at]).toBeCloseTo(expected[at]!, 5)
}

const settings = {
  seed: 1,
  loss: 'meanSquaredError',
  progress: false,
  save: false,
} as const
/** Moves no weight that float32 would notice. */
const still = () => sgd({ learningRate: 1e-12 })

describe('a layer that is stateful goes on where the batch before ended', () => {
  for (const backend of ['onnxruntime', 'cpu'])
    for (const [kind, make] of Object.entries(kinds))
      test(`${kind}, in prediction, compiled, in a run and after it, as if all batches were one (${backend})`, async () => {
        await tf.setBackend(backend)
        const parts = [1, 2, 3, 4].map((seed) => drawn(shapeOf(kind, time), seed))
        const whole = weigh(make(false))
        /** What comes out after each of the parts, of a model that has no states and sees all of them. */
        const expected = parts.map((_, at) => values(whole.predict(tf.concat(parts.slice(0, at + 1), 1))))
        const model = weigh(make(true))
        for (let round = 0; round < 2; round++) {
          for (const [at, part] of parts.entries()) expectClose(values(model.predict(part)), expected[at]!)
          model.resetStates()
        }
        const step = compile((x: tf.Tensor) => model.apply(x) as tf.Tensor)
        for (const [at, part] of parts.slice(0, 2).entries()) expectClose(values(step(part)), expected[at]!)
        // What is not compiled takes the states over.
        expectClose(values(model.predict(parts[2]!)), expected[2]!)
        expectClose(values(step(parts[3]!)), expected[3]!)
        model.resetStates()

        const run = train(model, {
          ...settings,
          data: { x: tf.concat(parts), y: tf.zeros([4 * batch, 1]) },
          optimizer: still(),
        })
        await run.iterate(4)
        const losses = expected.map((outputs) => outputs.reduce((sum, y) => sum + y * y, 0) / batch)
        expectClose(run.history.map(({ loss }) => loss), losses) // oxfmt-ignore
        const next = drawn(shapeOf(kind, time), 5)
        expectClose(values(model.predict(next)), values(whole.predict(tf.concat([...parts, next], 1))))
        model.resetStates()
        expectClose(values(model.predict(parts[0]!)), expected[0]!)
      })

  test('both sides of a bidirectional layer, of which each has its own states', async () => {
    const layer = (kept: boolean) =>
      bidirectional({
        layer: lstm({ units: 2, stateful: kept }) as never,
        mergeMode: 'concat',
        ...(kept ? input : { inputShape: [null, width] }),
      } as never)
    const model = weigh(tf.sequential({ layers: [layer(true), dense({ units: 1 })] }))
    const parts = [1, 2, 3].map((seed) => drawn([batch, time, width], seed))
    const seen = parts.map((part) => values(model.predict(part)))
    expect(seen[0]).not.toEqual(values(model.predict(parts[0]!)))
    model.resetStates()
    const run = train(model, {
      ...settings,
      data: { x: tf.concat(parts), y: tf.zeros([3 * batch, 1]) },
      optimizer: still(),
    })
    await run.iterate(3)
    expectClose(
      run.history.map(({ loss }) => loss),
      seen.map((outputs) => outputs.reduce((sum, y) => sum + y * y, 0) / batch),
    )
  })

  test('one within a timeDistributed', async () => {
    const inner = lstm({ units: 2, stateful: true })
    const model = weigh(
      tf.sequential({
        layers: [
          timeDistributed({ layer: inner as never, batchInputShape: [batch, 2, time, width] } as never),
          flatten(),
          dense({ units: 1 }),
        ],
      }),
    )
    const parts = [1, 2].map((seed) => drawn([batch, 2, time, width], seed))
    const seen = parts.map((part) => values(model.predict(part)))
    inner.resetStates()
    const run = train(model, {
      ...settings,
      data: { x: tf.concat(parts), y: tf.zeros([2 * batch, 1]) },
      optimizer: still(),
    })
    await run.iterate(2)
    expectClose(
      run.history.map(({ loss }) => loss),
      seen.map((outputs) => outputs.reduce((sum, y) => sum + y * y, 0) / batch),
    )
    model.predict(parts[0]!)
  })

  test('with the numbers of the recurrence in double precision', () => {
    const layer = lstm({
      units: 1,
      stateful: true,
      batchInputShape: [1, 2, 1],
      kernelInitializer: 'ones',
      recurrentInitializer: 'ones',
      recurrentActivation: 'sigmoid',
      unitForgetBias: false,
    })
    const model = tf.sequential({ layers: [layer] })
    const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
    let [h, c] = [0, 0]
    for (let call = 0; call < 5; call++) {
      for (const x of [0.5, -1]) {
        c = sigmoid(x + h) * c + sigmoid(x + h) * Math.tanh(x + h)
        h = sigmoid(x + h) * Math.tanh(c)
      }
      expectClose(values(model.predict(tf.tensor3d([0.5, -1], [1, 2, 1]))), [h])
    }
    model.resetStates()
  })

  test('with states that a user sets', () => {
    const layer = gru({ units: 3, stateful: true, ...input })
    const model = weigh(tf.sequential({ layers: [layer] }))
    const x = drawn([batch, time, width])
    const first = values(model.predict(x))
    const second = values(model.predict(x))
    ;(layer as unknown as { setStates(states: tf.Tensor[]): void }).setStates([
      tf.tensor2d(first, [batch, 3]),
    ])
    expectClose(values(model.predict(x)), second)
    expect(() =>
      (layer as unknown as { setStates(states: tf.Tensor[]): void }).setStates([tf.zeros([5, 3])]),
    ).toThrow(/received \[5, 3\]. Expected \[2, 3\]/)
  })

  test('and leaves no tensors behind', () => {
    const model = kinds.lstm!(true)
    const x = drawn([batch, time, width])
    const y = tf.zeros([batch, 1])
    const optimizer = tf.train.sgd(0.1)
    const loss = () =>
      tf.losses.meanSquaredError(y, model.apply(x, { training: true }) as tf.Tensor) as tf.Scalar
    optimizer.minimize(loss)
    const { numTensors } = tf.memory()
    for (let time = 0; time < 3; time++) {
      optimizer.minimize(loss)
      tf.dispose(model.predict(x))
      model.resetStates()
    }
    expect(tf.memory().numTensors).toBe(numTensors)
  })

  test('when tfjs trains, lazily or through a compiled step', async () => {
    const parts = [1, 2, 3].map((seed) => drawn([batch, time, width], seed))
    const y = tf.zeros([batch, 1])
    const losses: number[][] = []
    for (const wrap of [(model: tf.Sequential) => model, compileTraining]) {
      const model = weigh(kinds.lstm!(true))
      model.compile({ loss: 'meanSquaredError', optimizer: tf.train.sgd(0.1) })
      wrap(model)
      const own: number[] = []
      for (const part of parts) own.push((await model.trainOnBatch(part, y)) as number)
      losses.push(own)
      model.predict(parts[0]!)
    }
    expectClose(losses[1]!, losses[0]!)
  })
})

describe('the states are part of a run', () => {
  function made(learningRate = 0.1, more = {}): { run: Run; model: tf.Sequential; next: tf.Tensor } {
    const model = weigh(kinds.stacked!(true))
    const x = drawn([6 * batch, time, width])
    const run = train(model, {
      ...settings,
      data: { x, y: drawn([6 * batch, 1], 9) },
      optimizer: sgd({ learningRate }),
      ...more,
    })
    return { run, model, next: drawn([batch, time, width], 7) }
  }
  const lossesOf = (run: Run) => run.history.map(({ loss }) => loss)

  test('undo and redo take them along', async () => {
    const { run } = made()
    await run.iterate(3)
    await run.iterate(3)
    const expected = lossesOf(run)
    await run.undo()
    await run.iterate(3)
    expect(lossesOf(run)).toEqual(expected)
  })

  test('a branch has its own', async () => {
    const { run } = made()
    await run.iterate(3)
    const branch = run.branch('twin')
    await run.iterate(3)
    await branch.iterate(3)
    expect(lossesOf(branch).slice(-3)).toEqual(lossesOf(run).slice(-3))
  })

  test('an evaluation goes on from them, and leaves them as they were', async () => {
    const { run: plain } = made()
    await plain.iterate(4)
    const { run, model, next } = made(0.1, {
      evaluateOn: { x: drawn([2 * batch, time, width], 3), y: tf.zeros([2 * batch, 1]) },
      evaluateEvery: 1,
    })
    await run.iterate(2)
    await run.iterate(1, { inspect: true })
    await run.iterate(1)
    expect(lossesOf(run)).toEqual(lossesOf(plain))
    const { loss } = await run.evaluate()
    const parts = tf.split(drawn([2 * batch, time, width], 3), 2)
    const outputs = parts.flatMap((part) => values(model.predict(part)))
    expect(loss).toBeCloseTo(outputs.reduce((sum, y) => sum + y * y, 0) / outputs.length, 5)
    model.predict(next)
  })

  test('updates by hand move them', async () => {
    const { run: plain } = made()
    await plain.iterate(3)
    const { run } = made()
    for (let update = 0; update < 3; update++) {
      const batch = await run.nextBatch()
      const { gradients } = await run.gradients(batch)
      await run.apply(gradients)
      tf.dispose([batch.x, batch.y])
    }
    expectClose(lossesOf(run), lossesOf(plain))
  })

  test('a run that is loaded goes on with them', async () => {
    const folder = temporaryFolder()
    const { run } = made()
    await run.iterate(3)
    await run.save(join(folder, 'run'))
    await run.iterate(2)
    const { model } = made()
    const x = drawn([6 * batch, time, width])
    const again = await loadRun(join(folder, 'run'), {
      model,
      data: { x, y: drawn([6 * batch, 1], 9) },
      save: false,
      progress: false,
    })
    await again.iterate(2)
    expect(lossesOf(again).slice(-2)).toEqual(lossesOf(run).slice(-2))
  })

  test('a model within a loss of one’s own keeps them, and so does its branch', async () => {
    const model = weigh(kinds.gru!(true))
    const parts = [1, 2, 3, 4].map((seed) => drawn([batch, time, width], seed))
    const expected = parts.map(
      (part) => values(model.predict(part)).reduce((sum, y) => sum + y * y, 0) / batch,
    )
    model.resetStates()
    const run = train(
      {
        parameters: { model },
        loss: ({ x }: { x: tf.Tensor }) =>
          (model.apply(x, { training: true }) as tf.Tensor).square().mean() as tf.Scalar,
      },
      {
        data: { x: tf.concat(parts), y: tf.zeros([4 * batch, 1]) },
        optimizer: still(),
        progress: false,
        save: false,
        seed: 1,
      },
    )
    await run.iterate(2)
    const branch = run.branch('twin')
    await run.iterate(2)
    await branch.iterate(2)
    expectClose(lossesOf(run), expected)
    expectClose(lossesOf(branch), expected)
  })

  test('batches that are not those of the model are refused, with what to change', async () => {
    const model = kinds.lstm!(true)
    const data = (count: number) => ({ x: drawn([count, time, width]), y: tf.zeros([count, 1]) })
    const base = { ...settings, optimizer: still() }
    expect(() => train(model, { ...base, data: data(4), batchSize: 4 })).toThrow(
      /batches of 4 for a model with stateful layers, which keep the states of 2/,
    )
    expect(() => train(model, { ...base, data: data(5) })).toThrow(/5 examples .* multiple of 2.*Leave out 1/)
    expect(() => train(model, { ...base, data: data(4), batchSchedule: [2, 4] })).toThrow('no batchSchedule')
    const run = train(model, { ...base, data: data(4) })
    expect(() => run.set({ batchSize: 3 })).toThrow('batches of 3')
    await expect(run.evaluate(data(3))).rejects.toThrow(/3 examples .* multiple of 2/)
    run.exclude([0, 1, 2])
    await expect(run.iterate(1)).rejects.toThrow(/1 examples to draw from.*at least 2/)
    run.include([2])
    await run.iterate(1)
  })
})

test('a stateful model is exported as it starts, and stays as it was', async () => {
  const folder = temporaryFolder()
  const model = weigh(kinds.lstm!(true))
  const x = drawn([batch, time, width])
  const first = values(model.predict(x))
  const second = values(model.predict(x))
  model.resetStates()
  expectClose(values(model.predict(x)), first)
  await exportOnnx(model, join(folder, 'model.onnx'), { batch })
  expectClose(values(model.predict(x)), second)
})
