import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, test } from 'vitest'
import { adam, seed, train } from '../../../src/index.js'
import { blobs, classifier, silence, weightsOf } from '../../kit/training.js'

beforeEach(() => {
  silence()
})

function start() {
  seed(1)
  const model = classifier({ dropout: 0.3, batchNorm: true })
  const run = train(model, {
    data: blobs(),
    loss: 'sparseCategoricalCrossentropy',
    batchSize: 7,
    seed: 3,
    clipNorm: 0.5,
    optimizer: adam({ learningRate: 0.02 }),
  })
  return { model, run }
}

describe('the iteration is open', () => {
  test('nextBatch, gradients and apply give the bits of iterate', async () => {
    const straight = start()
    await straight.run.iterate(9)
    const hand = start()
    for (let i = 0; i < 8; i++) {
      const batch = await hand.run.nextBatch()
      expect(batch.iteration).toBe(i + 1)
      const { loss, losses, gradients } = await hand.run.gradients(batch)
      expect(losses).toHaveLength(batch.ids.length)
      expect(loss).toBe(straight.run.history[i]!.loss)
      await hand.run.apply(gradients)
      tf.dispose([batch.x, batch.y, ...Object.values(gradients)])
    }
    await hand.run.iterate(1)
    expect(weightsOf(hand.model)).toEqual(weightsOf(straight.model))
    expect(hand.run.history.map((row) => row.gradientNorm)).toEqual(
      straight.run.history.map((row) => row.gradientNorm),
    )
  })

  test('undo after apply goes back to before the batch was drawn', async () => {
    const { run } = start()
    const first = await run.nextBatch()
    await run.apply((await run.gradients(first)).gradients)
    await run.undo()
    expect(run.iteration).toBe(0)
    expect((await run.nextBatch()).ids).toEqual(first.ids)
  })

  test('what is set between a batch and its update is a step of its own for undo', async () => {
    const { run } = start()
    await run.iterate(2)
    const batch = await run.nextBatch()
    run.set({ learningRate: 0.5 })
    run.exclude([batch.ids[0]!])
    await run.apply((await run.gradients(batch)).gradients)
    await run.undo()
    expect(run.iteration).toBe(2)
    expect(run.adjustments.map(({ what }) => what)).toEqual(['learningRate', 'exclude'])
    expect((await run.nextBatch()).ids).not.toContain(batch.ids[0])
    await run.undo()
    await run.undo()
    expect(run.learningRate).toBe(0.02)
    expect(run.iteration).toBe(2)
  })

  test('of several batches the history tells the loss of the one whose gradients are applied', async () => {
    const { model, run } = start()
    const [one, two] = [await run.nextBatch(), await run.nextBatch()]
    const [first, second] = [await run.gradients(one), await run.gradients(two)]
    await run.apply(first.gradients)
    expect(run.history.at(-1)!.loss).toBe(first.loss)
    await run.apply(second.gradients)
    expect(run.history.at(-1)!.loss).toBe(second.loss)
    // Again with gradients that no new pass gave: the update is made, the moving averages stay.
    const averages = () => weightsOf(model).slice(-2)
    const before = averages()
    await run.apply(second.gradients)
    expect(run.iteration).toBe(3)
    expect(run.history.at(-1)!.loss).toBeNaN()
    expect(averages()).toEqual(before)
    for (let i = 0; i < 3; i++) await run.undo()
    expect((await run.nextBatch()).ids).toEqual(one.ids)
  })

  test('by hand is refused beside the background, and with tensors that are disposed', async () => {
    const { run } = start()
    const batch = await run.nextBatch()
    const { gradients } = await run.gradients(batch)
    run.start()
    await expect(run.nextBatch()).rejects.toThrow('run.pause()')
    await expect(run.apply(gradients)).rejects.toThrow('run.pause()')
    await run.stop()
    tf.dispose(batch)
    await expect(run.gradients(batch)).rejects.toThrow('disposed')
    tf.dispose(gradients)
    await expect(run.apply(gradients)).rejects.toThrow('disposed')
  })

  test('an inspected iteration shows all it is made of, and is an iteration like any other', async () => {
    const straight = start()
    await straight.run.iterate(3)
    const { model, run } = start()
    await run.iterate(1)
    const before = weightsOf(model)
    const one = await run.iterate(1, { inspect: true })
    expect(one).toMatchObject({ kind: 'iteration', iteration: 2 })
    expect(one.ids).toHaveLength(7)
    expect(one.predictions!.shape).toEqual([7, 2])
    expect(Object.keys(one.gradients)).toEqual(run.parameters)
    expect(run.parameters).toEqual([
      'dense_1/kernel',
      'dense_1/bias',
      'batch_normalization/gamma',
      'batch_normalization/beta',
      'dense_2/kernel',
      'dense_2/bias',
    ])
    expect(one.examples.map(({ loss }) => loss)).toEqual(Array.from(one.losses))
    const after = weightsOf(model)
    const kernel = one.updates['dense_1/kernel']!.dataSync()
    // The update is new - old in float32; adding it again may round once.
    expect(before[0]!.map((value, i) => value + kernel[i]!)).toEqual(
      after[0]!.map((value) => expect.closeTo(value, 6)),
    )
    expect(one.activations!.map(({ layer }) => layer)).toEqual(['dense_1'])
    one.dispose()
    await run.iterate(1)
    expect(weightsOf(model)).toEqual(weightsOf(straight.model))
  })

  test('an iteration inspected through a graph of its own has the numbers of one inspected op by op', async () => {
    await tf.setBackend('onnxruntime')
    let calls = 0
    const make = () => {
      const { model, run } = start()
      const [first] = model.layers as [tf.layers.Layer]
      const call = first.call.bind(first)
      first.call = (...inputs) => {
        calls++
        return call(...inputs)
      }
      return { model, run }
    }
    const [plain, fast] = [make(), make()]
    const straight = start()
    await straight.run.iterate(5)
    // Op by op small kernels run on the host, which rounds other last digits.
    const close = (values: Iterable<number>) => Array.from(values, (value) => expect.closeTo(value, 5))
    const read = (tensors: { [name: string]: tf.Tensor }) =>
      Object.values(tensors).flatMap((tensor) => [...tensor.dataSync()])
    const { numTensors } = tf.memory()
    for (let i = 0; i < 3; i++) {
      const expected = await plain.run.iterate(1, { inspect: true })
      calls = 0
      const received = await fast.run.iterate(1, { inspect: 'compiled' })
      // Recorded once; then no JavaScript of the model runs.
      if (i > 0) expect(calls).toBe(0)
      expect(received.ids).toEqual(expected.ids)
      expect([...received.losses]).toEqual(close(expected.losses))
      expect(received.gradientNorm).toBeCloseTo(expected.gradientNorm, 5)
      expect(Object.keys(received.gradients)).toEqual(Object.keys(expected.gradients))
      expect(read(received.gradients)).toEqual(close(read(expected.gradients)))
      expect(Object.keys(received.updates)).toEqual(Object.keys(expected.updates))
      expect(read(received.updates)).toEqual(close(read(expected.updates)))
      expect([...received.predictions!.dataSync()]).toEqual(close(expected.predictions!.dataSync()))
      expect(received.activations).toEqual(expected.activations)
      for (const one of [expected, received]) one.dispose()
    }
    expect(tf.memory().numTensors).toBe(numTensors)
    await fast.run.iterate(2)
    expect(weightsOf(fast.model)).toEqual(weightsOf(straight.model))
  })

  test('an iteration that cannot be recorded is not inspected through a graph, and the error says why', async () => {
    await tf.setBackend('onnxruntime')
    const w = tf.variable(tf.zeros([1]))
    const x = tf.tensor2d([[1], [2], [3], [4]])
    const run = train(
      {
        parameters: { w },
        loss: (batch: { x: tf.Tensor }) => {
          const value = batch.x.mul(w).sub(1).square().mean()
          value.dataSync()
          return value as tf.Scalar
        },
      },
      { data: { x, y: x }, batchSize: 2, optimizer: adam({ learningRate: 1e-2 }), seed: 1 },
    )
    await expect(run.iterate(1, { inspect: 'compiled' })).rejects.toThrow(/is read inside/)
    expect(run.iteration).toBe(0)
    expect((await run.iterate(1, { inspect: true })).iteration).toBe(1)
  })

  test('the sum of the losses of the examples is the loss', async () => {
    const { run } = start()
    const { loss, losses } = await run.gradients(await run.nextBatch())
    expect(losses.reduce((a, b) => a + b, 0) / losses.length).toBeCloseTo(loss, 5)
  })
})
