import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { describeLab, type NotebookPage } from '../kit/lab/index.js'

const minutes = 60_000

describeLab('the first notebook in JupyterLab', (lab) => {
  let tab: NotebookPage
  beforeAll(async () => {
    copyFileSync('notebooks/01-first-model.ipynb', join(lab.folder, 'first.ipynb'))
    tab = await lab.open('first.ipynb')
    await tab.command('notebook:clear-all-cell-outputs')
  })

  const training = 'await run.iterate(iterations)'
  const cellWith = (text: string) =>
    tab.page.locator('.jp-Notebook .jp-CodeCell').filter({ hasText: text }).first()

  it('runs from top to bottom, its chart moving while the training cell runs, without an error anywhere', async () => {
    await tab.runAll()
    const cell = cellWith(training)
    // Cells out of view are drawn when they are scrolled to.
    const prompt = cell.locator('.jp-InputPrompt')
    await cell.scrollIntoViewIfNeeded()
    const chart = cell.locator('.gb-output svg').first()
    await chart.waitFor()
    const first = await cell.locator('.jp-OutputArea').screenshot()
    await expect
      .poll(async () => (await cell.locator('.jp-OutputArea').screenshot()).equals(first))
      .toBe(false)
    expect(await prompt.innerText()).toContain('*')
    await tab.idle({ timeout: 4 * minutes })
    await tab.screenshot('first-model-training')
    expect(await cell.locator('.gb-output').count()).toBe(1)
    const failed = await tab.page.evaluate(() =>
      (window as any).jupyterapp.shell.currentWidget.content.model.cells.length
        ? [...(window as any).jupyterapp.shell.currentWidget.content.model.cells]
            .flatMap((one: any) => one.sharedModel.toJSON().outputs ?? [])
            .filter((output: any) => output.output_type === 'error')
        : ['no cells'],
    )
    expect(failed).toEqual([])
    expect(tab.errors).toEqual([])
  })

  it('shows the worst training digits as a grid of images', async () => {
    const cell = cellWith('const worst =')
    await cell.scrollIntoViewIfNeeded()
    await cell.locator('.vega-embed .marks').waitFor()
    await tab.screenshot('first-model-mistakes')
    const { height } = (await cell.locator('.jp-OutputArea').boundingBox())!
    expect(height).toBeGreaterThan(100)
  })
})
