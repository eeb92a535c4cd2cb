import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromium, python } from '../kit/needs.js'
import { Lab, notebookOf } from './jupyterlab.js'

describe.skipIf(!python || !chromium)('widgets in JupyterLab', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await Lab.start()
  }, 90_000)
  afterAll(() => lab?.close())

  test('a touch reaches the kernel, and what the kernel sets reaches every page', async () => {
    lab.write(
      'echo.ipynb',
      notebookOf([
        `import * as widgets from 'gradbook/widgets'
const text = widgets.Text({ description: 'name' })
const label = widgets.Label({ value: 'nobody' })
text.observe(({ value }) => { label.value = 'hello ' + value })
let clicks = 0
const button = widgets.Button({ description: 'press' }).onClick(() => { button.description = 'pressed ' + ++clicks })
const choice = widgets.Dropdown({ options: ['adam', 'sgd'] })
widgets.VBox([text, label, button, choice])`,
        'choice.value',
      ]),
    )
    const notebook = await lab.open('echo.ipynb')
    await notebook.run(0)
    const output = notebook.output(0)
    await output.locator('input').fill('<i>you</i>')
    await output.getByText('hello <i>you</i>').waitFor()
    await output.locator('button').click()
    await output.locator('button', { hasText: 'pressed 1' }).waitFor()
    await output.locator('select').selectOption('sgd')
    await notebook.run(1)
    expect(await notebook.output(1).textContent()).toContain('sgd')

    // A page that comes later asks the kernel for all widgets.
    await notebook.command('docmanager:save')
    await notebook.page.reload()
    await notebook.ready()
    await notebook.output(0).locator('button', { hasText: 'pressed 1' }).click()
    await notebook.output(0).locator('button', { hasText: 'pressed 2' }).waitFor()
    expect(await notebook.output(0).locator('input').inputValue()).toBe('<i>you</i>')
    expect(notebook.errors).toEqual([])
    await notebook.page.close()
  }, 90_000)

  test('the slider of controls(run) changes the rate of a run that trains, and the mark appears', async () => {
    lab.write(
      'controls.ipynb',
      notebookOf([
        `import * as tf from '@tensorflow/tfjs'
import { adam, digits, train } from 'gradbook'
import { controls } from 'gradbook/widgets'
const data = await digits({ seed: 1, flat: true })
const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [784], units: 10, activation: 'softmax' })] })
const run = train(model, {
  data: data.train, evaluateOn: data.validation, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'],
  optimizer: adam({ learningRate: 1e-3 }), batchSize: 32, seed: 1, name: 'controlled',
})
controls(run)`,
      ]),
    )
    const notebook = await lab.open('controls.ipynb')
    await notebook.run(0)
    const output = notebook.output(0)
    await output.getByRole('button', { name: 'Train' }).click()
    await output.locator('.gb-live').waitFor()
    await output.locator('.noUi-handle').first().focus()
    await notebook.page.keyboard.press('ArrowRight')
    await output.locator('.gb-mark').first().waitFor()
    await output.getByRole('button', { name: 'Pause' }).click()
    await output.locator('.gb-live').waitFor({ state: 'detached' })
    expect(notebook.errors).toEqual([])
    await notebook.page.close()
  }, 90_000)
})
