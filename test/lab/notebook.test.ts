import { expect, it } from 'vitest'
import { describeLab, digitsRun, type NotebookPage } from '../kit/lab/index.js'

describeLab('JupyterLab in a browser', (lab) => {
  const open = (name: string, ...cells: string[]): Promise<NotebookPage> =>
    lab.open(`${name}.ipynb`, { cells })

  it('runs all cells, shows results, streams and type errors, and nothing in the console complains', async () => {
    const tab = await open(
      'basics',
      "const greeting: string = 'hello'\nconsole.log(greeting)",
      '[1, 2, 3].map((x) => x * 2)',
      'const wrong: number = greeting',
    )
    await tab.runAll()
    await tab.idle()
    expect(await tab.cell(0).locator('.jp-OutputArea').innerText()).toContain('hello')
    expect(await tab.cell(1).locator('.jp-OutputArea-executeResult').innerText()).toMatch(
      /\[2\]:\s*\[ 2, 4, 6 \]/,
    )
    expect(await tab.cell(2).locator('.jp-OutputArea').innerText()).toContain(
      "TS2322: Type 'string' is not assignable to type 'number'.",
    )
    expect(tab.errors).toEqual([])
    await tab.screenshot('basics')
  })

  it('draws a chart from its specification, and moves it in place while the cell runs', async () => {
    const tab = await open(
      'chart',
      `const spec = (height: number) => ({
  $schema: 'https://vega.github.io/schema/vega-lite/v5.json',
  data: { values: [{ a: 'x', b: height }, { a: 'y', b: 10 }] },
  mark: 'bar',
  encoding: { x: { field: 'a' }, y: { field: 'b', type: 'quantitative' } },
})
const bundle = (height: number) => ({ 'application/vnd.vegalite.v5+json': spec(height), 'text/plain': 'height ' + height })
const chart = display(bundle(1), { raw: true })
for (let height = 2; !host.interrupt.aborted; height = (height % 12) + 1) {
  await new Promise((resolve) => setTimeout(resolve, 200))
  chart.update(bundle(height), { raw: true })
}`,
    )
    await tab.runAll()
    const drawing = tab.cell(0).locator('.vega-embed .marks')
    await drawing.waitFor()
    const picture = (): Promise<Buffer> => tab.cell(0).locator('.jp-OutputArea').screenshot()
    const first = await picture()
    await expect.poll(async () => (await picture()).equals(first)).toBe(false)
    expect(await tab.cell(0).locator('.jp-InputPrompt').innerText()).toContain('*')
    await tab.stop()
    await tab.idle()
    expect(await drawing.count()).toBe(1)
    expect(tab.errors).toEqual([])
    await tab.screenshot('chart')
  })

  it('completes with the types of earlier cells, while another cell runs', async () => {
    const tab = await open(
      'completion',
      "const person = { firstName: 'Ada', birthYear: 1815 }",
      'for (;;) await new Promise((resolve) => setTimeout(resolve, 50))',
      'person.',
    )
    await tab.run(0, { wait: false })
    await tab.idle()
    await tab.run(1, { wait: false })
    await tab.cell(2).locator('.cm-content').click()
    await tab.page.keyboard.press('End')
    await tab.page.keyboard.press('Tab')
    const popup = tab.page.locator('.jp-Completer')
    await popup.locator('.jp-Completer-item').first().waitFor()
    const entries = await popup.locator('.jp-Completer-item').allInnerTexts()
    expect(entries.join('\n')).toMatch(/firstName/)
    expect(entries.join('\n')).toMatch(/birthYear/)
    // An entry with a type has its icon.
    expect(await popup.locator('.jp-Completer-icon svg, .jp-Completer-monogram').count()).toBeGreaterThan(0)
    await tab.screenshot('completion')
    await tab.page.keyboard.press('Escape')
    await tab.stop()
    await tab.idle()
    expect(tab.errors).toEqual([])
  })

  it('stops a loop that never awaits, says so in one short error, and keeps what was there', async () => {
    const tab = await open('stop', "let kept = 0\nconsole.log('begun')\nwhile (true) kept++", 'kept > 0')
    await tab.run(0, { wait: false })
    await tab.cell(0).getByText('begun', { exact: true }).waitFor()
    await tab.stop()
    await tab.idle()
    expect((await tab.cell(0).locator('.jp-OutputArea').innerText()).split('\n').length).toBeLessThan(8)
    await tab.run(1, { wait: false })
    await tab.idle()
    expect(await tab.cell(1).locator('.jp-OutputArea').innerText()).toContain('true')
    expect(tab.errors).toEqual([])
    await tab.screenshot('stop')
  })

  it('stops a training run at a whole iteration, says where, and the next cell goes on from there', async () => {
    const tab = await open(
      'training',
      digitsRun(),
      'await run.iterate(1_000_000)',
      'const before = run.iteration\nawait run.iterate(2)\nrun.iteration - before',
    )
    await tab.run(0, { wait: false })
    await tab.idle()
    await tab.run(1, { wait: false })
    await tab.cell(1).locator('.gb-output svg').first().waitFor()
    await tab.stop()
    await tab.idle()
    expect(await tab.cell(1).locator('.jp-OutputArea').innerText()).toMatch(/stopped after iteration \d+/)
    await tab.run(2, { wait: false })
    await tab.idle()
    expect(await tab.cell(2).locator('.jp-OutputArea-executeResult').innerText()).toMatch(/:\s*2$/)
    expect(tab.errors).toEqual([])
    await tab.screenshot('training')
  })
})
