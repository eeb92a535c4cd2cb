import { expect, test } from 'vitest'
import { describeLab } from '../kit/lab/index.js'

/** Counts to 40, four a second, in one display and on stdout. */
const counting = `
const shown = display(html('<b class="count">0</b>'))
for (let i = 1; i <= 40; i++) {
  await new Promise((done) => setTimeout(done, 250))
  shown.update(html('<b class="count">' + i + '</b>'))
  if (i % 10 === 0) console.log('line ' + i)
}
'the end'`

describeLab('outputs that a page did not see', (lab) => {
  test('a page that was reloaded while a cell runs goes on showing what it shows', async () => {
    const notebook = await lab.open('reload.ipynb', { cells: [counting, '1 + 1'] })
    await notebook.run(0, { wait: false })
    await notebook.output(0).getByText('line 10').waitFor()
    await notebook.page.reload()
    const count = notebook.output(0).locator('.count')
    await count.waitFor()
    const first = Number(await count.textContent())
    expect(first).toBeGreaterThanOrEqual(10)
    await notebook.output(0).getByText('the end').waitFor()
    expect(await count.textContent()).toBe('40')
    expect(await notebook.output(0).textContent()).toMatch(/line 10\s*line 20\s*line 30\s*line 40/)
    await notebook.cell(0).locator('.jp-InputPrompt', { hasText: '[1]' }).waitFor()
    expect(await count.count()).toBe(1)
    await notebook.run(1)
    expect(await notebook.output(1).textContent()).toContain('2')
    expect(notebook.errors).toEqual([])
    await notebook.page.close()
  })

  test('a tab that was closed and opened again, and a second one beside it, show the end that neither saw', async () => {
    const first = await lab.open('tabs.ipynb', { cells: [counting] })
    await first.run(0, { wait: false })
    await first.output(0).getByText('line 10').waitFor()
    const second = await lab.open('tabs.ipynb', { busy: true })
    await first.page.close()
    await second.output(0).getByText('the end').waitFor()
    expect(await second.output(0).locator('.count').textContent()).toBe('40')
    const third = await lab.open('tabs.ipynb')
    await third.output(0).getByText('the end').waitFor()
    await second.page.close()
    await third.page.close()
  })

  test('what was saved is not brought back after it was cleared', async () => {
    const notebook = await lab.open('cleared.ipynb', { cells: ['console.log("here")'] })
    await notebook.run(0)
    await notebook.command('docmanager:save')
    await notebook.command('notebook:clear-all-cell-outputs')
    await notebook.command('docmanager:save')
    await notebook.page.reload()
    await notebook.ready()
    await notebook.page.waitForTimeout(1500)
    expect(await notebook.output(0).textContent()).toBe('')
    await notebook.page.close()
  })
})
