import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  adam,
  cosine,
  fromArrays,
  fromRecords,
  split,
  train,
  type Dataset,
  type Run,
} from '../../../src/index.js'
import { iris, names, penguins } from '../../../src/data/index.js'
import { coreOf } from '../../../src/train/run/run.js'
import { long, pytorch } from '../../kit/needs.js'
import { useSilence } from '../../kit/training.js'

beforeAll(() => tf.setBackend('onnxruntime'))
afterAll(() => tf.setBackend('cpu'))
useSilence()

const script = fileURLToPath(new URL('fixtures/reference.py', import.meta.url))

/** x and y of all examples of a set, as nested arrays. */
function examplesOf(data: Dataset): { x: unknown; y: unknown } {
  const { x, y } = data.at(Array.from({ length: data.length }, (_, position) => position))
  const values = { x: x.arraySync(), y: y.arraySync() }
  tf.dispose([x, y])
  return values
}

interface Problem {
  data: Dataset
  held: Dataset
  layers(): tf.layers.Layer[]
  batchSize: number
  iterations: number
  learningRate: number
}

/** Ours and PyTorch's: the same first weights, batches in the same order, the same rates. */
async function both({ data, held, layers, batchSize, iterations, learningRate }: Problem) {
  const model = tf.sequential({ layers: layers() })
  const weights = model.getWeights().map((weight) => weight.arraySync())
  const made = () =>
    train(model, {
      data,
      evaluateOn: held,
      loss: 'sparseCategoricalCrossentropy',
      metrics: ['accuracy'],
      batchSize,
      seed: 1,
      optimizer: adam({ learningRate }),
      schedule: cosine({ over: iterations, to: learningRate / 100 }),
      evaluateEvery: iterations,
    }) as Run
  const order = coreOf(made())!.state.order
  const batches = Array.from({ length: iterations }, () => [...order.next(batchSize)])
  const run = made()
  await run.iterate(iterations)
  const [own, other] = [examplesOf(data), examplesOf(held)]
  const { stdout, stderr } = spawnSync(pytorch(), [script], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    input: JSON.stringify({
      weights,
      embedding: model.layers[0]!.getClassName() === 'Embedding',
      ...own,
      heldX: other.x,
      heldY: other.y,
      batches,
      rates: run.history.map((row) => row.learningRate),
    }),
  })
  if (!stdout) throw new Error(stderr)
  const reference = JSON.parse(stdout) as { first: number[]; loss: number; accuracy: number }
  const last = run.evaluations.at(-1)!
  return { run, reference, loss: last.loss, accuracy: last.accuracy! }
}

describe('beside PyTorch, with the same weights, batches and rates', () => {
  test.runIf(long)(
    'a perceptron of names (embedding 10, tanh 200, three letters) comes to the same loss',
    async () => {
      const x: number[][] = []
      const y: number[] = []
      const code = (letter: string | undefined) => (letter ? letter.charCodeAt(0) - 96 : 0)
      for (const name of (await names()).filter((one) => /^[a-z]+$/.test(one)))
        for (let i = 0; i <= name.length; i++) {
          x.push([3, 2, 1].map((back) => code(name[i - back])))
          y.push(code(name[i]))
        }
      const data = fromArrays({ x: tf.tensor2d(x, undefined, 'int32'), y: Int32Array.from(y) })
      const parts = split(data, { train: 0.8, validation: 0.1, test: 0.1 }, { seed: 1 })
      const { dense, embedding, flatten } = tf.layers
      const { run, reference, loss } = await both({
        data: parts.train,
        held: parts.validation,
        layers: () => [
          embedding({ inputDim: 27, outputDim: 10, inputLength: 3 }),
          flatten(),
          dense({ units: 200, activation: 'tanh' }),
          dense({ units: 27, activation: 'softmax' }),
        ],
        batchSize: 64,
        iterations: 3000,
        learningRate: 5e-3,
      })
      process.stderr.write(`names: loss ${loss.toFixed(4)}, PyTorch ${reference.loss.toFixed(4)}\n`)
      for (const [i, expected] of reference.first.slice(0, 10).entries())
        expect(Math.abs(run.history[i]!.loss - expected)).toBeLessThan(1e-4)
      // Roundings part the two paths on the way; they end in the same place to within a hundredth of a nat.
      expect(Math.abs(loss - reference.loss)).toBeLessThan(0.01)
      expect(loss).toBeLessThan(2.2)
    },
    300_000,
  )

  test.runIf(long)(
    'softmax regression on iris comes to the same loss to 1e-4, and to the same flowers',
    async () => {
      const data = await iris({ seed: 1 })
      const { reference, loss, accuracy } = await both({
        data: data.train,
        held: data.validation,
        layers: () => [tf.layers.dense({ units: 3, inputShape: [4], activation: 'softmax' })],
        batchSize: 32,
        iterations: 400,
        learningRate: 0.1,
      })
      process.stderr.write(`iris: loss ${loss.toFixed(5)}, PyTorch ${reference.loss.toFixed(5)}\n`)
      expect(Math.abs(loss - reference.loss)).toBeLessThan(1e-4)
      expect(accuracy).toBeCloseTo(reference.accuracy, 6)
    },
  )
})

/** Solves a x = b (a symmetric, positive) by elimination, in double precision. */
function solve(a: number[][], b: number[]): number[] {
  const rows = a.map((row, i) => [...row, b[i]!])
  for (let i = 0; i < rows.length; i++) {
    const pivot = rows[i]![i]!
    for (let j = 0; j < rows.length; j++) {
      if (j === i) continue
      const factor = rows[j]![i]! / pivot
      for (let k = i; k <= rows.length; k++) rows[j]![k]! -= factor * rows[i]![k]!
    }
  }
  return rows.map((row, i) => row.at(-1)! / row[i]!)
}

test('the mass of penguins by three measures comes to the loss of least squares, the exact optimum, within 1e-5', async () => {
  const all = await penguins({ seed: 1 })
  const table = examplesOf(all.train).x as number[][]
  const mean = table[0]!.map((_, i) => table.reduce((sum, row) => sum + row[i]!, 0) / table.length)
  const deviation = mean.map((m, i) =>
    Math.sqrt(table.reduce((sum, row) => sum + (row[i]! - m) ** 2, 0) / table.length),
  )
  const records = table.map((row) => {
    const [beak, depth, flipper, mass] = row.map((value, i) =>
      Math.fround((value - mean[i]!) / deviation[i]!),
    )
    return { beak: beak!, depth: depth!, flipper: flipper!, mass: mass! }
  })
  const data = fromRecords(records, { x: ['beak', 'depth', 'flipper'], y: 'mass', name: 'penguins' })
  const inputs = records.map(({ beak, depth, flipper }) => [beak, depth, flipper, 1])
  const gram = [0, 1, 2, 3].map((i) =>
    [0, 1, 2, 3].map((j) => inputs.reduce((sum, row) => sum + row[i]! * row[j]!, 0)),
  )
  const moment = [0, 1, 2, 3].map((i) => inputs.reduce((sum, row, r) => sum + row[i]! * records[r]!.mass, 0))
  const exact = solve(gram, moment)
  const optimum =
    inputs.reduce(
      (sum, row, r) =>
        sum + (row.reduce((at, value, i) => at + value * exact[i]!, 0) - records[r]!.mass) ** 2,
      0,
    ) / inputs.length
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [3] })] })
  const run = train(model, {
    data,
    loss: 'meanSquaredError',
    batchSize: data.length,
    seed: 1,
    optimizer: adam({ learningRate: 0.1 }),
    schedule: cosine({ over: 400, to: 1e-4 }),
  })
  await run.iterate(400)
  const { loss } = await run.evaluate(data)
  expect(loss - optimum).toBeLessThan(1e-5)
  expect(loss - optimum).toBeGreaterThan(-1e-7)
  const [kernel, bias] = model.getWeights().map((weight) => [...weight.dataSync()])
  for (const [i, value] of [...kernel!, ...bias!].entries()) expect(value).toBeCloseTo(exact[i]!, 2)
  // Three measures tell most of the mass: the share of its variance that is explained.
  expect(1 - loss).toBeGreaterThan(0.7)
  const worst = await run.mistakes({ of: 'train', k: 3 })
  expect(
    Math.abs((worst.rows[0]!.expected as number) - (worst.rows[0]!.predicted as number)) ** 2,
  ).toBeCloseTo(worst.rows[0]!.loss, 3)
})
