// One contestant: node step.mjs WORK compiled|lazy|run|wasm|tensorflow THREADS [FOLDER_OF_THE_BACKEND]. A line in: a number of steps.
// A line out: their milliseconds. Its first line tells how long the first step took.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import * as tf from '@tensorflow/tfjs'
import { compile, setBackendOptions } from 'gradbook/backend'
import { createGpt, createStep, sizes, tokens } from './gpt.mjs'
import { convnet, perceptron, stepOf } from './models.mjs'

const [work, mode, threads, folder] = process.argv.slice(2)
console.warn = () => {} // a copy of tfjs beside another backend tells of every kernel that it finds registered

/** Backends that are not ours, from a folder of their own; they share tfjs's engine. */
const others = {
  async wasm(require) {
    const { setThreadsCount } = require('@tensorflow/tfjs-backend-wasm')
    setThreadsCount(Number(threads))
    await tf.setBackend('wasm')
  },
  async tensorflow(require) {
    // TensorFlow reads the number of its threads here.
    Object.assign(process.env, { TF_NUM_INTRAOP_THREADS: threads, TF_CPP_MIN_LOG_LEVEL: '3' })
    require('@tensorflow/tfjs-node')
    await tf.setBackend('tensorflow')
  },
}
if (others[mode]) await others[mode](createRequire(join(folder, 'package.json')))
else {
  await tf.setBackend('onnxruntime')
  setBackendOptions({ threads: Number(threads) })
}

function create() {
  if (!work.startsWith('gpt-')) {
    const model = { convnet, perceptron }[work]()
    return { body: stepOf(model), inputs: () => [model.x, model.y] }
  }
  const size = sizes[work.slice('gpt-'.length)]
  const shape = [size.batch, size.context]
  const [x, y] = [7919, 104729].map((factor) => tf.tensor2d(tokens(size, factor), shape, 'int32'))
  let iteration = 0
  return {
    body: createStep(createGpt(size, { oneHot: mode === 'wasm' })),
    inputs: () => [x, y, 1e-3, ++iteration],
  }
}

const { body, inputs } = create()
const step = mode === 'compiled' ? compile(body) : body

function run(count) {
  const times = []
  for (let at = 0; at < count; at++) {
    const started = performance.now()
    const loss = step(...inputs())
    loss.dataSync() // the loss is read in every step
    loss.dispose()
    times.push(performance.now() - started)
  }
  return times
}

/** Iterations of a run in one call, its history kept: all that a user gets, several in one run of a session where that pays. */
async function createRun() {
  const { adam, fromArrays, train } = await import('gradbook')
  const { model, x, y } = perceptron()
  const data = fromArrays({ x: tf.tile(x, [64, 1]), y: tf.tile(y, [64, 1]) })
  const optimizer = adam({ learningRate: 1e-3 })
  const options = { data, loss: 'meanSquaredError', batchSize: 64, optimizer, seed: 1 }
  return train(model, { ...options, save: false, progress: false })
}
if (mode === 'run') {
  const trained = await createRun()
  await trained.iterate(6000)
  console.log(JSON.stringify({ first: 0 }))
  for await (const line of createInterface({ input: process.stdin })) {
    const started = performance.now()
    await trained.iterate(Number(line))
    console.log(JSON.stringify({ times: [(performance.now() - started) / Number(line)] }))
  }
  process.exit()
}

const [first] = run(1)
run(mode === 'wasm' ? 1 : 4)
console.log(JSON.stringify({ first }))
for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify({ times: run(Number(line)) }))
