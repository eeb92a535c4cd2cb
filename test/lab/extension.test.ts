import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeLab, notebookOf } from '../kit/lab/index.js'

/** A cell that shows a run of 400 iterations with one adjustment. */
const runSource = (why: string) => `({
  kind: 'run', name: 'first', live: false, iteration: 400, from: 0, to: 400, milliseconds: 900, metrics: ['accuracy'],
  history: {
    length: 400,
    ...Object.fromEntries(['iteration', 'loss', 'learningRate', 'gradientNorm', 'milliseconds'].map((name, k) => [
      name,
      Array.from({ length: 400 }, (_, i) => [i + 1, 2 * Math.exp(-i / 90) + 0.1, i < 250 ? 1e-3 : 3e-4, 1, 2][k]),
    ])),
  },
  evaluations: [100, 200, 300, 400].map((iteration) => ({ iteration, loss: 40 / iteration, accuracy: iteration / 500 })),
  adjustments: [{ at: 250, what: 'learningRate', from: 1e-3, to: 3e-4, why: ${JSON.stringify(why)} }],
  stopReason: null,
})`

describeLab('the extension in JupyterLab', (lab) => {
  test('colours types as types, in cells that nobody has run', async () => {
    const notebook = await lab.open('colours.ipynb', { cells: ['interface Point { x: number }'] })
    const colourOf = (text: string) =>
      notebook
        .editor(0)
        .locator('span', { hasText: new RegExp(`^${text}$`) })
        .first()
        .evaluate((span) => getComputedStyle(span).color)
    const plain = await notebook.editor(0).evaluate((editor) => getComputedStyle(editor).color)
    expect(await colourOf('interface')).not.toBe(plain)
    expect(await colourOf('number')).not.toBe(plain)
    expect(notebook.errors).toEqual([])
    await notebook.page.close()
  })

  test('draws a run to look into: values under the pointer, zoom, and what a mark stands for', async () => {
    const hostile = '<img src=x onerror="document.title=1">'
    const notebook = await lab.open('run.ipynb', { cells: [runSource(hostile)] })
    await notebook.run(0)
    const chart = notebook.output(0).locator('.gb-run')
    await chart.locator('.gb-status', { hasText: '400 iterations' }).waitFor()
    expect(await chart.locator('.gb-status').textContent()).toMatch(
      /loss 0\.\d+, mean of the last 20.*last batch 0\.\d+/,
    )
    // The axis follows the recent part, and says how far the beginning went.
    const highest = () =>
      chart
        .locator('.gb-axes')
        .first()
        .locator('.gb-tick')
        .evaluateAll((ticks) =>
          Math.max(...ticks.map((tick) => Number(tick.textContent)).filter(Number.isFinite)),
        )
    expect(await highest()).toBeLessThan(1)
    expect(await chart.locator('.gb-axes').first().textContent()).toContain('↑ 2.1')
    await chart.getByText('all values').click()
    expect(await highest()).toBeGreaterThanOrEqual(2)
    await chart.getByText('all values').click()
    expect(await highest()).toBeLessThan(1)
    expect(await chart.locator('.gb-hint').textContent()).toBe('drag to zoom')
    expect(await notebook.output(0).locator('img, .vega-embed').count()).toBe(0)

    await chart.locator('.gb-mark').click()
    await chart.locator('.gb-details', { hasText: 'learning rate 0.001 → 0.0003' }).waitFor()
    expect(await chart.locator('.gb-details').textContent()).toContain(hostile)

    const plot = chart.locator('.gb-plot')
    await plot.scrollIntoViewIfNeeded()
    const { x, y, width } = (await plot.boundingBox())!
    await notebook.page.mouse.move(x + width / 2, y + 60)
    expect(await chart.locator('.gb-tip').textContent()).toMatch(
      /iteration \d+.*loss, each batch.*learning rate0\.001/,
    )
    await notebook.page.mouse.down()
    await notebook.page.mouse.move(x + width * 0.75, y + 60, { steps: 4 })
    await notebook.page.mouse.up()
    // No ring for those who drag.
    expect(await plot.evaluate((svg) => getComputedStyle(svg).outlineStyle)).toBe('none')
    await chart.getByText('show all').click()
    expect(await chart.getByText('show all').isVisible()).toBe(false)

    await plot.focus()
    await notebook.page.keyboard.press('Home')
    expect(await chart.locator('.gb-tip-head').textContent()).toBe('iteration 1')
    await notebook.page.keyboard.press('+')
    expect(await chart.getByText('show all').isVisible()).toBe(true)
    expect(await notebook.page.title()).not.toBe('1')
    expect(notebook.errors).toEqual([])
    await notebook.page.close()
  })

  test('underlines type errors while one types, with the types of the cells above', async () => {
    const notebook = await lab.open('types.ipynb', {
      cells: ['const n: number = 1', 'n.toFixed(1)', '1 + 1'],
    })
    await notebook.type(1, 'n.nothing')
    const underline = notebook.cell(1).locator('.cm-lintRange-error')
    await underline.waitFor()
    expect(await underline.textContent()).toBe('nothing')
    await underline.hover()
    await notebook.page.locator('.cm-tooltip', { hasText: "Property 'nothing' does not exist" }).waitFor()
    await notebook.type(0, 'const n = { nothing: 1 }')
    await underline.waitFor({ state: 'detached' })
    expect(notebook.errors).toEqual([])
    await notebook.page.close()
  })

  test('goes on underlining after a restart of the kernel and while a cell runs', async () => {
    const notebook = await lab.open('restart.ipynb', {
      cells: ['await new Promise((done) => setTimeout(done, 20_000))', '1'],
    })
    await notebook.restart()
    await notebook.run(0, { wait: false })
    await notebook.type(1, 'nowhere')
    await notebook.cell(1).locator('.cm-lintRange-error').waitFor()
    await notebook.page.close()
  })

  test('asks no other kernel for anything', async () => {
    lab.write('python.ipynb', notebookOf(['n.nothing'], 'python3'))
    const notebook = await lab.open('python.ipynb')
    await notebook.type(0, 'm.nothing')
    await notebook.run(0)
    expect(await notebook.page.locator('.cm-lintRange').count()).toBe(0)
    expect(notebook.errors).toEqual([])
    expect(lab.log).not.toMatch(/No such comm target registered: gradbook/)
    await notebook.page.close()
  })

  test('makes a training notebook from the launcher that runs from top to bottom', async () => {
    const notebook = await lab.open('start.ipynb', { cells: ['1'] })
    await notebook.command('launcher:create')
    await notebook.page.locator('.jp-LauncherCard', { hasText: 'Training Notebook' }).click()
    const cells = notebook.page.locator('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook')
    await cells.getByText('await run.iterate(200)').first().waitFor()
    const made = readdirSync(lab.folder).find((name) => name.startsWith('Untitled'))!
    const { metadata } = JSON.parse(readFileSync(join(lab.folder, made), 'utf8'))
    expect(metadata.kernelspec.name).toBe('gradbook')
    await notebook.ready()
    await notebook.command('notebook:run-all-cells')
    await notebook.cell(10).locator('.jp-OutputArea-output', { hasText: 'accuracy' }).waitFor()
    expect(await cells.locator('[data-mime-type="application/vnd.jupyter.error"]').count()).toBe(0)
    expect(notebook.errors).toEqual([])
    await notebook.page.close()
  })
})
