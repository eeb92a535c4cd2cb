// Trains keras.io's MNIST convnet on the digits of the `mnist` package, and prints its accuracy on the test split for each
// seed as JSON: node train.mjs FOLDER EPOCHS SEEDS. The split is left in FOLDER for the same in another framework.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'

const { adam, digits, seed, train } = await import(new URL('../../../dist/src/index.js', import.meta.url))
const [folder, epochs, seeds] = process.argv.slice(2)
await tf.setBackend('onnxruntime')

const data = await digits({ seed: 1 })
for (const name of ['train', 'test']) {
  const { x, y } = data[name].at(Int32Array.from({ length: data[name].length }, (_, at) => at))
  writeFileSync(join(folder, `${name}-x.f32`), Buffer.from(x.dataSync().slice().buffer))
  writeFileSync(join(folder, `${name}-y.i32`), Buffer.from(Int32Array.from(y.dataSync()).buffer))
  tf.dispose([x, y])
}

const { conv2d, dense, dropout, flatten, maxPooling2d } = tf.layers
const accuracies = []
for (let own = 1; own <= Number(seeds); own++) {
  seed(own)
  const model = tf.sequential({
    layers: [
      conv2d({ inputShape: [28, 28, 1], filters: 32, kernelSize: 3, activation: 'relu' }),
      maxPooling2d({ poolSize: 2 }),
      conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
      maxPooling2d({ poolSize: 2 }),
      flatten(),
      dropout({ rate: 0.5 }),
      dense({ units: 10 }),
    ],
  })
  const run = train(model, {
    data: data.train,
    batchSize: 128,
    seed: own,
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
    optimizer: adam({ learningRate: 1e-3 }),
  })
  await run.epochs(Number(epochs))
  accuracies.push((await run.evaluate(data.test)).accuracy)
}
process.stdout.write(`${JSON.stringify(accuracies)}\n`, () => process.exit(0))
