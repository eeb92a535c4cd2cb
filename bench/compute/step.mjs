// One contestant: node step.mjs WORK compiled|lazy THREADS. A line in: a number of steps. A line out: their milliseconds.
import { createInterface } from 'node:readline'
import * as tf from '@tensorflow/tfjs'
import { compile, setBackendOptions } from 'gradbook/backend'
import { createGpt, createStep, sizes, tokens } from './gpt.mjs'
import { convnet, perceptron, stepOf } from './models.mjs'

const [work, mode, threads] = process.argv.slice(2)
await tf.setBackend('onnxruntime')
setBackendOptions({ threads: Number(threads) })

function create() {
  if (!work.startsWith('gpt-')) {
    const model = { convnet, perceptron }[work]()
    return { body: stepOf(model), inputs: () => [model.x, model.y] }
  }
  const size = sizes[work.slice('gpt-'.length)]
  const shape = [size.batch, size.context]
  const [x, y] = [7919, 104729].map((factor) => tf.tensor2d(tokens(size, factor), shape, 'int32'))
  let iteration = 0
  return { body: createStep(createGpt(size)), inputs: () => [x, y, 1e-3, ++iteration] }
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

run(5)
console.log(JSON.stringify({ ready: true }))
for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify({ times: run(Number(line)) }))
