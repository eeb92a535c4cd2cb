import * as tf from '@tensorflow/tfjs'
import { afterAll, describe, expect, it } from 'vitest'
import { backendStatistics, compile, compileTraining, setBackendOptions } from '../../../src/backend/index.js'

afterAll(() => setBackendOptions({ minimumSize: 1000, mode: 'lazy' }))

interface Work {
  model: tf.LayersModel
  x: tf.Tensor
  y: tf.Tensor
  loss: (expected: tf.Tensor, predicted: tf.Tensor) => tf.Tensor
  optimizer: () => tf.Optimizer
}

const weights = (seed: number) => tf.initializers.glorotUniform({ seed })
const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed)
const classes = (rows: number, count: number) =>
  tf
    .oneHot(
      tf.tensor1d(
        Int32Array.from({ length: rows }, (_, at) => at % count),
        'int32',
      ),
      count,
    )
    .toFloat()
const crossEntropy = (expected: tf.Tensor, logits: tf.Tensor) =>
  tf.losses.softmaxCrossEntropy(expected, logits)
const squares = (expected: tf.Tensor, predicted: tf.Tensor) => tf.losses.meanSquaredError(expected, predicted)

/** A transformer block as a layer: attention over [batch, time, width], causal, and what follows it. */
class Block extends tf.layers.Layer {
  static className = 'TestBlock'
  private kernels: { [name: string]: ReturnType<tf.layers.Layer['addWeight']> } = {}
  private readonly width: number
  private readonly heads: number
  private readonly start: number
  constructor(width: number, heads: number, start: number) {
    super({})
    this.width = width
    this.heads = heads
    this.start = start
  }
  override build() {
    const { width } = this
    const shapes = {
      qkv: [width, 3 * width],
      out: [width, width],
      up: [width, 4 * width],
      down: [4 * width, width],
    }
    for (const [at, [name, shape]] of Object.entries(shapes).entries())
      this.kernels[name] = this.addWeight(name, shape, 'float32', weights(this.start + at) as never)
    this.built = true
  }
  override computeOutputShape(shape: tf.Shape) {
    return shape
  }
  override call(inputs: tf.Tensor | tf.Tensor[]) {
    return tf.tidy(() => {
      const x = Array.isArray(inputs) ? inputs[0]! : inputs
      const [batch, time, width] = x.shape as [number, number, number]
      const rows = (a: tf.Tensor) => a.reshape([batch * time, -1]) as tf.Tensor2D
      const dense = (a: tf.Tensor, name: string) =>
        tf.matMul(rows(a), this.kernels[name]!.read() as tf.Tensor2D)
      const norm = (a: tf.Tensor) => {
        const { mean, variance } = tf.moments(a, -1, true)
        return a.sub(mean).mul(variance.add(1e-5).rsqrt())
      }
      const split = tf
        .split(dense(norm(x), 'qkv'), 3, 1)
        .map((part) => part.reshape([batch, time, this.heads, width / this.heads]).transpose([0, 2, 1, 3]))
      const mask = tf.linalg
        .bandPart(tf.ones([time, time]), -1, 0)
        .sub(1)
        .mul(1e9)
      const scores = tf.softmax(tf.matMul(split[0]!, split[1]!, false, true).mul(0.5).add(mask))
      const mixed = tf.matMul(scores, split[2]!).transpose([0, 2, 1, 3])
      const after = x.add(dense(mixed, 'out').reshape(x.shape))
      const up = dense(norm(after), 'up')
      return after.add(dense(up.mul(tf.sigmoid(up.mul(1.702))), 'down').reshape(x.shape))
    })
  }
}

const { dense, layerNormalization, conv2d, batchNormalization, maxPooling2d, depthwiseConv2d, flatten } =
  tf.layers

const works: { [title: string]: () => Work } = {
  'a perceptron with layer norm': () => ({
    model: tf.sequential({
      layers: [
        dense({ inputShape: [10], units: 16, activation: 'tanh', kernelInitializer: weights(1) }),
        layerNormalization(),
        dense({ units: 8, activation: 'elu', kernelInitializer: weights(2) }),
        dense({ units: 1, kernelInitializer: weights(3) }),
      ],
    }),
    x: normal([8, 10], 4),
    y: normal([8, 1], 5),
    loss: squares,
    optimizer: () => tf.train.momentum(0.01, 0.9),
  }),
  'a convnet with batch norm and depthwise convolution': () => ({
    model: tf.sequential({
      layers: [
        conv2d({
          inputShape: [12, 12, 3],
          filters: 8,
          kernelSize: 3,
          strides: 1,
          padding: 'same',
          activation: 'relu',
          kernelInitializer: weights(1),
        }),
        batchNormalization(),
        maxPooling2d({ poolSize: 2 }),
        depthwiseConv2d({ kernelSize: 3, depthwiseInitializer: weights(2) }),
        conv2d({ filters: 6, kernelSize: 2, strides: 2, kernelInitializer: weights(3) }),
        tf.layers.averagePooling2d({ poolSize: 2, strides: 1 }),
        flatten(),
        dense({ units: 5, kernelInitializer: weights(4) }),
      ],
    }),
    x: normal([8, 12, 12, 3], 5),
    y: classes(8, 5),
    loss: crossEntropy,
    optimizer: () => tf.train.sgd(0.02),
  }),
  'an embedding with LSTM and GRU': () => ({
    model: tf.sequential({
      layers: [
        tf.layers.embedding({
          inputDim: 20,
          outputDim: 8,
          inputLength: 6,
          embeddingsInitializer: weights(1) as never,
        }),
        tf.layers.lstm({
          units: 7,
          returnSequences: true,
          kernelInitializer: weights(2),
          recurrentInitializer: weights(3),
        }),
        tf.layers.gru({ units: 5, kernelInitializer: weights(4), recurrentInitializer: weights(5) }),
        dense({ units: 1, kernelInitializer: weights(6) }),
      ],
    }),
    x: tf.tensor2d(
      Int32Array.from({ length: 48 }, (_, at) => (at * 7) % 20),
      [8, 6],
      'int32',
    ),
    y: normal([8, 1], 7),
    loss: squares,
    optimizer: () => tf.train.rmsprop(0.003),
  }),
  'a GPT': () => ({
    model: tf.sequential({
      layers: [
        tf.layers.embedding({
          inputDim: 12,
          outputDim: 16,
          inputLength: 8,
          embeddingsInitializer: weights(1) as never,
        }),
        new Block(16, 4, 10),
        new Block(16, 4, 20),
        layerNormalization(),
        dense({ units: 12, kernelInitializer: weights(2) }),
      ],
    }),
    x: tf.tensor2d(
      Int32Array.from({ length: 32 }, (_, at) => (at * 5) % 12),
      [4, 8],
      'int32',
    ),
    y: classes(32, 12).reshape([4, 8, 12]),
    loss: (expected, logits) => crossEntropy(expected.reshape([32, 12]), logits.reshape([32, 12])),
    optimizer: () => tf.train.adam(1e-3),
  }),
}

/** The losses of 40 steps, and the norm of the weights after them. */
async function follow(backend: string, make: () => Work, compiled: boolean): Promise<number[]> {
  await tf.setBackend(backend)
  const { model, x, y, loss, optimizer: makeOptimizer } = make()
  const optimizer = makeOptimizer()
  const body = (a: tf.Tensor, b: tf.Tensor) =>
    optimizer.minimize(() => loss(b, model.apply(a, { training: true }) as tf.Tensor) as tf.Scalar, true)!
  const step = compiled ? compile(body) : body
  const losses: number[] = []
  for (let at = 0; at < 40; at++) losses.push(step(x, y).dataSync()[0]!)
  const norm = tf.tidy(
    () => tf.addN(model.getWeights().map((weight) => weight.square().sum())).dataSync()[0]!,
  )
  tf.disposeVariables()
  return [...losses, norm]
}

describe('40 steps on the four models agree with the cpu backend', () => {
  for (const [title, make] of Object.entries(works))
    it(`${title}: compiled, and lazily`, { timeout: 900_000 }, async () => {
      const expected = await follow('cpu', make, false)
      for (const compiled of [true, false]) {
        setBackendOptions({ minimumSize: compiled ? 1000 : 0 })
        const received = await follow('onnxruntime', make, compiled)
        for (const [at, loss] of expected.entries())
          expect(
            Math.abs(received[at]! / loss - 1),
            `${compiled ? 'compiled' : 'lazy'} step ${at}`,
          ).toBeLessThan(1e-5)
      }
    })
})

describe('compileTraining', () => {
  it('makes model.fit train through one graph a batch, with the same losses', async () => {
    const make = () => {
      const { model, x, y } = works['a perceptron with layer norm']!()
      model.compile({ optimizer: tf.train.sgd(0.05), loss: 'meanSquaredError', metrics: ['mse'] })
      return { model, x, y }
    }
    await tf.setBackend('onnxruntime')
    const options = { epochs: 6, batchSize: 4, shuffle: false, verbose: 0 } as const
    const plain = make()
    const expected = (await plain.model.fit(plain.x, plain.y, options)).history.loss as number[]
    const fast = make()
    compileTraining(fast.model)
    backendStatistics()
    const received = (await fast.model.fit(fast.x, fast.y, options)).history.loss as number[]
    const { sessions } = backendStatistics()
    expect(sessions).toBeLessThan(20)
    for (const [at, loss] of expected.entries()) expect(Math.abs(received[at]! / loss - 1)).toBeLessThan(1e-5)
    tf.disposeVariables()
  })

  it('draws other masks of dropout for each batch, the same for the same seed, in one recording', async () => {
    await tf.setBackend('onnxruntime')
    const losses = async (seed: number) => {
      const model = tf.sequential({
        layers: [
          tf.layers.dropout({ inputShape: [64], rate: 0.5, seed: 3 }),
          tf.layers.dense({ units: 1, kernelInitializer: 'ones', trainable: true }),
        ],
      })
      model.compile({ optimizer: tf.train.sgd(0), loss: 'meanAbsoluteError' })
      compileTraining(model, { seed })
      const [x, y] = [tf.ones([8, 64]), tf.zeros([8, 1])]
      const seen = []
      backendStatistics()
      for (let i = 0; i < 6; i++) seen.push((await model.trainOnBatch(x, y)) as number)
      expect(backendStatistics().sessions).toBeLessThan(3)
      return seen
    }
    const first = await losses(1)
    expect(new Set(first).size).toBeGreaterThan(4)
    expect(await losses(1)).toEqual(first)
    expect(await losses(2)).not.toEqual(first)
    expect(() => compileTraining({} as never)).toThrow('a tf.LayersModel')
  })
})
