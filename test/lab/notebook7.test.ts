import { expect, test } from 'vitest'
import { chromium, python } from '../kit/needs.js'
import { Lab, notebookOf } from './jupyterlab.js'

test.skipIf(!python || !chromium)(
  'Notebook 7 draws runs, underlines type errors and shows the controls too',
  async () => {
    const lab = await Lab.start()
    try {
      lab.write(
        'classic.ipynb',
        notebookOf([
          `import * as tf from '@tensorflow/tfjs'
import { adam, digits, train } from 'gradbook'
import { controls } from 'gradbook/widgets'
const data = await digits({ seed: 1, flat: true })
const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [784], units: 10, activation: 'softmax' })] })
const run = train(model, {
  data: data.train, evaluateOn: data.validation, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'],
  optimizer: adam({ learningRate: 1e-3 }), batchSize: 32, seed: 1,
})
await run.iterate(20)
controls(run, { chart: false })`,
          'run.nothing',
        ]),
      )
      const notebook = await lab.open('classic.ipynb', { in: 'notebooks' })
      await notebook.run(0)
      await notebook.output(0).locator('.gb-run', { hasText: '20 iterations' }).waitFor()
      await notebook.output(0).getByRole('button', { name: 'Step' }).click()
      await notebook
        .output(0)
        .getByText(/iteration 120 ·/)
        .waitFor()
      await notebook.cell(1).locator('.cm-lintRange-error').waitFor()
      // Notebook 7.6.5 says this one without any extension of ours, too.
      const own = "TypeError: Cannot read properties of undefined (reading 'schema')"
      expect(notebook.errors.filter((error) => error !== own)).toEqual([])
    } finally {
      await lab.close()
    }
  },
  150_000,
)
