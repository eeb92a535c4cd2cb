import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  fromArrays,
  fromFunction,
  fromRecords,
  loadRun,
  plateau,
  sgd,
  split,
  targetReached,
  train,
  type Dataset,
} from '../../../src/index.js'
import { spool } from '../../../src/data/index.js'
import { toBundle } from '../../../src/show/index.js'
import { temporaryFolder } from '../../kit/index.js'
import { silence, weightsOf } from '../../kit/training.js'

let shown: unknown[]
beforeEach(() => {
  shown = silence().shown
})

const folder = temporaryFolder()
const count = 30
const kinds = ['cat', 'dog', 'owl']

/** Houses, as it were: two inputs, a price and a kind. */
const sizes = Float32Array.from({ length: 3 * count }, (_, i) => Math.sin(i * 1.7))
const places = Float32Array.from({ length: 2 * count }, (_, i) => Math.cos(i * 0.9))
const price = Float32Array.from(
  { length: count },
  (_, i) => sizes[3 * i]! - 0.5 * sizes[3 * i + 1]! + places[2 * i]!,
)
const kind = Int32Array.from({ length: count }, (_, i) =>
  sizes[3 * i + 2]! > 0.3 ? 2 : places[2 * i + 1]! > 0 ? 1 : 0,
)

const arrays = {
  x: { size: tf.tensor2d(sizes, [count, 3]), place: tf.tensor2d(places, [count, 2]) },
  y: { price, kind },
}
const data = () => fromArrays(arrays, { classes: { kind: kinds } })

/** Two inputs meet in a layer, and two outputs leave it. */
function model(seed = 1) {
  const size = tf.input({ shape: [3], name: 'size' })
  const place = tf.input({ shape: [2], name: 'place' })
  const kernelInitializer = () => tf.initializers.glorotUniform({ seed: seed++ })
  const both = tf.layers.concatenate().apply([size, place]) as tf.SymbolicTensor
  const hidden = tf.layers
    .dense({ units: 8, activation: 'tanh', kernelInitializer: kernelInitializer() })
    .apply(both) as tf.SymbolicTensor
  const price = tf.layers
    .dense({ units: 1, name: 'price', kernelInitializer: kernelInitializer() })
    .apply(hidden) as tf.SymbolicTensor
  const kind = tf.layers
    .dense({ units: 3, name: 'kind', activation: 'softmax', kernelInitializer: kernelInitializer() })
    .apply(hidden) as tf.SymbolicTensor
  return tf.model({ inputs: [size, place], outputs: [price, kind] })
}

const losses = { price: 'meanSquaredError', kind: 'sparseCategoricalCrossentropy' } as const
const settings = () => ({
  data: data(),
  evaluateOn: data(),
  loss: losses,
  metrics: { price: ['meanAbsoluteError'], kind: ['accuracy'] } as const,
  optimizer: sgd({ learningRate: 0.1 }),
  batchSize: count,
  seed: 1,
  save: false as const,
})
const start = (more: object = {}) => train(model(), { ...settings(), ...more })

/** The same by tfjs's own training: whole batches. */
async function byTfjs(epochs: number) {
  const own = model()
  own.compile({
    optimizer: tf.train.sgd(0.1),
    loss: { price: 'meanSquaredError', kind: 'sparseCategoricalCrossentropy' },
    metrics: { kind: 'acc' },
  })
  const targets = {
    price: tf.tensor2d(price, [count, 1]),
    kind: tf.tensor2d(Float32Array.from(kind), [count, 1]),
  }
  await own.fit(arrays.x as never, targets, { epochs, batchSize: count, shuffle: false, verbose: 0 })
  const evaluated = own.evaluate([arrays.x.size, arrays.x.place], [targets.price, targets.kind], {
    batchSize: count,
  }) as tf.Scalar[]
  return { weights: weightsOf(own), evaluated: evaluated.map((one) => one.dataSync()[0]!) }
}

for (const backend of ['cpu', 'onnxruntime'])
  describe(`a model with two inputs and two outputs, on ${backend}`, () => {
    beforeEach(async () => {
      await tf.setBackend(backend)
    })

    it('is trained as tfjs trains it: the same weights and figures after six updates, to 1e-5', async () => {
      const run = start()
      await run.iterate(6)
      const row = await run.evaluate()
      const peer = await byTfjs(6)
      for (const [i, weight] of weightsOf(run.model).entries())
        for (const [j, value] of weight.entries()) expect(value).toBeCloseTo(peer.weights[i]![j]!, 5)
      // tfjs adds the losses up as it goes: the first, then both.
      const [ofPrice, loss] = peer.evaluated
      expect(row.loss).toBeCloseTo(loss!, 5)
      expect(row.price_loss).toBeCloseTo(ofPrice!, 5)
      expect(row.kind_loss).toBeCloseTo(loss! - ofPrice!, 5)
      expect(row.kind_accuracy).toBeCloseTo(peer.evaluated.at(-1)!, 6)
      expect(run.history.at(-1)!.price_loss + run.history.at(-1)!.kind_loss).toBeCloseTo(
        run.history.at(-1)!.loss,
        5,
      )
      expect(shown.filter((one) => typeof one === 'string' && one.includes('kernel by kernel'))).toEqual([])
    })

    it('adds the losses by their weights', async () => {
      const run = start({ lossWeights: { price: 0.25 } })
      await run.iterate(3)
      for (const { loss, price_loss, kind_loss } of run.history)
        expect(loss).toBeCloseTo(0.25 * price_loss + kind_loss, 5)
      const none = start({ lossWeights: [0, 1] })
      const before = none.model.getLayer('price').getWeights()[0]!.arraySync()
      await none.iterate(2)
      expect(none.model.getLayer('price').getWeights()[0]!.arraySync()).toEqual(before)
    })

    it('goes back, branches, is opened up and stepped by hand as any other', async () => {
      const run = start({ batchSize: 6, metrics: {} })
      await run.iterate(4)
      const before = weightsOf(run.model)
      const twin = run.branch('twin')
      await run.iterate(3)
      await twin.iterate(3)
      expect(weightsOf(twin.model)).toEqual(weightsOf(run.model))
      const { loss } = run.history.at(-1)!
      await run.undo()
      expect(weightsOf(run.model)).toEqual(before)
      await run.iterate(3)
      expect(run.history.at(-1)!.loss).toBe(loss)
      const one = await run.iterate(1, { inspect: true })
      expect(one.batch.x.size.shape).toEqual([6, 3])
      expect(one.batch.y.kind.dtype).toBe('int32')
      expect(one.predictions!.kind!.shape).toEqual([6, 3])
      expect(one.examples[0]).toHaveProperty('kind_predicted')
      one.dispose()
      const batch = await run.nextBatch()
      const { gradients, losses: each } = await run.gradients(batch)
      expect(each).toHaveLength(6)
      await run.apply(gradients)
      tf.dispose(batch)
      expect(run.iteration).toBe(9)
    })

    it('leaves no tensor behind', async () => {
      const run = start({ batchSize: 8 })
      await run.iterate(4)
      await run.evaluate()
      const before = tf.memory().numTensors
      await run.iterate(8)
      await run.evaluate()
      await run.mistakes()
      expect(tf.memory().numTensors).toBe(before)
    })

    it('says of each mistake which output was wrong, and has confusions and residuals by output', async () => {
      const run = start()
      await run.iterate(5)
      const mistakes = await run.mistakes({ by: 'confidence' })
      const inputs = [arrays.x.size, arrays.x.place]
      const [prices, shares] = run.model.predict(inputs) as tf.Tensor[]
      const taken = shares!.argMax(-1).dataSync()
      expect(mistakes.wrong).toBe(taken.filter((one, i) => one !== kind[i]).length)
      for (const row of mistakes.rows) {
        expect(row.output).toBe('kind')
        expect(row.expected).toBe(kinds[kind[row.id % count]!])
        expect(row.predicted).toBe(kinds[taken[row.id % count]!])
        expect(row.price_predicted).toBeCloseTo(prices!.dataSync()[row.id % count]!, 5)
        expect(row.price_expected).toBeCloseTo(price[row.id % count]!, 5)
      }
      expect(toBundle(mistakes)!['text/plain']).toMatch(/price_predicted/)
      const confusion = await run.confusion({ output: 'kind' })
      expect(confusion.labels).toEqual(kinds)
      const [residual] = await run.residuals({ output: 'price' })
      expect(residual!.predicted - residual!.expected).toBeCloseTo(residual!.residual, 6)
      await expect(run.confusion()).rejects.toThrow(/output: 'price' \| 'kind'/)
      const slices = await run.slices({ by: (row) => String(row.kind_expected) })
      expect(slices.map(({ slice }) => slice).toSorted()).toEqual(kinds)
    })
  })

describe('a model with several inputs and outputs', () => {
  beforeEach(async () => {
    await tf.setBackend('cpu')
  })

  it('takes its data by name or order, from arrays, records, functions and streams alike', async () => {
    const records = Array.from({ length: count }, (_, i) => ({
      x: {
        size: Array.from(sizes.slice(3 * i, 3 * i + 3)),
        place: Array.from(places.slice(2 * i, 2 * i + 2)),
      },
      y: { price: price[i]!, kind: kind[i]! },
    }))
    const flat = records.map(({ x, y }) => ({
      a: x.size[0],
      b: x.size[1],
      c: x.size[2],
      d: x.place[0],
      e: x.place[1],
      ...y,
    }))
    const chosen = {
      x: { size: ['a', 'b', 'c'], place: ['d', 'e'] },
      y: { price: 'price', kind: 'kind' },
    } as const
    const sources = {
      arrays: fromArrays(arrays),
      shapes: fromArrays(
        { x: { size: sizes, place: places }, y: { price, kind } },
        { shapes: { x: { size: [3], place: [2] } } },
      ),
      order: fromArrays({
        x: [arrays.x.size, arrays.x.place],
        y: [tf.tensor1d(price), tf.tensor1d(kind, 'int32')],
      }),
      records: fromRecords(records),
      chosen: fromRecords(flat, chosen),
      computed: fromFunction(count, (i) => records[i]!),
      spooled: await spool(flat, chosen),
    }
    const trained: number[][] = []
    for (const source of Object.values(sources)) {
      const run = train(model(), {
        ...settings(),
        data: source as Dataset,
        evaluateOn: undefined,
        batchSize: 7,
      } as never)
      await run.iterate(6)
      trained.push(weightsOf(run.model as tf.LayersModel)[0]!)
    }
    for (const weights of trained)
      for (const [i, value] of weights.entries()) expect(value).toBeCloseTo(trained[0]![i]!, 6)
    expect(sources.shapes.digest()).not.toBe(
      fromArrays(
        { x: { size: sizes, place: places }, y: { price: kind, kind } },
        { shapes: { x: { size: [3], place: [2] } } },
      ).digest(),
    )
    expect(String(sources.shapes)).toMatch(/x \{ size: float32 \[3\], place: float32 \[2\] \}/)
    const parts = split(data(), { train: 0.8, validation: 0.2 }, { seed: 1 })
    expect(parts.validation.at([0]).x.size.shape).toEqual([1, 3])
  })

  it('takes losses and metrics in the order of its outputs too, and one for all', async () => {
    const one = start({
      loss: ['meanSquaredError', 'sparseCategoricalCrossentropy'],
      metrics: [[], ['accuracy']],
    })
    await one.iterate(2)
    expect(Object.keys(await one.evaluate())).toContain('kind_accuracy')
  })

  it('names what is missing and what it has no use for', () => {
    const wrong = (more: object, message: RegExp) =>
      expect(() => start({ evaluateOn: undefined, ...more })).toThrow(message)
    wrong(
      { data: { x: { size: arrays.x.size }, y: arrays.y } },
      /no place.*Expected the inputs of the model: size, place/s,
    )
    wrong(
      { data: { x: { ...arrays.x, age: price }, y: arrays.y } },
      /age, which the model has no input for.*size, place/s,
    )
    wrong({ data: { x: arrays.x.size, y: arrays.y } }, /2 inputs of the model by name: size, place/)
    wrong({ data: { x: arrays.x, y: price } }, /a target for each output of the model, by name: price, kind/)
    wrong({ data: { x: arrays.x, y: { price } } }, /no kind.*outputs of the model: price, kind/s)
    wrong({ data: { ...arrays, weight: price } }, /weight beside x and y/)
    wrong({ loss: { price: 'meanSquaredError' } }, /no kind/)
    wrong({ loss: { ...losses, prise: 'meanSquaredError' } }, /prise, which the model has no output for/)
    wrong({ lossWeights: { prise: 2 } }, /prise, which the model has no output for/)
    wrong({ metrics: { prise: ['accuracy'] } }, /prise.*price/s)
    wrong({ metrics: { price: ['accuracy'] } }, /'price_accuracy' for predictions of numbers/)
    wrong(
      { data: { x: arrays.x, y: { price, kind: kind.map((one) => one + 3) } } },
      /class indices from 0 to 2/,
    )
  })

  it('goes to disk and comes back with its losses, weights and what was seen of each output', async () => {
    const place = join(folder, 'several')
    const run = start({ lossWeights: { kind: 2 } })
    await run.iterate(7)
    await run.evaluate()
    const worst = await run.mistakes({ k: 3 })
    await run.save(place)
    const again = await loadRun(place, { model: model(9), data: data(), evaluateOn: data(), save: false })
    expect((await again.mistakes({ k: 3 })).rows).toEqual(worst.rows)
    await run.iterate(3)
    await again.iterate(3)
    expect(weightsOf(again.model)).toEqual(weightsOf(run.model))
    expect(again.evaluations.map((row) => row.kind_accuracy)).toEqual(
      run.evaluations.map((row) => row.kind_accuracy),
    )
  })

  it('can be told another target of an example, by name, and has rules about each output', async () => {
    const run = start()
    run.relabel(3, { kind: 'owl' })
    expect(run.adjustments.at(-1)).toMatchObject({
      from: { kind: kinds[kind[3]!] },
      to: { label: { kind: 'owl' } },
    })
    const one = await run.iterate(1, { inspect: true })
    expect(one.batch.y.kind.dataSync()[one.ids.indexOf(3)]).toBe(2)
    expect(one.batch.y.price.dataSync()[one.ids.indexOf(3)]).toBeCloseTo(price[3]!, 6)
    one.dispose()
    expect(() => run.relabel(3, { kid: 'owl' })).toThrow(/kid.*kind/s)
    expect(() => run.relabel(3, 'owl')).toThrow(/labels by target/)
    await run.until(targetReached('kind_accuracy', 0.5), { atMost: 200 })
    expect(run.stopReason?.kind).toBe('target')
    await run.until(plateau({ metric: 'price_loss', patience: 2, atLeast: 1 }), { atMost: 50 })
    expect(run.stopReason?.kind).toBe('plateau')
    expect(() => run.set({ stop: targetReached('kind_acuracy', 1) })).toThrow(/kind_accuracy/)
  })

  it('is looked over by check, and a NaN in an input is traced', async () => {
    const run = start()
    expect((await run.check()).map(({ check }) => check)).toContain('inputs size')
    const broken = sizes.slice()
    broken[3 * 4] = NaN
    const bad = start({
      data: { x: { ...arrays.x, size: tf.tensor2d(broken, [count, 3]) }, y: arrays.y },
      evaluateOn: undefined,
    })
    await bad.iterate(1)
    expect(bad.stopReason?.message).toMatch(/examples 4\).*first layer that is not finite/)
  })

  it('takes a softmax that goes on to another output as it is', async () => {
    const x = tf.input({ shape: [2] })
    const shares = tf.layers
      .dense({ units: 3, activation: 'softmax', name: 'shares' })
      .apply(x) as tf.SymbolicTensor
    const value = tf.layers.dense({ units: 1, name: 'value' }).apply(shares) as tf.SymbolicTensor
    const both = tf.model({ inputs: x, outputs: [shares, value] })
    const run = train(both, {
      data: { x: arrays.x.place, y: { shares: kind, value: price } },
      loss: { shares: 'sparseCategoricalCrossentropy', value: 'meanSquaredError' },
      optimizer: sgd({ learningRate: 1e-9 }),
      batchSize: count,
      save: false,
    })
    await run.iterate(1)
    const [predicted, values] = both.predict(arrays.x.place) as tf.Tensor[]
    const [p, v] = [predicted!.arraySync() as number[][], values!.dataSync()]
    const cross = p.reduce((sum, row, i) => sum - Math.log(row[kind[i]!]!), 0) / count
    const squares = price.reduce((sum, one, i) => sum + (one - v[i]!) ** 2, 0) / count
    expect(run.history[0]!.shares_loss).toBeCloseTo(cross, 5)
    expect(run.history[0]!.value_loss).toBeCloseTo(squares, 5)
  })
})

describe('a model of one’s own with x and y of several parts', () => {
  it('gets them by name, typed, compiled or not, and metrics by part', async () => {
    for (const backend of ['cpu', 'onnxruntime']) {
      await tf.setBackend(backend)
      const w = tf.variable(tf.zeros([3, 1]))
      const run = train(
        {
          parameters: { w },
          loss: ({ x, y }) => {
            const perExample = x.size.matMul(w).flatten().sub(y.price).square()
            return { loss: perExample.mean(), perExample }
          },
          predict: (x) => ({ price: x.size.matMul(w).flatten() }),
        },
        {
          data: arrays,
          evaluateOn: arrays,
          metrics: { price: ['meanSquaredError'] },
          optimizer: sgd({ learningRate: 0.1 }),
          batchSize: 10,
          save: false,
        },
      )
      await run.iterate(12)
      const row = await run.evaluate()
      expect(row.price_meanSquaredError).toBeCloseTo(row.loss, 5)
      expect(shown.filter((one) => typeof one === 'string' && one.includes('kernel by kernel'))).toEqual([])
    }
  })
})
