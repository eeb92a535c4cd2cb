// Trains a small convnet with dropout on one backend and prints a line of JSON: node train.mjs BACKEND FOLDER [TFJS_NODE]
// In a folder that holds a saved run, it goes on with that one.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const [backend, folder, addon] = process.argv.slice(2)
// A copy of tfjs beside the addon tells of every kernel that it finds registered.
console.warn = () => {}
const tf = await import('@tensorflow/tfjs')
if (addon) createRequire(import.meta.url)(addon)
const { adam, digits, loadRun, seed, train } = await import(
  new URL('../../../dist/src/index.js', import.meta.url)
)
await tf.setBackend(backend)

const { train: data, validation } = await digits({ seed: 1 })
seed(1)
const { conv2d, dense, dropout, flatten, maxPooling2d } = tf.layers
const model = tf.sequential({
  layers: [
    conv2d({ inputShape: [28, 28, 1], filters: 8, kernelSize: 3, activation: 'relu' }),
    maxPooling2d({ poolSize: 2 }),
    conv2d({ filters: 16, kernelSize: 3, activation: 'relu' }),
    maxPooling2d({ poolSize: 2 }),
    flatten(),
    dropout({ rate: 0.25 }),
    dense({ units: 10 }),
  ],
})
const lossesOf = (run) => run.history.map(({ loss }) => loss)
const weights = () => model.getWeights().map((tensor) => [...tensor.dataSync()])
const saved = join(folder, 'saved')
const result = { backend: tf.getBackend() }

if (existsSync(saved)) {
  const run = await loadRun(saved, { model, data, evaluateOn: validation })
  await run.iterate(10)
  result.losses = lossesOf(run)
} else {
  const run = train(model, {
    data,
    evaluateOn: validation,
    batchSize: 64,
    seed: 1,
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
    optimizer: adam({ learningRate: 1e-3 }),
    clipNorm: 1,
  })
  await run.iterate(20)
  const before = weights()
  await run.iterate(10)
  const first = lossesOf(run)
  await run.undo()
  result.undone = JSON.stringify(weights()) === JSON.stringify(before) && run.iteration === 20
  await run.iterate(10)
  result.repeated = JSON.stringify(lossesOf(run)) === JSON.stringify(first)
  await run.save(saved)
  await run.iterate(10)
  result.losses = lossesOf(run)
  result.accuracy = (await run.evaluate()).accuracy
}
result.backendAtEnd = tf.getBackend()
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))
