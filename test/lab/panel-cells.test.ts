/** What is done in the panel becomes code: a notebook that is run from its start makes the same run again. */
import { expect, test } from 'vitest'
import { describeLab, digitsRun, type NotebookPage } from '../kit/lab/index.js'

const ends =
  'console.log(JSON.stringify([run.adjustments, run.iteration, run.history.reduce((sum, { loss }) => sum + loss, 0)]))'

describeLab('the run panel and the cells of its notebook', (lab) => {
  async function open(name: string, ...cells: string[]): Promise<NotebookPage> {
    const setUp = `import { seed } from 'gradbook'\nseed(1)\n${digitsRun(`name: '${name}', save: false`)}\nrun.iteration`
    const notebook = await lab.open(`${name}.ipynb`, { cells: [setUp, ...cells] })
    await notebook.command('gradbook:show-runs')
    await notebook.run(0)
    return notebook
  }
  const panelOf = ({ page }: NotebookPage) => page.locator('.gb-panel')
  const sources = ({ page }: NotebookPage): Promise<string[]> =>
    page.evaluate(() =>
      [...(window as any).jupyterapp.shell.currentWidget.content.model.cells].map((cell: any) =>
        cell.sharedModel.getSource(),
      ),
    )
  const said = async (notebook: NotebookPage, cell: number): Promise<string> =>
    (await notebook.output(cell).textContent())!.trim()
  /** By itself, wherever cells that were just inserted have moved it on the screen. */
  async function runAlone(notebook: NotebookPage, cell: number): Promise<void> {
    await notebook.page.evaluate((index) => {
      const { content } = (window as any).jupyterapp.shell.currentWidget
      content.deselectAll()
      content.activeCellIndex = index
    }, cell)
    await notebook.command('notebook:run-cell')
  }
  const press = (notebook: NotebookPage, name: string): Promise<void> =>
    panelOf(notebook).getByRole('button', { name, exact: true }).click()
  const rate = (notebook: NotebookPage) => panelOf(notebook).getByLabel('learning rate', { exact: true })

  test('rate, label, example, training and undo are inserted as cells, and Run All makes them again', async () => {
    const notebook = await open('inserted', ends)
    const panel = panelOf(notebook)
    await press(notebook, 'Train')
    await panel.locator('.gb-status', { hasText: '100 iterations' }).waitFor()
    await rate(notebook).fill('0.0005')
    await rate(notebook).press('Enter')
    await panel.getByLabel('why', { exact: true }).fill("it's flat")
    await panel.getByLabel('why', { exact: true }).press('Enter')
    await panel.locator('.gb-list', { hasText: "it's flat" }).waitFor()
    expect(await panel.getByLabel('why', { exact: true }).isVisible()).toBe(false)
    await press(notebook, 'Look')
    await panel.getByText(/^training examples, worst first, after iteration 100$/).waitFor()
    await panel.locator('.gb-relabel').nth(1).selectOption({ index: 1 })
    await panel.locator('.gb-list', { hasText: /relabel/ }).waitFor()
    await panel.locator('.gb-mistake .gb-tool').first().click()
    await panel.locator('.gb-list', { hasText: /exclude 1 example/ }).waitFor()
    await press(notebook, 'Train')
    await panel.locator('.gb-status', { hasText: '200 iterations' }).waitFor()
    await press(notebook, 'Undo')
    await panel.locator('.gb-steps li').nth(5).waitFor()
    await panel.locator('.gb-steps li', { hasText: 'await run.iterate' }).first().getByRole('button').click()
    await press(notebook, 'Insert all as cells')
    const cells = await sources(notebook)
    expect(cells.slice(1)).toEqual([
      'await run.iterate(100)',
      "run.set({ learningRate: 0.0005 }, { why: 'it\\'s flat' })",
      expect.stringMatching(/^run\.relabel\(\d+, '\d'\)$/),
      expect.stringMatching(/^run\.exclude\(\[\d+\], \{ why: '\d taken for \d' \}\)$/),
      'await run.iterate(100)',
      'await run.undo()',
      ends,
    ])
    await runAlone(notebook, 7)
    const before = await said(notebook, 7)
    await notebook.screenshot('panel-light')
    expect(before).toContain("it's flat")
    await notebook.restart()
    await notebook.command('notebook:run-all-cells')
    expect(await said(notebook, 7)).toBe(before)
    await panel.getByText('nothing; what is changed here comes here as code').waitFor()
    expect(notebook.errors).toEqual([])
    await notebook.page.close()
  })

  test('by a switch each change is a cell at once, also one in the middle of training: at its iteration again', async () => {
    const notebook = await open('always', 'await run.iterate(1500)', ends)
    const panel = panelOf(notebook)
    await panel.getByRole('switch', { name: 'write each change as a cell' }).check()
    await notebook.run(1, { wait: false })
    await panel.locator('.gb-live').waitFor()
    await rate(notebook).fill('0.002')
    await rate(notebook).press('Enter')
    await notebook.page.waitForFunction(() =>
      [...document.querySelectorAll('.jp-Cell')].some((cell) => cell.textContent?.includes('run.replay')),
    )
    await panel.locator('.gb-live').waitFor({ state: 'detached' })
    const [, planned, trains] = await sources(notebook)
    expect(planned).toMatch(
      /^run\.replay\(\[\{ at: \d+, what: 'learningRate', from: 0\.001, to: 0\.002 \}\]\)$/,
    )
    expect(trains).toMatch(/^await run\.iterate/)
    await runAlone(notebook, 3)
    const before = await said(notebook, 3)
    expect(before).toContain('"to":0.002')
    await press(notebook, 'Branch')
    await panel.locator('.gb-branch[aria-current]', { hasText: 'always-2' }).waitFor()
    await press(notebook, 'Compare with parent')
    await panel.getByText(/^dashed: always|^always: loss/).waitFor()
    await notebook.screenshot('panel-compared')
    expect((await sources(notebook))[4]).toBe("const always2 = run.branch('always-2')")
    await notebook.restart()
    await notebook.command('notebook:run-all-cells')
    expect(await said(notebook, 3)).toBe(before)
    await panel.getByRole('switch', { name: 'write each change as a cell' }).uncheck()
    expect(notebook.errors).toEqual([])
    await notebook.page.close()
  })
})
