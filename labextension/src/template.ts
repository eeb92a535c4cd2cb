import type { TranslationBundle } from '@jupyterlab/translation'

const code = (source: string) => ({
  cell_type: 'code',
  metadata: {},
  source: source.trim(),
  outputs: [],
  execution_count: null,
})
const text = (source: string) => ({ cell_type: 'markdown', metadata: {}, source })

/** The cells of a new training notebook. */
export function template(displayName: string, trans: TranslationBundle): object {
  const cells = [
    text(`# ${trans.__('Training notebook')}\n\n${trans.__('Train, look at what is wrong, adjust, go on.')}`),
    code(`
import * as tf from '@tensorflow/tfjs'
import { adam, digits, sample, seed, train } from 'gradbook'

seed(1)
const data = await digits({ seed: 1, flat: true })
sample(data.train, 16)`),
    code(`
const model = tf.sequential({
  layers: [
    tf.layers.dense({ inputShape: [784], units: 64, activation: 'relu' }),
    tf.layers.dense({ units: 10, activation: 'softmax' }),
  ],
})
const run = train(model, {
  data: data.train,
  evaluateOn: data.validation,
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
  optimizer: adam({ learningRate: 1e-3 }),
  batchSize: 64,
  seed: 1,
})`),
    text(trans.__('One cell, some iterations. Run it again to go on.')),
    code(`await run.iterate(200)`),
    text(trans.__('What is still wrong, worst first:')),
    code(`await run.mistakes({ k: 16 })`),
    text(trans.__('Change something and go on; `await run.undo()` takes it back.')),
    code(`
run.set({ learningRate: 3e-4 }, { why: 'loss is flat' })
await run.iterate(200)`),
    text(trans.__('The test data, once, at the end:')),
    code(`await run.evaluate(data.test)`),
  ]
  return {
    cells,
    metadata: {
      kernelspec: { name: 'gradbook', display_name: displayName, language: 'typescript' },
      language_info: { name: 'typescript', file_extension: '.ts', mimetype: 'text/x-typescript' },
    },
    nbformat: 4,
    nbformat_minor: 4,
  }
}
