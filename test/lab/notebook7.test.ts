import { expect, test } from 'vitest'
import { describeLab, digitsRun } from '../kit/lab/index.js'

describeLab('Notebook 7', (lab) => {
  test('draws runs, underlines type errors and shows the controls too', async () => {
    const notebook = await lab.open('classic.ipynb', {
      cells: [
        `${digitsRun()}
import { controls } from 'gradbook/widgets'
await run.iterate(20)
controls(run, { chart: false })`,
        'run.nothing',
      ],
      in: 'notebooks',
    })
    await notebook.run(0)
    await notebook.output(0).locator('.gb-run', { hasText: '20 iterations' }).waitFor()
    await notebook
      .output(0)
      .getByRole('button', { name: /Train$/ })
      .click()
    await notebook
      .output(0)
      .getByText(/iteration 120 ·/)
      .waitFor()
    await notebook.cell(1).locator('.cm-lintRange-error').waitFor()
    // Notebook 7.6.5 says this one without any extension of ours, too.
    const own = "TypeError: Cannot read properties of undefined (reading 'schema')"
    expect(notebook.errors.filter((error) => error !== own)).toEqual([])
  })
})
