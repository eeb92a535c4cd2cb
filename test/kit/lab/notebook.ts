const code = (source: string) => ({
  cell_type: 'code',
  metadata: {},
  source,
  outputs: [],
  execution_count: null,
})

/** A notebook as a user saves it, of these code cells. */
export function notebookOf(cells: readonly string[], kernel = 'gradbook'): object {
  return {
    cells: cells.map((source, index) => ({ id: `cell-${index}`, ...code(source) })),
    metadata: { kernelspec: { name: kernel, display_name: kernel, language: 'typescript' } },
    nbformat: 4,
    nbformat_minor: 5,
  }
}

/** The code of a cell that makes `run`, which trains a small classifier of digits; `options` are those of `train` beside the usual. */
export const digitsRun = (options = ''): string => `import * as tf from '@tensorflow/tfjs'
import { adam, digits, train } from 'gradbook'
const data = await digits({ seed: 1, flat: true })
const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [784], units: 10, activation: 'softmax' })] })
const run = train(model, {
  data: data.train, evaluateOn: data.validation, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'],
  optimizer: adam({ learningRate: 1e-3 }), batchSize: 32, seed: 1, ${options}
})`
