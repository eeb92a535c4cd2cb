import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { chromium, gradbook, patience, python, runProgram, temporaryFolder } from '../kit/index.js'
import { useBrowser } from '../kit/lab/index.js'

interface Output {
  output_type: string
  data?: { [mime: string]: unknown }
}
const outputsOf = (file: string): Output[] =>
  (JSON.parse(readFileSync(file, 'utf8')) as { cells: { outputs?: Output[] }[] }).cells.flatMap(
    ({ outputs = [] }) => outputs,
  )
const textOf = (value: unknown): string => (Array.isArray(value) ? value.join('') : String(value))

/** What a page shows of outputs: a picture before HTML before text, one of them each. */
const shownAs = (outputs: readonly Output[], mime: string) =>
  outputs.filter(({ data }) => data && mime in data).length

const gallery = resolve('notebooks/gallery.ipynb')

describe('a notebook where nothing runs', () => {
  it('carries a picture and a text with each chart, and HTML that needs no script', () => {
    for (const name of [
      'gallery',
      '01-first-model',
      '02-inspect-mistakes',
      '03-adjust-while-training',
      '04-branches',
    ])
      for (const { data } of outputsOf(resolve(`notebooks/${name}.ipynb`))) {
        if (!data) continue
        expect(textOf(data['text/plain'] ?? '').trim()).not.toBe('')
        const isChart = Object.keys(data).some((mime) => /vega|gradbook\.run/.test(mime))
        if (isChart) {
          expect(Object.keys(data)).toContain('image/png')
          expect(Object.keys(data)).not.toContain('text/html')
        }
        // GitHub takes scripts, styles and handlers out.
        if (data['text/html'])
          expect(textOf(data['text/html'])).not.toMatch(/<script|<style|\son\w+=|javascript:/i)
      }
  })
})

describe.skipIf(!python || !chromium)('a page made by nbconvert', { timeout: 4 * patience }, () => {
  const folder = temporaryFolder()
  const browser = useBrowser()
  const convert = async (notebook: string): Promise<string> => {
    const { code, stderr } = await runProgram(
      python!,
      ['-m', 'nbconvert', '--to', 'html', '--output-dir', folder, notebook],
      { folder, env: { HOME: folder }, timeout: 2 * patience },
    )
    expect(code, stderr).toBe(0)
    return join(folder, notebook.replace(/^.*\//, '').replace('.ipynb', '.html'))
  }

  it('shows charts as pictures, tables as tables, nothing twice and no empty box, on screen and on paper', async () => {
    const outputs = outputsOf(gallery)
    const page = await (await browser.newContext({ javaScriptEnabled: false })).newPage()
    await page.goto(pathToFileURL(await convert(gallery)).href)
    const pictures = page.locator('.jp-OutputArea-output img')
    expect(await pictures.count()).toBe(shownAs(outputs, 'image/png'))
    expect(await page.locator('.jp-OutputArea-output table').count()).toBe(shownAs(outputs, 'text/html'))
    expect(await page.locator('.jp-OutputArea-child').count()).toBe(outputs.length)
    const heights = await page
      .locator('.jp-OutputArea-output')
      .evaluateAll((nodes) => nodes.map((node) => node.getBoundingClientRect().height))
    expect(Math.min(...heights)).toBeGreaterThan(10)
    const wide = await pictures.evaluateAll((nodes) =>
      nodes.map((node) => (node as HTMLImageElement).naturalWidth),
    )
    expect(Math.min(...wide)).toBeGreaterThan(200)
    const pdf = (await page.pdf()).toString('latin1')
    expect(pdf.startsWith('%PDF')).toBe(true)
    const drawn = pdf.match(/\/Subtype\s*\/Image/g) ?? []
    expect(drawn.length).toBeGreaterThanOrEqual(shownAs(outputs, 'image/png'))
  })

  it('shows an error as text and a control as its fallback', async () => {
    writeFileSync(
      join(folder, 'small.ts'),
      `// %%
import * as widgets from 'gradbook/widgets'
const slider = widgets.IntSlider({ value: 7, description: 'depth' })
slider
// %%
throw new RangeError('too deep')
`,
    )
    await gradbook(['run', 'small.ts', '-o', 'small.ipynb'], { folder })
    const page = await (await browser.newContext({ javaScriptEnabled: false })).newPage()
    await page.goto(pathToFileURL(await convert(join(folder, 'small.ipynb'))).href)
    const boxes = page.locator('.jp-OutputArea-child')
    expect(await boxes.count()).toBe(2)
    expect(await boxes.nth(0).innerText()).toMatch(/depth.*7/s)
    expect(await boxes.nth(1).innerText()).toContain('RangeError: too deep')
  })
})
