import * as tf from '@tensorflow/tfjs'
import { describe, expect, test } from 'vitest'
import { adam, fromArrays, InputError, sgd, targetReached, train } from '../../../src/index.js'
import { blobs, classifier, line, linearModel, useSilence } from '../../kit/training.js'

useSilence()

const base = () => ({
  data: blobs() as any,
  loss: 'sparseCategoricalCrossentropy' as any,
  optimizer: adam({ learningRate: 0.01 }) as any,
})

/** What is passed, and what the message has to hold. */
const refused: [string, () => unknown, (string | RegExp)[]][] = [
  [
    'a loss that does not exist',
    () => train(classifier(), { ...base(), loss: 'sparseCategoricalCrossEntropie' }),
    ["'sparseCategoricalCrossentropy'", /nearest first: 'sparse/],
  ],
  [
    'a metric that does not exist',
    () => train(classifier(), { ...base(), metrics: ['acuracy'] }),
    [/nearest first: 'accuracy'/],
  ],
  [
    'an option that does not exist',
    () => train(classifier(), { ...base(), batchsize: 3 } as any),
    ["'batchsize'", "Did you mean 'batchSize'"],
  ],
  ['no data', () => train(classifier(), { ...base(), data: undefined as any }), ['no data']],
  ['no loss', () => train(classifier(), { ...base(), loss: undefined as any }), ["loss: 'sparse"]],
  [
    'no optimizer',
    () => train(classifier(), { ...base(), optimizer: undefined as any }),
    ['adam({ learningRate: 1e-3 })'],
  ],
  [
    "one of tfjs's optimizers",
    () => train(classifier(), { ...base(), optimizer: tf.train.adam(1) as any }),
    ["tfjs's optimizers"],
  ],
  [
    'a learning rate that is not a number',
    () => train(classifier(), { ...base(), optimizer: { ...adam({ learningRate: 1 }), learningRate: NaN } }),
    ['NaN', 'learning rate'],
  ],
  [
    'a batch size of half an example',
    () => train(classifier(), { ...base(), batchSize: 0.5 }),
    ['0.5', 'whole number'],
  ],
  [
    'x of another shape',
    () => train(classifier(), { ...base(), data: { x: tf.ones([4, 3]), y: new Int32Array(4) } }),
    ['[3]', '[2]', 'inputShape'],
  ],
  [
    'one-hot rows where indices are meant',
    () => train(classifier(), { ...base(), data: { x: tf.ones([4, 2]), y: tf.ones([4, 2]) } }),
    ["'categoricalCrossentropy'"],
  ],
  [
    'a target without evaluateOn',
    () => train(classifier(), { ...base(), stop: targetReached('accuracy', 0.9) }),
    ['without evaluateOn', 'evaluateOn: data.validation'],
  ],
  [
    'a target on a metric that is not evaluated',
    () => train(classifier(), { ...base(), evaluateOn: blobs(), stop: targetReached('accuracy', 0.9) }),
    ["metrics: ['accuracy']"],
  ],
  [
    'parameters that are tensors',
    () =>
      train(
        { parameters: { w: tf.scalar(1) as any }, loss: () => tf.scalar(0) },
        { data: line(), optimizer: sgd({ learningRate: 1 }) },
      ),
    ['tf.variable(w)'],
  ],
  ['something that is no model', () => train({ a: 1 } as any, base()), ['{ a }', 'tf.LayersModel']],
]

describe('what does not fit is refused with what would', () => {
  test.each(refused)('%s', (_name, work, parts) => {
    let error: unknown
    try {
      work()
    } catch (caught) {
      error = caught
    }
    expect(error).toBeInstanceOf(InputError)
    for (const part of parts) expect((error as Error).message).toMatch(part)
  })

  test('a negative number of iterations, with the way to go back', async () => {
    const run = train(classifier(), base())
    await expect(run.iterate(-1)).rejects.toThrow(/-1.*run\.undo\(\)/)
    await expect(run.iterate(1.5)).rejects.toThrow('1.5')
    expect(run.iteration).toBe(0)
  })

  test('held-out ids given to exclude, with the way to find training examples', () => {
    const run = train(classifier(), { ...base(), evaluateOn: blobs(16) })
    expect(() => run.exclude([41])).toThrow(/held out \(validation\).*of: 'train'/)
    expect(() => run.exclude([4000])).toThrow('4000')
    expect(run.adjustments).toEqual([])
  })

  test('a change that does not fit leaves everything as it was', () => {
    const run = train(classifier(), base())
    expect(() => run.set({ learningRate: 1, batchSize: -2 })).toThrow('-2')
    expect(() => run.set({ learningRate: NaN })).toThrow('NaN')
    expect(() => run.set({ learnignRate: 1 } as any)).toThrow("Did you mean 'learningRate'")
    expect(run.adjustments).toEqual([])
    expect(run.learningRate).toBe(0.01)
  })

  test('a loss that does not depend on the parameters', async () => {
    const { model } = linearModel()
    const run = train(
      { ...model, loss: ({ y }) => y.mean() },
      { data: line(), optimizer: sgd({ learningRate: 1 }) },
    )
    await expect(run.iterate(1)).rejects.toThrow('depends on none of the parameters')
    expect(run.iteration).toBe(0)
  })

  test('a second call while one is training', async () => {
    const run = train(classifier(), base())
    const first = run.iterate(5)
    await expect(run.iterate(5)).rejects.toThrow('await')
    await first
    expect(run.iteration).toBe(5)
  })

  test('labels outside the classes', () => {
    const { x } = blobs()
    const data = fromArrays({ x, y: Int32Array.from({ length: 40 }, (_, i) => i % 3) })
    expect(() => train(classifier(), { ...base(), data })).toThrow(/2.*0 to 1/)
  })
})
