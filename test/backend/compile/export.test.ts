import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, it } from 'vitest'
import { exportOnnx } from '../../../src/backend/index.js'
import { createSession, runSession, type NativeTensors } from '../../../src/backend/session/native.js'
import { tensorOf } from '../../../src/backend/session/buffers.js'
import { python, temporaryFolder } from '../../kit/index.js'
import { readFileSync } from 'node:fs'

const folder = temporaryFolder()
beforeAll(() => tf.setBackend('onnxruntime'))

const { conv2d, maxPooling2d, flatten, dense, dropout, batchNormalization, embedding, lstm } = tf.layers

const models: { [title: string]: () => tf.LayersModel } = {
  'a convnet': () =>
    tf.sequential({
      layers: [
        conv2d({ inputShape: [8, 8, 2], filters: 4, kernelSize: 3, activation: 'relu' }),
        maxPooling2d({ poolSize: 2 }),
        batchNormalization(),
        flatten(),
        dropout({ rate: 0.5 }),
        dense({ units: 3, activation: 'softmax' }),
      ],
    }),
  'a convnet of many channels': () =>
    tf.sequential({
      layers: [
        conv2d({ inputShape: [8, 8, 2], filters: 20, kernelSize: 3, activation: 'relu', padding: 'same' }),
        maxPooling2d({ poolSize: 2 }),
        conv2d({ filters: 16, kernelSize: 2, strides: 2 }),
        flatten(),
        dense({ units: 3 }),
      ],
    }),
  'a convnet whose channels ONNX Runtime would take in blocks': () =>
    tf.sequential({
      layers: [
        conv2d({ inputShape: [8, 16, 1], filters: 96, kernelSize: 3, activation: 'relu', padding: 'same' }),
        conv2d({ filters: 16, kernelSize: 3, padding: 'same' }),
        flatten(),
        dense({ units: 3 }),
      ],
    }),
  'an LSTM': () =>
    tf.sequential({
      layers: [
        embedding({ inputDim: 10, outputDim: 4, inputLength: 5 }),
        lstm({ units: 3 }),
        dense({ units: 2 }),
      ],
    }),
}

const inputFor = (model: tf.LayersModel, rows: number) =>
  tf.tensor(
    Float32Array.from({ length: rows * 128 }, (_, at) => (at * 7) % 10).slice(
      0,
      rows * tf.util.sizeFromShape(model.inputs[0]!.shape.slice(1) as number[]),
    ),
    [rows, ...(model.inputs[0]!.shape.slice(1) as number[])],
  )

describe('an exported model', () => {
  for (const [title, make] of Object.entries(models))
    it(`of ${title} gives the numbers of the model, for any number of examples`, async () => {
      const model = make()
      const file = join(folder, `${title}.onnx`)
      await exportOnnx(model, file)
      expect(readFileSync(file, 'latin1')).not.toContain('nchwc')
      const session = createSession(readFileSync(file), { threads: 1, device: 'cpu' })
      for (const rows of [1, 5]) {
        const x = inputFor(model, rows)
        const expected = model.predict(x) as tf.Tensor
        const feeds: NativeTensors = {
          [model.inputNames[0]!]: tensorOf('float32', x.dataSync() as Float32Array, x.shape),
        }
        // An array of another shape would be refused.
        const result = new Float32Array(expected.size).fill(NaN)
        runSession(session, feeds, {
          [model.outputNames[0]!]: tensorOf('float32', result, expected.shape),
        })
        for (const [at, value] of expected.dataSync().entries()) expect(result[at]).toBeCloseTo(value, 5)
      }
      session.dispose()
      tf.disposeVariables()
    })

  it.skipIf(!python)('is read by Python’s onnxruntime', async () => {
    const model = models['a convnet']!()
    const file = join(folder, 'python.onnx')
    await exportOnnx(model, file)
    const x = inputFor(model, 3)
    const program = [
      'import sys, json, numpy, onnxruntime',
      'session = onnxruntime.InferenceSession(sys.argv[1])',
      'values = numpy.array(json.load(sys.stdin), dtype=numpy.float32)',
      'print(json.dumps(session.run(None, {session.get_inputs()[0].name: values})[0].tolist()))',
    ].join('\n')
    const { stdout, stderr } = spawnSync(python!, ['-c', program, file], {
      input: JSON.stringify(x.arraySync()),
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
    const received = (JSON.parse(stdout) as number[][]).flat()
    for (const [at, value] of (model.predict(x) as tf.Tensor).dataSync().entries())
      expect(received[at]).toBeCloseTo(value, 5)
    tf.disposeVariables()
  })

  it('has a batch of its own where one is given, and refuses what makes no sense', async () => {
    await expect(exportOnnx(models['a convnet']!(), join(folder, 'x.onnx'), { batch: 0 })).rejects.toThrow(
      /1 or more/,
    )
    await expect(exportOnnx({} as never, 'x')).rejects.toThrow(/tf\.LayersModel/)
  })
})

describe('a model saved to a folder', () => {
  it('is loaded again with the same weights and optimizer settings', async () => {
    const model = models['a convnet']!()
    model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy' })
    await model.save(`file://${join(folder, 'saved')}`)
    const again = await tf.loadLayersModel(`file://${join(folder, 'saved', 'model.json')}`)
    const x = inputFor(model, 2)
    expect([...(again.predict(x) as tf.Tensor).dataSync()]).toEqual([
      ...(model.predict(x) as tf.Tensor).dataSync(),
    ])
  })

  it('that is not there is an error that says what to load', async () => {
    await expect(tf.loadLayersModel(`file://${folder}/none/model.json`)).rejects.toThrow(
      /ENOENT.*model\.save/,
    )
  })

  it('goes on training with the state of its optimizer, and is replaced by the next one saved there', async () => {
    const data = [tf.ones([4, 3]), tf.zeros([4, 2])] as const
    const train = async (one: tf.LayersModel) =>
      (await one.fit(...data, { epochs: 3, verbose: 0, shuffle: false })).history.loss
    const create = (units: number) => {
      const made = tf.sequential({ layers: [tf.layers.dense({ inputShape: [3], units })] })
      made.compile({ optimizer: tf.train.adam(0.05), loss: 'meanSquaredError' })
      return made
    }
    const place = `file://${join(folder, 'goes-on')}`
    const model = create(2)
    await train(model)
    await model.save(place, { includeOptimizer: true })
    const again = await tf.loadLayersModel(`${place}/model.json`)
    expect(await train(again)).toEqual(await train(model))
    await create(5).save(place)
    expect((await tf.loadLayersModel(`${place}/model.json`)).outputs[0]!.shape).toEqual([null, 5])
  })

  it('says what is wrong with what is found in its place', async () => {
    const place = join(folder, 'broken')
    const load = (name: string) => tf.loadLayersModel(`file://${join(place, name)}`)
    await models['a convnet']!().save(`file://${place}`)
    rmSync(join(place, 'weights.bin'))
    await expect(load('model.json')).rejects.toThrow(/weights\.bin.*ENOENT.*model\.save/s)
    writeFileSync(join(place, 'half.json'), '{')
    await expect(load('half.json')).rejects.toThrow(/half\.json.*JSON.*model\.save/s)
    writeFileSync(join(place, 'other.json'), '{}')
    await expect(load('other.json')).rejects.toThrow(/no modelTopology/)
    await expect(load('')).rejects.toThrow(/EISDIR/)
    await expect(models['a convnet']!().save(`file://${join(place, 'half.json')}`)).rejects.toThrow(
      /no folder can be made \(EEXIST\)/,
    )
    await expect(exportOnnx(models['a convnet']!(), undefined as never)).rejects.toThrow(/path of the file/)
  })
})
