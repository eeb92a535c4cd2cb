import { expect, test } from 'vitest'
import { describeLab, digitsRun, type NotebookPage } from '../kit/lab/index.js'

const setUp = (name: string) => `${digitsRun(`name: '${name}', evaluateEvery: 50`)}
run.iteration`

describeLab('the run panel in JupyterLab', (lab) => {
  async function open(name: string, ...cells: string[]): Promise<NotebookPage> {
    const notebook = await lab.open(`${name}.ipynb`, { cells: [setUp(name), ...cells] })
    await notebook.command('gradbook:show-runs')
    return notebook
  }
  const panelOf = ({ page }: NotebookPage) => page.locator('.gb-panel')
  /** Drags the slider of the rate to a power of ten, as the keyboard would. */
  const setRate = (notebook: NotebookPage, power: number) =>
    panelOf(notebook)
      .locator('.gb-slider')
      .evaluate((slider, value) => {
        ;(slider as HTMLInputElement).value = String(value)
        slider.dispatchEvent(new Event('input'))
        slider.dispatchEvent(new Event('change'))
      }, power)

  test('steers a run that stands still: train, rate, mistakes, exclude, branch, undo', async () => {
    const notebook = await open('steered', 'run.learningRate')
    const panel = panelOf(notebook)
    await panel.getByText('No run yet').waitFor()
    await notebook.run(0)
    await panel.getByRole('button', { name: 'Train', exact: true }).click()
    await panel.locator('.gb-status', { hasText: '100 iterations' }).waitFor()
    await setRate(notebook, -4)
    await panel.locator('.gb-list', { hasText: 'learning rate 0.001 → 0.0001' }).waitFor()
    await panel.locator('.gb-mark').waitFor()
    await notebook.run(1)
    expect(await notebook.output(1).textContent()).toContain('0.0001')

    await panel.getByRole('button', { name: 'Look' }).click()
    await panel.locator('.gb-mistake canvas').first().waitFor()
    await panel.locator('.gb-mistake .gb-tool').first().click()
    await panel.locator('.gb-list', { hasText: /exclude 1 example/ }).waitFor()
    await panel.getByRole('button', { name: 'Undo' }).click()
    await panel.locator('.gb-list', { hasText: /exclude/ }).waitFor({ state: 'detached' })

    await panel.getByRole('button', { name: 'Branch', exact: true }).click()
    await panel.locator('.gb-branch[aria-current]', { hasText: 'steered-2' }).waitFor()
    await panel.locator('.gb-branch', { hasText: /^steered$/ }).click()
    await panel.getByRole('button', { name: 'branch from iteration 0' }).click()
    await panel.locator('.gb-branch[aria-current]', { hasText: 'steered-3' }).waitFor()
    await panel.getByText('iteration 0, branched at 0').waitFor()
    await panel.locator('.gb-branch', { hasText: /^steered$/ }).click()
    await panel.locator('.gb-name', { hasText: /^steered$/ }).waitFor()
    expect(notebook.errors).toEqual([])
    await notebook.page.close()
  })

  test('follows and steers a run while a cell trains it, and stops it', async () => {
    const notebook = await open('trained', 'await run.iterate(1e6)', 'run.adjustments')
    const panel = panelOf(notebook)
    await notebook.run(0)
    await notebook.run(1, { wait: false })
    await panel.locator('.gb-live').waitFor()
    await setRate(notebook, -2)
    await panel.locator('.gb-list', { hasText: 'learning rate 0.001 → 0.01' }).waitFor()
    await panel.getByRole('button', { name: 'Stop' }).click()
    await notebook
      .cell(1)
      .locator('.jp-InputPrompt', { hasText: /\[\d+\]/ })
      .waitFor()
    expect(await notebook.output(1).textContent()).toContain('Interrupted')
    await panel.locator('.gb-live').waitFor({ state: 'detached' })
    expect(await panel.getByRole('button', { name: 'Train', exact: true }).isEnabled()).toBe(true)
    await notebook.run(2)
    expect(await notebook.output(2).textContent()).toMatch(/[1-9]\d*learning rate 0.001 → 0.01/)
    await notebook.page.close()
  })

  test('shows two tabs on one kernel the same, each the run it chose, and does what either asks', async () => {
    const first = await open('shared', 'await run.iterate(1e6)', "await run.branch('aside').iterate(20)")
    await first.run(0)
    await first.run(1, { wait: false })
    await panelOf(first).locator('.gb-live').waitFor()
    const second = await lab.open('shared.ipynb', { busy: true })
    await second.command('gradbook:show-runs')
    await panelOf(second).locator('.gb-live').waitFor()
    await setRate(second, -2)
    for (const tab of [first, second])
      await panelOf(tab).locator('.gb-list', { hasText: 'learning rate 0.001 → 0.01' }).waitFor()
    expect(await panelOf(first).getByLabel('learning rate', { exact: true }).inputValue()).toBe('0.01')
    await panelOf(second).getByRole('button', { name: 'Stop' }).click()
    for (const tab of [first, second])
      await panelOf(tab)
        .getByRole('status')
        .getByText(/^shared: .* stopped at iteration/)
        .waitFor({ state: 'attached' })
    await first.run(2)
    await panelOf(first)
      .locator('.gb-name', { hasText: /^aside$/ })
      .waitFor()
    await panelOf(second)
      .locator('.gb-branch', { hasText: /^shared$/ })
      .click()
    await panelOf(second)
      .locator('.gb-name', { hasText: /^shared$/ })
      .waitFor()
    expect(await panelOf(first).locator('.gb-name').textContent()).toBe('aside')
    expect([...first.errors, ...second.errors]).toEqual([])
    await first.page.close()
    await second.page.close()
  })

  test('is walked and worked with the keyboard alone, and the focus is never lost', async () => {
    const notebook = await open(
      'walked',
      "await run.iterate(40)\nawait run.branch('walked-2').iterate(20)",
      'run.adjustments',
    )
    const { page } = notebook
    const panel = panelOf(notebook)
    await notebook.run(0)
    await notebook.run(1)
    await panel.locator('.gb-branch', { hasText: 'walked-2' }).waitFor()
    const focused = () =>
      page.evaluate(() => {
        const { activeElement: one } = document
        if (!one?.closest('.gb-panel')) return undefined
        return one.getAttribute('aria-label') ?? ((one as HTMLInputElement).labels?.[0] ?? one).textContent
      })
    const walk: unknown[] = []
    await panel.locator('.gb-plot').focus()
    for (let name = await focused(); name !== undefined; name = await focused()) {
      walk.push(name)
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle)
      expect([name, outline]).toEqual([name, expect.not.stringMatching('none')])
      await page.keyboard.press('Tab')
    }
    expect(walk[0]).toMatch(/^Course of the run walked-2/)
    expect(walk).toEqual(
      expect.arrayContaining([
        'Train',
        'iterations to train',
        'Undo',
        'learning rate',
        'write each change as a cell',
        'Look',
        'walked',
      ]),
    )

    await panel.locator('.gb-branch', { hasText: /^walked$/ }).focus()
    await page.keyboard.press('Enter')
    await panel.locator('.gb-name', { hasText: /^walked$/ }).waitFor()
    expect(await focused()).toBe('walked')
    await panel.getByRole('button', { name: 'Train', exact: true }).focus()
    await page.keyboard.press('Enter')
    await panel.locator('.gb-status', { hasText: '140 iterations' }).waitFor()
    expect(await focused()).toBe('Train')
    await panel.locator('.gb-slider').focus()
    await page.keyboard.press('ArrowLeft')
    await panel.getByLabel('why').fill('by keys')
    await page.keyboard.press('Enter')
    await panel.locator('.gb-list', { hasText: /learning rate 0.001 → .*by keys/ }).waitFor()
    await panel.getByLabel('learning rate', { exact: true }).fill('-1')
    await page.keyboard.press('Enter')
    await panel.getByRole('alert').getByText('received "-1"').waitFor()
    await panel.getByRole('button', { name: 'Look' }).focus()
    await page.keyboard.press('Space')
    const exclude = panel.getByRole('button', { name: /^exclude example/ }).first()
    await exclude.focus()
    const name = await focused()
    await page.keyboard.press('Enter')
    await panel.locator('.gb-list', { hasText: /exclude 1 example/ }).waitFor()
    expect(await focused()).toBe(name)
    expect(notebook.errors).toEqual([])
    await page.close()
  })

  test('opens a mistake, an adjustment and the batch of a spike in the output of a cell, by mouse and keys', async () => {
    const line = {
      x: Array.from({ length: 100 }, (_, i) => i + 1),
      y: Array.from({ length: 100 }, (_, i) => (i === 59 ? 5 : 1)),
    }
    const none = { x: [], y: [] }
    const picture = {
      height: 2,
      width: 2,
      channels: 1,
      pixels: Buffer.from([0, 255, 255, 0]).toString('base64'),
    }
    const data = {
      kind: 'run',
      name: 'drawn',
      live: false,
      iteration: 100,
      from: 0,
      milliseconds: 1,
      metrics: [],
      stopReason: null,
      loss: line,
      mean: none,
      learningRate: none,
      gradientNorm: none,
      evaluations: [],
      adjustments: [{ at: 30, text: 'learning rate 1 → 2', why: 'slow' }],
      spikes: [{ at: 60, loss: 5, expected: 1, count: 3, ids: [7, 8, 9] }],
      mistakes: {
        iteration: 100,
        examined: 10,
        wrong: 1,
        rows: [
          {
            id: 41,
            split: 'validation',
            expected: '4',
            predicted: '9',
            loss: 3,
            probability: 0.875,
            picture,
          },
          { id: 42, split: 'validation', expected: '<b>a', predicted: 'b', loss: 2, text: 'some words' },
        ],
      },
    }
    const notebook = await lab.open('drawn.ipynb', {
      cells: [
        `display(${JSON.stringify({ 'application/vnd.gradbook.run+json': data, 'text/plain': 'x' })}, { raw: true })`,
      ],
    })
    await notebook.run(0)
    const run = notebook.output(0).locator('.gb-run')
    const details = run.locator('.gb-details')
    await run.getByRole('button', { name: 'learning rate 1 → 2 (30)' }).click()
    expect(await details.innerText()).toMatch(/learning rate 1 → 2.*after iteration 30.*slow/s)
    await run.getByRole('button', { name: 'loss spike at iteration 60' }).focus()
    await notebook.page.keyboard.press('Enter')
    expect(await details.innerText()).toMatch(
      /loss 5 at iteration 60.*1 was expected.*batch of 3 examples: 7, 8, 9/s,
    )
    const example = run.locator('.gb-example')
    expect(await example.isVisible()).toBe(false)
    await run.getByRole('button', { name: 'example 41: 4, predicted 9' }).click()
    expect(await example.innerText()).toMatch(
      /predicted\s+9\s+probability\s+87.5 %\s+loss\s+3\s+example\s+41 \(validation\)/,
    )
    await example.locator('canvas').waitFor()
    await run.getByRole('button', { name: 'example 42' }).focus()
    await notebook.page.keyboard.press('Enter')
    expect(await example.innerText()).toMatch(/some words.*<b>a/s)
    await example.getByRole('button', { name: 'close' }).click()
    expect(await example.isVisible()).toBe(false)
    expect(notebook.errors).toEqual([])
    await notebook.page.close()
  })

  test('is there again after the page was reloaded, as is a chart that was drawn', async () => {
    const notebook = await open('reloaded', 'await run.iterate(60)')
    await notebook.run(0)
    await notebook.run(1)
    await panelOf(notebook).locator('.gb-status', { hasText: '60 iterations' }).waitFor()
    await notebook.command('docmanager:save')
    await notebook.page.reload()
    await notebook.ready()
    await notebook.command('gradbook:show-runs')
    await panelOf(notebook).locator('.gb-status', { hasText: '60 iterations' }).waitFor()
    await notebook.output(1).locator('.gb-run', { hasText: '60 iterations' }).waitFor()
    await panelOf(notebook).getByRole('button', { name: 'Train', exact: true }).click()
    await panelOf(notebook).locator('.gb-status', { hasText: '160 iterations' }).waitFor()
    await notebook.page.close()
  })
})
