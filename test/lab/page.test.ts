import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { chromium, gradbook, temporaryFolder } from '../kit/index.js'
import { useBrowser } from '../kit/lab/index.js'

const program = (server: string): string => `// %% [markdown]
// # A page
// %%
({
  $schema: 'https://vega.github.io/schema/vega-lite/v5.json',
  data: { values: [{ a: '<img src=x onerror=alert(1)>', b: 3 }, { a: '</script><script>alert(2)</script>', b: 5 }] },
  mark: { type: 'bar', tooltip: true },
  encoding: { x: { field: 'a', type: 'nominal' }, y: { field: 'b', type: 'quantitative' } },
})
// %%
html('<b onclick="alert(3)">bold</b><script>alert(4)</script><img src="${server}/x.png">')
`

describe.skipIf(!chromium)('a page written by gradbook run', () => {
  const browser = useBrowser()

  it('draws its charts, answers the pointer, runs nothing that came with the data and asks no server', async () => {
    const alarms: string[] = []
    const server = createServer((request, response) => {
      alarms.push(request.url!)
      response.end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const folder = temporaryFolder()
    writeFileSync(
      join(folder, 'page.ts'),
      program(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    )
    const { code, stderr } = await gradbook(['run', 'page.ts', '-o', 'page.html'], { folder })
    expect(code, stderr).toBe(0)
    const page = await browser.newPage()
    page.on('dialog', (dialog) => {
      alarms.push(dialog.message())
      void dialog.dismiss()
    })
    await page.goto(pathToFileURL(join(folder, 'page.html')).href)
    const chart = page.locator('figure.chart[data-drawn] svg')
    await chart.waitFor()
    expect(await page.locator('figure.chart img').isVisible()).toBe(false)
    await chart.locator('.mark-rect path').first().hover()
    await expect.poll(() => page.locator('.tooltip').innerText()).toContain('<img src=x onerror=alert(1)>')
    await page.locator('b').click()
    await page.screenshot({ path: join(process.env.GRADBOOK_SCREENSHOTS ?? folder, 'page.png') })
    expect(alarms).toEqual([])
    server.close()
  })

  it('leaves a chart whose rows lie in a file as its picture: the page loads nothing', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'rows.csv'), 'a\n1\n')
    const bars = (data: string) =>
      `// %%\n({ data: ${data}, mark: 'bar', encoding: { y: { field: 'a' } } })\n`
    writeFileSync(join(folder, 'page.ts'), bars("{ url: 'rows.csv' }") + bars('{ values: [{ a: 1 }] }'))
    await gradbook(['run', 'page.ts', '-o', 'page.html'], { folder })
    const page = await browser.newPage()
    const said = page.waitForEvent('console')
    await page.goto(pathToFileURL(join(folder, 'page.html')).href)
    expect((await said).text()).toContain('a chart stays a picture: Error: it needs rows.csv')
    await page.locator('figure.chart[data-drawn] svg').waitFor()
    const pictures = page.locator('figure.chart img')
    expect([await pictures.first().isVisible(), await pictures.last().isVisible()]).toEqual([true, false])
  })

  it('shows the picture of each chart where scripts are off', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'page.ts'), program('http://127.0.0.1:9'))
    await gradbook(['run', 'page.ts', '-o', 'page.html'], { folder })
    expect(readFileSync(join(folder, 'page.html'), 'utf8')).toContain('<img src="data:image/png;base64,')
    const page = await (await browser.newContext({ javaScriptEnabled: false })).newPage()
    await page.goto(pathToFileURL(join(folder, 'page.html')).href)
    expect(await page.locator('figure.chart img').isVisible()).toBe(true)
  })
})
