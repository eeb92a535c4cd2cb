/**
 * Every way of tfjs to freeze a layer. What is right is tfjs's own: `fit` changes the weights in `model.trainableWeights`
 * and no others; where tfjs forgets a wrapper's config, Keras's (all that is within is frozen).
 */
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { beforeEach, describe, expect, test } from 'vitest'
import { adamw, loadRun, seed, sgd, train } from '../../../src/index.js'
import { temporaryFolder } from '../../kit/index.js'
import { silence, weightsOf } from '../../kit/training.js'

let shown: any[]
beforeEach(() => {
  ;({ shown } = silence())
  seed(1)
})

const { dense, embedding, lstm, gru, simpleRNN, bidirectional, timeDistributed, flatten } = tf.layers
type Config = { trainable?: boolean; name?: string }

/** Layers that can be frozen, with the shape of what goes in, [2] numbers an example. */
const kinds: { [kind: string]: (config: Config) => tf.layers.Layer[] } = {
  dense: (config) => [dense({ units: 3, inputShape: [2], ...config })],
  embedding: (config) => [embedding({ inputDim: 7, outputDim: 3, inputShape: [2], ...config }), flatten()],
  conv1d: (config) => [
    tf.layers.reshape({ targetShape: [2, 1], inputShape: [2] }),
    tf.layers.conv1d({ filters: 3, kernelSize: 2, ...config }),
    flatten(),
  ],
  conv2d: (config) => [
    tf.layers.reshape({ targetShape: [2, 1, 1], inputShape: [2] }),
    tf.layers.conv2d({ filters: 3, kernelSize: [2, 1], ...config }),
    flatten(),
  ],
  depthwiseConv2d: (config) => [
    tf.layers.reshape({ targetShape: [2, 1, 1], inputShape: [2] }),
    tf.layers.depthwiseConv2d({ depthMultiplier: 2, kernelSize: [2, 1], ...config } as never),
    flatten(),
  ],
  separableConv2d: (config) => [
    tf.layers.reshape({ targetShape: [2, 1, 1], inputShape: [2] }),
    tf.layers.separableConv2d({ filters: 2, kernelSize: [2, 1], ...config }),
    flatten(),
  ],
  conv2dTranspose: (config) => [
    tf.layers.reshape({ targetShape: [2, 1, 1], inputShape: [2] }),
    tf.layers.conv2dTranspose({ filters: 2, kernelSize: [2, 1], ...config }),
    flatten(),
  ],
  batchNormalization: (config) => [tf.layers.batchNormalization({ inputShape: [2], ...config })],
  layerNormalization: (config) => [tf.layers.layerNormalization({ inputShape: [2], ...config } as never)],
  prelu: (config) => [tf.layers.prelu({ inputShape: [2], alphaInitializer: 'ones', ...config })],
  simpleRNN: (config) => [...asSteps(), simpleRNN({ units: 3, ...config })],
  gru: (config) => [...asSteps(), gru({ units: 3, ...config })],
  lstm: (config) => [...asSteps(), lstm({ units: 3, ...config })],
  'stacked cells': (config) => [
    ...asSteps(),
    tf.layers.rnn({ cell: [tf.layers.lstmCell({ units: 3 }), tf.layers.gruCell({ units: 2 })], ...config }),
  ],
  timeDistributed: (config) => [
    ...asSteps(),
    timeDistributed({ layer: dense({ units: 3 }), ...config }),
    flatten(),
  ],
  bidirectional: (config) => [
    ...asSteps(),
    bidirectional({ layer: lstm({ units: 3 }) as never, mergeMode: 'concat', ...config }),
  ],
}
const asSteps = () => [tf.layers.reshape({ targetShape: [2, 1], inputShape: [2] })]

/** 0 to 6, so that an embedding has a row for each. */
const data = () => ({
  x: tf.tensor2d([
    [1, 2],
    [3, 4],
    [5, 6],
    [0, 1],
  ]),
  y: tf.tensor2d([[1], [0], [1], [2]]),
})
const options = () => ({
  data: data(),
  batchSize: 4,
  seed: 1,
  loss: 'meanSquaredError',
  // Decay would move also what has no gradient.
  optimizer: adamw({ learningRate: 0.05, weightDecay: 0.5 }),
})
const modelOf = (layers: tf.layers.Layer[]) =>
  tf.sequential({ layers: [...layers, dense({ units: 1, name: 'head' })] })
const trunkOf = (model: tf.LayersModel) =>
  model.layers
    .filter(({ name }) => name !== 'head')
    .flatMap((layer) => layer.getWeights().map((weight) => [...weight.dataSync()]))
const headOf = (model: tf.LayersModel) => [...model.getLayer('head').getWeights()[0]!.dataSync()]

async function loadedAgain(model: tf.LayersModel): Promise<tf.LayersModel> {
  let saved!: tf.io.ModelArtifacts
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      saved = artifacts
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } }
    }),
  )
  return tf.loadLayersModel(tf.io.fromMemory(saved))
}

/** A run says to the layer within a wrapper what its config said; tfjs's own files know nothing of that. */
function seen(layers: (config: Config) => tf.layers.Layer[]): tf.LayersModel {
  const model = modelOf(layers({ trainable: false, name: 'trunk' }))
  train(model, options())
  return model
}

const isFrozenKind = ({ name }: tf.layers.Layer) => name === 'trunk'
const ways: { [way: string]: (layers: (config: Config) => tf.layers.Layer[]) => Promise<tf.LayersModel> } = {
  'in its config': async (layers) => modelOf(layers({ trainable: false, name: 'trunk' })),
  'once the model is built': async (layers) => {
    const model = modelOf(layers({ name: 'trunk' }))
    model.getLayer('trunk').trainable = false
    return model
  },
  'before the model is built': async (layers) => {
    const made = layers({ name: 'trunk' })
    made.find(isFrozenKind)!.trainable = false
    return modelOf(made)
  },
  'in a model that was saved and loaded': async (layers) => loadedAgain(seen(layers)),
  'in a model made of its JSON': async (layers) => {
    const topology = seen(layers).toJSON(null, false) as unknown as tf.io.ModelJSON
    return tf.models.modelFromJSON(topology)
  },
  'as part of a model that is frozen': async (layers) => {
    const trunk = tf.sequential({ name: 'trunk', layers: layers({}) })
    trunk.trainable = false
    return modelOf([trunk])
  },
  'in a model within a model that is frozen': async (layers) => {
    const inner = tf.sequential({ layers: layers({}) })
    const trunk = tf.sequential({ name: 'trunk', layers: [inner] })
    trunk.trainable = false
    return modelOf([trunk])
  },
}

for (const [kind, layers] of Object.entries(kinds))
  describe(`${kind}, frozen`, () => {
    test.each(Object.keys(ways))('%s, stays to the bit', async (way) => {
      const model = await ways[way]!(layers)
      const [trunk, head] = [trunkOf(model), headOf(model)]
      expect(trunk.flat().length).toBeGreaterThan(0)
      const run = train(model, options())
      expect(run.parameters).toEqual(['head/kernel', 'head/bias'])
      await run.iterate(3)
      expect(trunkOf(model)).toEqual(trunk)
      expect(headOf(model)).not.toEqual(head)
      const branch = run.branch('other')
      await branch.iterate(2)
      expect(trunkOf(branch.model)).toEqual(trunk)
    })

    test('and thawed, is trained again', async () => {
      const model = modelOf(layers({ trainable: false, name: 'trunk' }))
      train(model, options())
      model.getLayer('trunk').trainable = true
      const before = trunkOf(model)
      await train(model, options()).iterate(2)
      expect(trunkOf(model)).not.toEqual(before)
    })
  })

test.each(['onnxruntime', 'cpu'])('compiled or not (%s), the same layers stay', async (backend) => {
  await tf.setBackend(backend)
  try {
    const layers = kinds.lstm!({ trainable: false, name: 'trunk' })
    const model = modelOf(layers)
    const trunk = trunkOf(model)
    await train(model, options()).iterate(3)
    expect(trunkOf(model)).toEqual(trunk)
  } finally {
    await tf.setBackend('cpu')
  }
})

test('a model of one’s own goes by its layers too, and its frozen normalisations keep their averages', async () => {
  const trunk = tf.sequential({
    layers: [
      dense({ units: 3, inputShape: [2], trainable: false }),
      tf.layers.batchNormalization({ trainable: false }),
    ],
  })
  const w = tf.variable(tf.ones([3, 1]))
  const run = train(
    {
      parameters: { trunk, w },
      loss: ({ x, y, training }) =>
        (trunk.apply(x, { training }) as tf.Tensor)
          .matMul(w as tf.Tensor2D)
          .sub(y)
          .square()
          .mean(),
    },
    { data: data(), batchSize: 4, seed: 1, optimizer: adamw({ learningRate: 0.05, weightDecay: 0.5 }) },
  )
  const before = weightsOf(trunk)
  expect(run.parameters).toEqual(['w'])
  await run.iterate(3)
  expect(weightsOf(trunk)).toEqual(before)
  expect([...w.dataSync()]).not.toEqual([1, 1, 1])
  const branch = run.branch('other')
  await branch.iterate(1)
  expect(weightsOf(trunk)).toEqual(before)
})

test('run.set({ freeze }) freezes and thaws what the layers train, and never what they froze', async () => {
  const model = modelOf([
    dense({ units: 3, inputShape: [2], trainable: false, name: 'trunk' }),
    dense({ units: 2, name: 'middle' }),
  ])
  const run = train(model, options())
  const values = (name: string) =>
    model
      .getLayer(name)
      .getWeights()
      .map((weight) => [...weight.dataSync()])
  const [trunk, middle] = [values('trunk'), values('middle')]
  run.set({ freeze: /^middle/ })
  await run.iterate(2)
  expect([values('trunk'), values('middle')]).toEqual([trunk, middle])
  run.set({ freeze: [] })
  await run.iterate(2)
  expect(values('trunk')).toEqual(trunk)
  expect(values('middle')).not.toEqual(middle)
})

test('a run is taken up with the layers frozen that were, or says which are not', async () => {
  const folder = temporaryFolder()
  const make = (trainable: boolean) => modelOf(kinds.dense!({ name: 'trunk', trainable }))
  for (const optimizer of [sgd({ learningRate: 0.05 }), adamw({ learningRate: 0.05 })]) {
    const at = join(folder, optimizer.name)
    const run = train(make(false), { ...options(), optimizer, save: false })
    await run.iterate(2)
    await run.save(at)
    await run.iterate(2)
    await expect(loadRun(at, { model: make(true), data: data() })).rejects.toThrow(
      /a model in which trunk\/kernel, trunk\/bias are trained\. Expected it to be frozen.*layer\.trainable = false/,
    )
    const again = await loadRun(at, { model: make(false), data: data() })
    await again.iterate(2)
    expect(weightsOf(again.model)).toEqual(weightsOf(run.model))
  }
})

test('a model all of whose layers are frozen is refused with what to do', () => {
  const model = modelOf(kinds.dense!({}))
  model.trainable = false
  expect(() => train(model, options())).toThrow(/all of whose layers are frozen.*at least one parameter/)
})

test('one weight alone can be frozen, and a branch knows which', async () => {
  const model = modelOf(kinds.dense!({ name: 'trunk' }))
  const kernel = (model.getLayer('trunk').weights as any[])[0]
  kernel.trainable = false
  const run = train(model, options())
  expect(run.parameters).toEqual(['trunk/bias', 'head/kernel', 'head/bias'])
  await run.iterate(2)
  const branch = run.branch('other')
  await run.iterate(2)
  await branch.iterate(2)
  expect(branch.parameters).toEqual(run.parameters)
  expect(branch.history.at(-1)!.loss).toBe(run.history.at(-1)!.loss)
})

test('layers that are frozen or thawed once the run is made are spoken of, once, with what to do', async () => {
  const model = modelOf([
    dense({ units: 3, inputShape: [2], name: 'trunk' }),
    dense({ units: 2, trainable: false, name: 'middle' }),
  ])
  const run = train(model, options())
  const lines = () =>
    shown.flatMap((value) => (/trainable/.test(value?.['text/plain']) ? [value['text/plain']] : []))
  await run.iterate(1)
  expect(lines()).toEqual([])
  model.getLayer('trunk').trainable = false
  model.getLayer('middle').trainable = true
  await run.iterate(1)
  await run.iterate(1)
  expect(lines()).toEqual([
    expect.stringMatching(
      /trunk\/kernel, trunk\/bias were frozen .*run\.set\(\{ freeze: \['trunk\/kernel', 'trunk\/bias'\] \}\).*middle\/kernel, middle\/bias were thawed/,
    ),
  ])
})
