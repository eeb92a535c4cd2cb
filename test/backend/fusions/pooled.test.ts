import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Graph } from '../../../src/backend/graph/graph.js'
import { compile, setBackendOptions } from '../../../src/backend/index.js'
import { findNeeded } from '../../../src/backend/passes/needed.js'

beforeAll(async () => {
  await tf.setBackend('onnxruntime')
  setBackendOptions({ minimumSize: 0 })
})
afterAll(() => setBackendOptions({ minimumSize: 4000 }))

interface Row {
  x: [number, number, number, number]
  filter: [number, number, number, number]
  pad?: 'valid' | 'same' | number
  strides?: number
  dilations?: number
  /** Height and width of the pooling's windows. */
  window?: [number, number]
  bias?: 'none' | 'layered'
  order?: 'relu first' | 'pooling first' | 'no relu'
}

/** Results of at least 2 ** 16 numbers. Channels of 16 and 32 are whole blocks on any processor. */
const rows: { [title: string]: Row } = {
  'one channel': { x: [16, 14, 14, 1], filter: [3, 3, 1, 32] },
  'three channels and padding': { x: [8, 16, 16, 3], filter: [3, 3, 3, 32], pad: 'same' },
  'an uneven padding, a filter that is not square': { x: [8, 17, 16, 3], filter: [2, 5, 3, 32], pad: 'same' },
  'strides, in rows': { x: [16, 25, 26, 2], filter: [3, 3, 2, 40], strides: 2 },
  'dilation, in rows': { x: [16, 18, 18, 2], filter: [3, 3, 2, 24], dilations: 2 },
  'pixels that no window reaches, in rows': { x: [16, 15, 16, 1], filter: [3, 3, 1, 32] },
  'windows of 3 x 2, in rows': { x: [16, 14, 14, 1], filter: [3, 3, 1, 32], window: [3, 2] },
  'no bias, in rows': { x: [16, 14, 14, 1], filter: [3, 3, 1, 32], bias: 'none' },
  'the pooling before the relu, in rows': { x: [16, 14, 14, 1], filter: [3, 3, 1, 32], order: 'pooling first' },
  'whole blocks': { x: [16, 14, 14, 16], filter: [3, 3, 16, 32] },
  'blocks and padding': { x: [16, 12, 12, 16], filter: [3, 3, 16, 32], pad: 'same' },
  'blocks and padding as a number': { x: [16, 12, 12, 16], filter: [2, 2, 16, 32], pad: 1 },
  'blocks, an uneven padding, a filter that is not square': { x: [16, 13, 12, 16], filter: [2, 4, 16, 32], pad: 'same' },
  'blocks that leave pixels over': { x: [16, 14, 16, 16], filter: [2, 2, 16, 32] },
  'blocks that leave padding over': { x: [16, 13, 13, 16], filter: [2, 2, 16, 32], pad: 'same' },
  'blocks and strides': { x: [16, 24, 24, 16], filter: [2, 2, 16, 32], strides: 2 },
  'blocks of a batch that is no block': { x: [15, 13, 13, 16], filter: [2, 2, 16, 32] },
  'blocks in windows of 2 x 3': { x: [16, 14, 14, 16], filter: [2, 2, 16, 32], window: [2, 3] },
  'blocks without a bias': { x: [16, 13, 13, 16], filter: [2, 2, 16, 32], bias: 'none' },
  'blocks with the pooling first': { x: [16, 13, 13, 16], filter: [2, 2, 16, 32], order: 'pooling first' },
  'blocks without a relu': { x: [16, 14, 14, 16], filter: [2, 2, 16, 32], order: 'no relu' },
  'a bias of four dimensions': { x: [16, 13, 13, 16], filter: [2, 2, 16, 32], bias: 'layered' },
} // oxfmt-ignore

/** Small whole numbers: their sums are exact in any order, and windows are full of equal numbers. */
const fill = (shape: readonly number[], seed: number, most = 2): tf.Tensor =>
  tf.randomUniform(shape as [number], -most, most + 1, 'float32', seed).floor()

/** The pooled layer, and what goes into the pooling. */
function layer(row: Row, [x, filter, bias]: tf.Tensor[]): { pooled: tf.Tensor; image: tf.Tensor } {
  const { pad = 'valid', strides = 1, dilations = 1, window = [2, 2], order = 'relu first' } = row
  const rounding = pad === 1 ? 'floor' : undefined
  const plain = tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, strides, pad, 'NHWC', dilations, rounding)
  const sum = bias ? plain.add(bias) : plain
  const image = order === 'relu first' ? sum.relu() : sum
  const pooled = tf.maxPool(image as tf.Tensor4D, window, window, 'valid')
  return { pooled: order === 'pooling first' ? pooled.relu() : pooled, image }
}

function inputsOf({ x, filter, bias }: Row): tf.Tensor[] {
  const channels = filter[3]
  const inputs = [fill(x, 1), fill(filter, 2)]
  if (bias === 'none') return inputs
  return [...inputs, fill(bias === 'layered' ? [1, 1, 1, channels] : [channels], 3)]
}

const valuesOf = (tensors: tf.Tensor[]) => tensors.map((one) => one.dataSync().slice() as Float32Array)

/** Result and gradients of image (not where dilated: tfjs has none), filter and bias. */
const resultsOf = (row: Row): tf.Tensor[] => {
  const inputs = inputsOf(row)
  const { pooled } = layer(row, inputs)
  if (row.dilations) return [pooled]
  const gradientsOf = tf.grads((...all: tf.Tensor[]) => layer(row, all).pooled)
  return [pooled, ...gradientsOf(inputs, fill(pooled.shape, 4, 9))]
}

async function onCpu<T>(work: () => T): Promise<T> {
  await tf.setBackend('cpu')
  const result = work()
  await tf.setBackend('onnxruntime')
  return result
}

describe('a convolution that is pooled, and its gradients', () => {
  it.each(Object.entries(rows))('of %s are those of the cpu backend', async (_, row) => {
    const compute = () => tf.tidy(() => valuesOf(resultsOf(row)))
    const ours = compute()
    const theirs = await onCpu(compute)
    expect(ours.length).toBe(theirs.length)
    for (const [at, values] of theirs.entries()) expect(ours[at]).toEqual(values)
  })

  it.each(['one channel', 'blocks that leave pixels over'])(
    'of %s are the same where others need what goes into the pooling too',
    async (title) => {
      const row = rows[title]!
      const work = () => {
        const inputs = inputsOf(row)
        const loss = (...all: tf.Tensor[]) => {
          const { pooled, image } = layer(row, all)
          return pooled.square().sum().add(image.sum())
        }
        const { image, pooled } = layer(row, inputs)
        return [image, pooled, ...tf.grads(loss)(inputs)]
      }
      const ours = tf.tidy(() => valuesOf(work()))
      const theirs = await onCpu(() => tf.tidy(() => valuesOf(work())))
      expect(ours).toEqual(theirs)
    },
  )

  it('are the same lazily, compiled, and with each kernel run at once', () => {
    const row = rows['blocks that leave pixels over']!
    const loss = (...all: tf.Tensor[]) => layer(row, all).pooled.square().sum()
    const step = compile((x: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor) =>
      tf.grads(loss)([x, filter, bias]),
    )
    tf.tidy(() => {
      const inputs = inputsOf(row)
      const compiled = valuesOf(step(...(inputs as [tf.Tensor, tf.Tensor, tf.Tensor])))
      expect(valuesOf(tf.grads(loss)(inputs))).toEqual(compiled)
      setBackendOptions({ mode: 'eager' })
      expect(valuesOf(tf.grads(loss)(inputs))).toEqual(compiled)
      setBackendOptions({ mode: 'lazy' })
    })
    step.dispose()
  })

  it('are those of the cpu backend for a convolution, bias and relu in one kernel', async () => {
    const row = rows['blocks that leave pixels over']!
    const compute = () =>
      tf.tidy(() => {
        const [x, filter, bias] = inputsOf(row) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor]
        const activation = 'relu'
        const image = tf.fused.conv2d({ x, filter, strides: 1, pad: 'valid', bias, activation })
        return valuesOf([tf.maxPool(image as tf.Tensor4D, 2, 2, 'valid')])
      })
    const ours = compute()
    expect(ours).toEqual(await onCpu(compute))
  })

  it.each([
    [2, 3],
    [3, 2],
  ])(
    'are those of the cpu backend where it is pooled twice, by windows of %i and of %i',
    async (one, two) => {
      const row: Row = {
        x: [8, 24, 24, 1],
        filter: [3, 3, 1, 16],
        pad: 'same',
        bias: 'none',
        order: 'no relu',
      }
      const loss = (...all: tf.Tensor[]) => {
        const image = layer(row, all).image as tf.Tensor4D
        const [a, b] = [one, two].map((size) => tf.maxPool(image, size, size, 'valid'))
        return a!.square().sum().add(b!.sum())
      }
      const compute = () => tf.tidy(() => valuesOf(tf.grads(loss)(inputsOf(row))))
      const ours = compute()
      expect(ours).toEqual(await onCpu(compute))
    },
  )
})

describe('of two ways to a part', () => {
  const create = () => {
    const g = new Graph()
    const x = g.input([4], 'float32')
    const whole = g.unary('Exp', x)
    const part = g.slice(whole, [0], [2])
    const direct = g.unary('Exp', g.slice(x, [0], [2]))
    const result = g.unary('Neg', g.either(direct, part, whole))
    const operators = (...outputs: Parameters<typeof findNeeded>[1]) =>
      findNeeded(g, outputs).map(({ op }) => op)
    return { whole, result, operators }
  }

  it('a graph takes the direct one where nothing needs the whole', () => {
    const { result, operators } = create()
    expect(operators(result)).toEqual(['Slice', 'Exp', 'Neg'])
  })

  it('a graph cuts the part out of a whole that is made anyhow', () => {
    const { whole, result, operators } = create()
    expect(operators(result, whole)).toEqual(['Exp', 'Slice', 'Neg'])
  })
})
