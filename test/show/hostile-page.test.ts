import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildSync } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { toBundle } from '../../src/show/index.js'
import { temporaryFolder } from '../kit/files.js'
import { useBrowser } from '../kit/lab/index.js'
import { chromium } from '../kit/needs.js'
import { displays, hostile } from './hostile-texts.js'

/** Vega as a page has it, and a function that draws a chart into an element. */
function drawingScript(): string {
  const { outputFiles } = buildSync({
    stdin: {
      contents: `
        import * as vega from 'vega'
        import { compile } from 'vega-lite'
        window.draw = (element, spec) =>
          new vega.View(vega.parse(compile(spec).spec), { renderer: 'svg', container: element, hover: true }).runAsync()`,
      resolveDir: process.cwd(),
    },
    bundle: true,
    minify: true,
    write: false,
    platform: 'browser',
    format: 'iife',
  })
  return outputFiles[0]!.text
}

describe.skipIf(!chromium)('hostile texts in a browser', () => {
  const browser = useBrowser()

  it('run nothing, load nothing and say nothing, in no display', async () => {
    const bundles = Object.entries(displays).flatMap(([name, view]) =>
      Object.entries(hostile).map(([what, text]) => ({ name: `${name}: ${what}`, ...toBundle(view(text))! })),
    )
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'draw.js'), drawingScript())
    writeFileSync(
      join(folder, 'page.html'),
      '<!doctype html><meta charset="utf-8"><script src="draw.js"></script><body></body>',
    )
    const page = await browser.newPage()
    const said: string[] = []
    page.on('dialog', (dialog) => {
      said.push(`dialog ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on('console', (message) => said.push(`console ${message.text()}`))
    page.on('pageerror', (error) => said.push(`error ${error.message}`))
    page.on('request', (request) => {
      if (!/^(data:|file:.*\/(page\.html|draw\.js)$)/.test(request.url()))
        said.push(`request ${request.url().slice(0, 80)}`)
    })
    await page.goto(pathToFileURL(join(folder, 'page.html')).href)
    const found = await page.evaluate(async (all) => {
      const failed: string[] = []
      for (const bundle of all as { [mime: string]: any }[]) {
        const place = document.body.appendChild(document.createElement('section'))
        try {
          if (bundle['text/html']) place.innerHTML = bundle['text/html']
          const spec = bundle['application/vnd.vegalite.v5+json']
          if (spec) await (window as any).draw(place, spec)
        } catch (error) {
          failed.push(`${bundle.name}: ${(error as Error).message}`)
        }
        for (const element of place.querySelectorAll('*')) {
          if (/^(script|iframe|object|embed|link|a|img|foreignObject)$/i.test(element.tagName))
            failed.push(`${bundle.name}: <${element.tagName}>`)
          for (const { name, value } of element.attributes)
            if (/^on/i.test(name) || /javascript:/i.test(value)) failed.push(`${bundle.name}: ${name}`)
        }
        if (place.textContent!.length > 60_000)
          failed.push(`${bundle.name}: ${place.textContent!.length} characters`)
      }
      await new Promise((resolve) => setTimeout(resolve, 300))
      return {
        failed,
        ran: (globalThis as any).pwned,
        sections: document.querySelectorAll('section').length,
      }
    }, bundles as never)
    expect(found).toEqual({ failed: [], ran: undefined, sections: bundles.length })
    expect(said).toEqual([])
  })
})
