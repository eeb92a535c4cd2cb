import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeLab } from '../kit/lab/index.js'

test('the extension is smaller than 300 kB', () => {
  const folder = join('dist', 'labextension', 'static')
  const scripts = readdirSync(folder).filter((name) => name.endsWith('.js'))
  const size = scripts.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
  expect(scripts.length).toBeGreaterThan(1)
  expect(size).toBeLessThan(300_000)
})

/** Texts that would run, break out of their place, or fill the page. */
const texts = `
const bad = '<img src=x onerror="window.ran = true">'
const texts = [bad, '</script><script>window.ran = true</script>', '\\u001b[31mred', '\\u202Ertl', 'x'.repeat(1e6), 'javascript:window.ran=true']
`

describeLab('text from data in JupyterLab', (lab) => {
  test('is text, in the chart, the panel and the widgets', async () => {
    const notebook = await lab.open('hostile.ipynb', {
      cells: [
        `${texts}
import * as tf from '@tensorflow/tfjs'
import { adam, fromArrays, train } from 'gradbook'
const n = 60
const data = fromArrays(
  { x: Array.from({ length: n }, (_, i) => [i % 6, (i * 7) % 5]), y: Int32Array.from({ length: n }, (_, i) => (i + (i % 7 === 0 ? 1 : 0)) % 6) },
  { classes: texts },
)
const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [2], units: 6, activation: 'softmax' })] })
const run = train(model, { data, loss: 'sparseCategoricalCrossentropy', optimizer: adam({ learningRate: 0.01 }), batchSize: 12, seed: 1 })
for (const why of texts) run.set({ learningRate: Math.random() / 100 }, { why })
await run.iterate(20)
await run.mistakes({ of: 'train' })`,
        `import { Checkbox, Dropdown, HBox, Label, RadioButtons, Tab, Text, ToggleButton, VBox } from 'gradbook/widgets'
VBox(texts.map((text) => VBox([
  Label({ value: text }), Text({ value: text, description: text, placeholder: text }), Checkbox({ description: text }),
  ToggleButton({ description: text, tooltip: text }), Dropdown({ options: [text], description: text }),
  RadioButtons({ options: [text] }), Tab({ [text]: Label({ value: text }) }),
])))`,
      ],
    })
    await notebook.command('gradbook:show-runs')
    await notebook.run(0)
    const panel = notebook.page.locator('.gb-panel')
    await panel.getByRole('button', { name: 'Look' }).click()
    await panel.locator('.gb-mistake').first().waitFor()
    for (const mark of await notebook.output(0).locator('.gb-mark').all()) await mark.dispatchEvent('click')
    await notebook.run(1)
    await notebook.output(1).locator('select').first().waitFor()
    await notebook.page.waitForTimeout(1000)
    expect(await notebook.page.evaluate(() => (window as any).ran)).toBeUndefined()
    const shown = notebook.page.locator('.gb-run img, .gb-panel img, .gb-run script, .gb-panel script')
    expect(await shown.count()).toBe(0)
    expect(await notebook.output(1).locator('img, script').count()).toBe(0)
    const longest = await panel.evaluate((node) => (node.textContent ?? '').length)
    expect(longest).toBeLessThan(20_000)
    expect(notebook.errors).toEqual([])
    await notebook.page.close()
  })
})
